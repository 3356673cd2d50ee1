"""Works for the stand-in of OpenAlex, and arguments of a harvest, for several test modules."""

from typing import Any

FIELD = {"subfields": [1702], "match": "primary"}
SECRET = "secret-key-0123456789"


def topic(number: int, subfield: int) -> dict[str, Any]:
    """Make a topic with its subfield."""
    return {
        "id": f"https://openalex.org/T{number}",
        "display_name": f"topic {number}",
        "score": 0.9,
        "subfield": {"id": f"https://openalex.org/subfields/{subfield}", "display_name": str(subfield)},
    }


def authorship(country: str) -> dict[str, Any]:
    """Make an authorship of one country."""
    institution = {"id": "https://openalex.org/I1", "country_code": country}
    return {"countries": [country], "institutions": [institution]}


def work(
    number: int, year: int = 2020, subfield: int = 1702, authors: int = 2, **changes: Any
) -> dict[str, Any]:
    """Make a work; the authors after the hundredth are from a country that occurs nowhere else."""
    countries = ["US", "CN", "FR"]
    authorships = [
        authorship(countries[(number + place) % 3] if place < 100 else "FJ") for place in range(authors)
    ]
    return {
        "id": f"https://openalex.org/W{number}",
        "publication_year": year,
        "publication_date": f"{year}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "type": "article",
        "language": "en",
        "is_retracted": False,
        "is_paratext": False,
        "is_xpac": False,
        "primary_topic": topic(number % 5 + 1, subfield),
        "topics": [topic(number % 5 + 1, subfield)],
        "authorships": authorships,
        "authors_count": authors,
        "referenced_works": [],
        "cited_by_count": 0,
        "countries_distinct_count": 0,
        "updated_date": "2026-09-01T00:00:00",
        **changes,
    }


def small_corpus() -> list[dict[str, Any]]:
    """Make works of the field in three years, 200 of them in 2020, and works outside it; some cite it."""
    core = [work(number) for number in range(1000, 1198)]
    core += [work(1198, authors=130), work(1199, authors=101)]
    core += [work(number, year=2019) for number in range(2000, 2137)]
    core += [work(number, year=2021) for number in range(3000, 3007)]
    outside = []
    for number in range(5000, 5300):
        cited = [1000 + (7 * number + step * step) % 200 for step in range(number % 4)]
        references = [f"https://openalex.org/W{identity}" for identity in cited]
        outside.append(work(number, year=2019 + number % 4, subfield=1707, referenced_works=references))
    works = {record["id"]: record for record in core + outside}
    for record in outside:
        for reference in record["referenced_works"]:
            works[reference]["cited_by_count"] += 1
    return core + outside


def scope(url: str, **changes: Any) -> dict[str, Any]:
    """Make the scope of a harvest."""
    years = {"first": 2019, "last": 2021}
    return {"url": url, "field": FIELD, "types": None, "years": years, **changes}


def settings(url: str, **changes: Any) -> dict[str, Any]:
    """Make settings of ``source.api``."""
    return {"url": url, "budget": None, "rate": 1000, "timeout": 0.5, "drift": 0.0, **changes}
