"""The country table compared with ISO 3166-1, OpenAlex, UN M49 and the history of the EU."""

import polars as pl
import pycountry
import pytest
import yaml

from poles import countries


@pytest.mark.parametrize(
    ("code", "year", "region"),
    [
        ("DE", 2021, "EU"), ("GB", 2019, "EU"), ("GB", 2021, "Northern Europe"),
        ("PL", 2003, "Eastern Europe"), ("PL", 2004, "EU"), ("JP", 2021, "Eastern Asia"),
        ("AQ", 2021, "Antarctica"),
    ],
)  # fmt: skip
def test_the_region_of_a_country_is_the_union_or_that_of_m49(code, year, region):
    assert countries.region_of(code, year) == region


@pytest.mark.parametrize("year", [1957, 1980, 2003, 2007, 2013, 2019, 2020, 2023])
def test_the_union_is_the_same_as_a_region_and_as_a_set(year):
    union = {code for code in countries.names() if countries.region_of(code, year) == "EU"}
    assert union == countries.eu_members(year)


def test_countries_have_an_article_within_a_sentence_where_english_has_one():
    assert [countries.in_text(code) for code in ("US", "NL", "CN", "DO", "MH", "TZ")] == [
        "the United States", "the Netherlands", "China", "the Dominican Republic", "the Marshall Islands",
        "Tanzania",
    ]  # fmt: skip


def test_iso_3166():
    iso = {country.alpha_2: country.alpha_3 for country in pycountry.countries}
    codes = dict(countries.load().select("code", "code3").iter_rows())
    assert codes == iso | {"XK": "XKX"}
    assert countries.numeric() == {int(country.numeric): country.alpha_2 for country in pycountry.countries}


def test_every_code_of_openalex_has_a_name(shared_data):
    listed = yaml.safe_load((shared_data("openalex-reference-lists") / "countries.yaml").read_text())
    openalex = {entry["id"].removeprefix("countries/"): entry["display_name"] for entry in listed["values"]}
    assert len(openalex) == 247
    names = countries.names()
    assert openalex.keys() <= names.keys()
    different = {code for code, name in openalex.items() if name.replace("&", "and") != names[code]}
    # Names differ only where OpenAlex abbreviates, or writes "St.".
    assert different == {"DO", "GS", "KN", "MP", "PM", "VC"}


def test_table_is_sorted_and_complete_and_has_no_repetition():
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
    # The sizes in M49, with Taiwan added to Asia and Kosovo to Europe.
    sizes = {"Africa": 60, "Americas": 57, "Asia": 50 + 1, "Europe": 51 + 1, "Oceania": 29, None: 1}
    frame = countries.load()
    assert dict(frame.group_by("region").len().iter_rows()) == sizes
    assert frame.filter(pl.col("region").is_null())["code"].to_list() == ["AQ"]
    subregions = dict(frame.group_by("subregion").agg("region").iter_rows())
    assert len(subregions) == 17 + 1
    assert all(len(set(regions)) == 1 for regions in subregions.values())
    by_country = dict(frame.select("code", "subregion").iter_rows())
    surprising = {
        "CY": "Western Asia",
        "SD": "Northern Africa",
        "IR": "Southern Asia",
        "RU": "Eastern Europe",
    }
    assert {code: by_country[code] for code in surprising} == surprising


def test_eu_by_year():
    sizes = {1957: 0, 1958: 6, 1973: 9, 1981: 10, 1990: 12, 1994: 12, 1995: 15, 2000: 15, 2003: 15, 2004: 25}
    sizes |= {2006: 25, 2007: 27, 2012: 27, 2013: 28, 2019: 28, 2020: 27, 2021: 27, 2023: 27}
    assert {year: len(countries.eu_members(year)) for year in sizes} == sizes


def test_eu_today():
    members = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
    assert countries.eu_members(2023) == set(members.split())
    assert countries.eu_members(2019) - countries.eu_members(2020) == {"GB"}


def test_foreign_codes_are_no_countries_and_their_countries_exist():
    foreign = pl.read_csv(countries.FOREIGN, null_values=[""])
    aliases = pl.read_csv(countries.ALIASES)
    known = countries.load()
    assert foreign["code"].is_sorted() and foreign["code"].is_unique().all()
    assert foreign["meaning"].null_count() == 0
    assert not set(foreign["code"]) & {*known["code"], *known["code3"]}
    assert {*foreign["country"].drop_nulls(), *aliases["code"]} <= set(known["code"])
    withdrawn = {country.alpha_4[:2] for country in pycountry.historic_countries}
    assert withdrawn - set(known["code"]) - {"FQ", "NQ"} <= set(foreign["code"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UK", "GB"),
        ("EL", "GR"),
        ("us", "US"),
        ("USA", "US"),
        (" deu ", "DE"),
        ("KOS", "XK"),
        ("China", "CN"),
        ("Namibia", "NA"),
        ("the United States of America", "US"),
        ("Korea, Rep.", "KR"),
        ("KOREA, REPUBLIC OF", "KR"),
        ("Korea, Democratic People's Republic of", "KP"),
        ("Türkiye", "TR"),
        ("Côte d’Ivoire", "CI"),
        ("EU", None),
        ("WLD", None),
        ("ZZ", None),
        ("", None),
    ],
)
def test_the_country_that_was_meant(text, code):
    assert countries.meant(text) == code


def test_advice_says_what_a_code_stands_for():
    assert countries.advice("UK") == "did you mean GB?"
    assert countries.advice("eu") == "EU is the European Union"
    assert countries.advice("EU27_2020") == "EU27_2020 is a group of countries"
    assert countries.advice("ZZ") == ""


def test_official_names_are_recognised():
    meant = {entry.alpha_2: countries.meant(entry.name) for entry in pycountry.countries}
    wrong = {code: guess for code, guess in meant.items() if guess not in (None, code)}
    assert not wrong
    assert sum(guess is None for guess in meant.values()) < 15
