"""The reference of the configuration: a page for readers and a schema for editors, made from `Settings`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from poles.study.settings import Settings

PAGE = Path("config/README.md")
"""The page, relative to the root of the project."""
SCHEMA = Path("workflow/schemas/config.schema.yaml")
"""The JSON schema (draft 2020-12), relative to the root of the project."""
HEAD = """# Configuration

All settings of the study. `config.yaml` is the default. Each of the other files here is an overlay for one
use: `snakemake --configfile config/NAME.yaml` merges it into the default. An overlay replaces a list as a
whole, which is why selections (`run`) are lists. Change one key with `--config 'demo={works: 200000}'`. A key
that does not exist, or an impossible value, stops the study before it starts.

This page is made from `scripts/poles/study/settings.py` by `make config/README.md`.

| key | type | default | meaning |
|---|---|---|---|
"""


class _WithoutTitles(GenerateJsonSchema):
    """JSON schema without titles, which would repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """JSON schema of the configuration."""
    return Settings.model_json_schema(schema_generator=_WithoutTitles)


def page() -> str:
    """Markdown page with a table of all keys."""
    schema = json_schema()
    return HEAD + "\n".join(_rows(schema, schema["$defs"], "")) + "\n"


def schema_file() -> str:
    """Text of the schema file."""
    head = "# Made from scripts/poles/study/settings.py by `make config/README.md`.\n"
    schema = {"$schema": _WithoutTitles.schema_dialect, **json_schema()}
    return head + yaml.safe_dump(schema, sort_keys=False, width=110)


def write(root: Path) -> None:
    """Write the page and the schema.

    Parameters
    ----------
    root : Path
        Root of the project.
    """
    (root / PAGE).write_text(page(), encoding="utf-8")
    (root / SCHEMA).write_text(schema_file(), encoding="utf-8")


def _rows(section: Mapping[str, Any], sections: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """One row for each key of a section and of the sections in it."""
    for key, part in section["properties"].items():
        inner = _section(part, sections)
        meaning = " ".join((part.get("description") or inner["description"]).split())
        default = yaml.safe_dump(
            part.get("default"), default_flow_style=True, sort_keys=False, width=1000
        ).split("\n")[0]
        shown = "" if _kind(part) == "object" and not part.get("default") else f"`{default}`"
        yield f"| `{prefix}{key}` | {_kind(part)} | {shown} | {meaning} |"
        if inner:
            name = "" if "$ref" in part else ".NAME"
            yield from _rows(inner, sections, f"{prefix}{key}{name}.")


def _section(part: Mapping[str, Any], sections: Mapping[str, Any]) -> Mapping[str, Any]:
    """Schema of the section that a key holds, by itself or under names; empty for a single value."""
    by_name = list(part.get("patternProperties", {}).values())
    reference = part.get("$ref") or (by_name[0].get("$ref") if by_name else None)
    return sections[reference.rpartition("/")[2]] if reference else {}


def _kind(part: Mapping[str, Any]) -> str:
    """Type of a value, with its limits."""
    if "anyOf" in part:
        return " or ".join(_kind(alternative) for alternative in part["anyOf"])
    if "enum" in part:
        return "one of " + ", ".join(f"`{value}`" for value in part["enum"])
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    bounds = [f"{word} {part[limit]:g}" for limit, word in limits.items() if limit in part]
    return " ".join([part.get("type", "object"), *bounds])
