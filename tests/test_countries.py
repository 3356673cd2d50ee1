"""The country table beside lists of others: ISO 3166-1, OpenAlex, UN M49, the history of the EU."""

import polars as pl
import pytest
import yaml

from poles import countries


def test_iso_3166():
    pycountry = pytest.importorskip("pycountry")
    iso = {country.alpha_2: country.alpha_3 for country in pycountry.countries}
    ours = dict(countries.load().select("code", "code3").iter_rows())
    assert ours == iso | {"XK": "XKX"}


def test_every_code_of_openalex_has_a_name(shared_data):
    listed = yaml.safe_load((shared_data("openalex-reference-lists") / "countries.yaml").read_text())
    theirs = {entry["id"].removeprefix("countries/"): entry["display_name"] for entry in listed["values"]}
    assert len(theirs) == 247
    ours = countries.names()
    assert theirs.keys() <= ours.keys()
    spelled = {code for code in theirs if theirs[code].replace("&", "and") != ours[code]}
    # Only what OpenAlex abbreviates or writes with "St." is spelled otherwise.
    assert spelled == {"DO", "GS", "KN", "MP", "PM", "VC"}


def test_table_is_sorted_whole_and_without_repetition():
    frame = countries.load()
    assert frame["code"].is_sorted()
    assert frame.height == frame["code"].n_unique() == frame["code3"].n_unique() == frame["name"].n_unique()
    assert frame["code"].str.contains("^[A-Z]{2}$").all()
    assert frame["code3"].str.contains("^[A-Z]{3}$").all()
    assert frame.select("code", "code3", "name").null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("NA", "Namibia"),
        ("XK", "Kosovo"),
        ("TW", "Taiwan"),
        ("KR", "South Korea"),
        ("RU", "Russia"),
        ("GB", "United Kingdom"),
    ],
)
def test_everyday_names(code, name):
    assert countries.names()[code] == name


def test_regions_are_those_of_un_m49():
    # Sizes of the regions in M49, and one more in Asia (Taiwan) and in Europe (Kosovo).
    sizes = {"Africa": 60, "Americas": 57, "Asia": 50 + 1, "Europe": 51 + 1, "Oceania": 29, None: 1}
    frame = countries.load()
    assert dict(frame.group_by("region").len().iter_rows()) == sizes
    assert frame.filter(pl.col("region").is_null())["code"].to_list() == ["AQ"]
    subregions = dict(frame.group_by("subregion").agg("region").iter_rows())
    assert len(subregions) == 17 + 1
    assert all(len(set(regions)) == 1 for regions in subregions.values())
    where = dict(frame.select("code", "subregion").iter_rows())
    surprising = {
        "CY": "Western Asia",
        "SD": "Northern Africa",
        "IR": "Southern Asia",
        "RU": "Eastern Europe",
    }
    assert {code: where[code] for code in surprising} == surprising


def test_eu_by_year():
    sizes = {1957: 0, 1958: 6, 1973: 9, 1981: 10, 1990: 12, 1994: 12, 1995: 15, 2000: 15, 2003: 15, 2004: 25}
    sizes |= {2006: 25, 2007: 27, 2012: 27, 2013: 28, 2019: 28, 2020: 27, 2021: 27, 2023: 27}
    assert {year: len(countries.eu_members(year)) for year in sizes} == sizes


def test_eu_today():
    today = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
    assert countries.eu_members(2023) == set(today.split())
    assert countries.eu_members(2019) - countries.eu_members(2020) == {"GB"}
