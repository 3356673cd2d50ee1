"""Countries that the study names, against the countries that have links."""

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.claims import checking
from poles.errors import StudyError
from poles.networks.country_table import country_table
from poles.networks.named_countries import check_named


@pytest.fixture(scope="module")
def countries() -> pl.DataFrame:
    links = {
        2000: [("CN", "CN", 7), ("CN", "US", 5), ("FR", "FR", 9)],
        2001: [("CN", "US", 6), ("GB", "US", 1), ("US", "US", 6)],
    }
    frames = (
        country_table(
            year, {"collaboration": pl.DataFrame(rows, ["source", "target", "weight"], orient="row")}
        )
        for year, rows in links.items()
    )
    return pl.concat(frames)


def test_years_with_links_are_counted(countries, caplog):
    table = check_named(countries, {"poles": ["US", "CN"], "claims": ["GB"], "figures.pairs": []})
    assert table.rows() == [("claims", "GB", 1), ("poles", "CN", 2), ("poles", "US", 2)]
    assert not caplog.messages


@pytest.mark.parametrize("pole", ["KP", "FR"])
def test_a_pole_without_links_is_refused_with_the_largest_countries(countries, pole):
    message = rf"^poles: no link in the data to or from {pole}; allowed: .* the largest are CN, US, GB$"
    with pytest.raises(StudyError, match=message):
        check_named(countries, {"claims": ["ZA"], "poles": ["US", pole]})


def test_other_countries_without_links_are_warned_of(countries, caplog):
    table = check_named(countries, {"poles": ["US"], "claims": ["ZA", "NA", "US"]})
    assert table.filter(years=0)["country"].to_list() == ["NA", "ZA"]
    assert caplog.messages == ["claims: no link in the data to or from NA, ZA"]


def test_countries_of_claims():
    claims = [
        {"kind": "trend", "pair": ["US", "CN"], "layer": "citation", "direction": "rises"},
        {"kind": "courses", "countries": ["GB"], "toward": {"FR": "rises"}, "layer": "citation"},
        {"kind": "pole", "country": "IN"},
        {"kind": "polarization", "measure": "correlation"},
        {"kind": "robust", "nulls": ["max_entropy"]},
    ]
    assert checking.countries_of(claims) == ["CN", "FR", "GB", "IN", "US"]
    shipped = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    assert {"US", "CN", "IN"} <= set(checking.countries_of(shipped))
