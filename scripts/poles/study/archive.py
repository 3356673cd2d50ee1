"""The study as files for an archive: all that it takes to audit and repeat it, in the same bytes every time.

`STUDY` holds the sources, the configuration, the pins, the results with their crate and report, and what
Snakemake knows of them. `HARVEST` holds the records that the study read, for ``source.kind: archive``, and
the raw files from outside the results that they came from.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import yaml

from poles.errors import StudyError
from poles.study import audit, crate, embedding, extraction, harvest_layout, places, run_record

FOLDER = Path("archive")
STUDY, HARVEST = "study.tar.gz", "harvest.tar"
SUMS = "SHA256SUMS"
SOURCES = (
    *crate.COPIED, ".gitignore", ".zenodo.json", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "docs",
    "findings", "pyproject.toml", "tests",
)  # fmt: skip
HARVESTED = Path("results/harvest")
MODIFIED = 946684800
"""Time of every member, 2000-01-01 in UTC. As all are equal, no result is older than its inputs."""
README = """# How to audit and repeat this study

{title}

This archive holds the sources, the configuration, the pinned packages and all results of one run of the
study: {source}. Branches: {branches}. Commit: {commit}.

Unpack it in an empty folder, with Python {python} or another version that `README.md` names:

    tar -xzf {study}
    cd study
    sha256sum --check --quiet {sums}    # every file is as it was
    make .venv/ready    # the pinned packages
    .venv/bin/python scripts/audit.py --all    # every result is what this code makes of this source
    .venv/bin/python scripts/write_crate.py --check
    .venv/bin/snakemake -n    # nothing to be done

To repeat the run: `make clean`, then `.venv/bin/snakemake`. All files under `results/` then have the SHA-256
that `{sums}` states, but for those that `docs/provenance.md` lists (section *Two runs*) and for the copy of
the configuration.

`config/config.yaml` is the complete configuration of this run. The one that comes with the study stands in
`results/code/config/config.yaml`. `results/ro-crate-metadata.json` says who made which file, when and how.
{harvest}"""
RAW = """
The raw data are in an archive of their own, `{harvest}` (SHA-256 {digest}).
`tar -xf {harvest} -C study` puts its {raw} files from outside the results in their place, for the audit.
"""
AGAIN = """
To run this or another study on the harvest that `{harvest}` holds, and not on its source, set

    source: {{kind: archive, path: {harvest}, sha256: {digest}}}

in the configuration of this run, or in one whose works are in the same field.
"""

Members = dict[str, Path | bytes]


def write_archives(root: Path, folder: Path = FOLDER) -> Iterator[str]:
    """Write the archives of the study, in the folder in which it worked.

    Equal files give equal archives: names are sorted, and times, owners and rights of files are left out.

    Parameters
    ----------
    root : Path
        Root of the project.
    folder : Path
        Folder of the archives. Files of these names are replaced.

    Yields
    ------
    str
        Lines that say what was written.

    Raises
    ------
    StudyError
        If the study has not been run, or the audit finds a broken link.
    """
    crate.write_crate(root)  # the report, and other files, may be new
    run = run_record.read_run()
    if not audit.recorded_digests():
        raise StudyError(f"{audit.AUDIT}: no digests; run the whole study in this folder first")
    audit.summary(path for path in audit.recorded_digests() if path.startswith("results/"))
    harvest, left_out = _harvest(run)
    for name in harvest:
        if (folder / HARVEST).resolve() == Path(name).resolve():
            raise StudyError(
                f"{name} is what the study was made from, and would be replaced; move it elsewhere"
            )
    folder.mkdir(parents=True, exist_ok=True)
    digest = ""
    if harvest:
        with (folder / HARVEST).open("wb") as stream:
            _write_tar(stream, harvest)
        digest = embedding.file_digest(folder / HARVEST)
    study = _study(root, run, harvest, digest)
    with (folder / STUDY).open("wb") as stream, gzip.GzipFile("", "wb", 6, stream, mtime=0) as compressed:
        _write_tar(compressed, {f"study/{name}": content for name, content in study.items()})
    embedding.replace_file(folder / "README.md", _bytes(study["REPRODUCE.md"]))
    names = ["README.md", STUDY, *([HARVEST] if harvest else [])]
    digests = {name: embedding.file_digest(folder / name) for name in names}
    embedding.replace_file(folder / SUMS, _sums(digests))
    for name, value in digests.items():
        yield f"{folder / name}  {(folder / name).stat().st_size} bytes  SHA-256 {value}"
    if left_out:
        yield (
            f"{len(left_out)} files lie outside this folder and are in no archive, the first is "
            f"{left_out[0]}; name them by relative paths to archive them"
        )


def _bytes(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _digest(content: Path | bytes) -> str:
    return embedding.digest_of(content) if isinstance(content, bytes) else embedding.file_digest(content)


def _sums(digests: Mapping[str, str]) -> bytes:
    """Digests of files, as ``sha256sum`` reads them."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()


def _write_tar(stream: IO[bytes] | gzip.GzipFile, members: Members) -> None:
    """Write files to an uncompressed tar archive whose bytes follow from their names and contents."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(members):
            content = members[name]
            member = tarfile.TarInfo(name)
            member.mtime = MODIFIED
            if isinstance(content, bytes):
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            else:
                member.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(member, file)


def _below(folder: Path, name: str) -> Iterator[str]:
    """Paths of a file, or of the files of a folder, without hidden and compiled ones."""
    if (folder / name).is_file():
        yield name
    for path in (folder / name).rglob("*"):
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield place.as_posix()


def _harvest(run: Mapping[str, Any]) -> tuple[Members, list[str]]:
    """Records of the works that the study read, the raw files, and paths of raw files outside the folder."""
    raw = [path for path in audit.recorded_digests() if not path.startswith("results/")]
    inside = [path for path in raw if not places.leads_out(path)]
    members: Members = {path: Path(path) for path in inside}
    shards = sorted(HARVESTED.glob("records/*.parquet"), key=lambda path: int(path.stem))
    if not raw and not shards:
        return {}, []
    for kind in ("records", "counts"):
        for shard in shards:
            members[harvest_layout.member(kind, shard)] = HARVESTED / kind / shard.name
    record = (extraction.read(shards[0]) if shards else None) or {"params": {"field": None}}
    index = {
        "source": run["source"],
        "field": record["params"]["field"],
        "shards": len(shards),
        "files": {path: audit.recorded_digest(path) for path in raw},
    }
    members[harvest_layout.INDEX] = (json.dumps(index, indent=1, sort_keys=True) + "\n").encode()
    return members, [path for path in raw if path not in inside]


def _study(root: Path, run: Mapping[str, Any], harvest: Members, digest: str) -> Members:
    """All files that it takes to audit and to repeat the study, but for the raw ones."""
    members: Members = {name: root / name for source in SOURCES for name in _below(root, source)}
    members |= {f"results/{place}": crate.RESULTS / place for place in crate.paths(crate.RESULTS)}
    members[f"results/{crate.NAME}"] = crate.RESULTS / crate.NAME
    metadata = Path(".snakemake/metadata")
    members |= {path.as_posix(): path for path in metadata.rglob("*") if path.is_file()}
    config, claims = dict(run["config"]), Path(run["config"]["claims"])
    if claims.is_file():  # it takes precedence over a file of this name at the root of the project
        is_outside = places.leads_out(str(claims))
        config["claims"] = f"config/{claims.name}" if is_outside else claims.as_posix()
        members[config["claims"]] = claims
    head = "# The complete configuration of the run that this archive holds.\n"
    members["config/config.yaml"] = f"{head}{yaml.safe_dump(config, sort_keys=False)}".encode()
    members["REPRODUCE.md"] = _readme(run, harvest, digest).encode()
    members[SUMS] = _sums({name: _digest(members[name]) for name in sorted(members)})
    return members


def _readme(run: Mapping[str, Any], harvest: Members, digest: str) -> str:
    """How to audit and repeat the study."""
    raw = sum(not name.startswith(f"{harvest_layout.FOLDER}/") for name in harvest)
    parts = [RAW] if raw else []
    parts += [AGAIN] if run["source"]["kind"] != "networks" else []
    known = {"harvest": HARVEST, "digest": digest, "raw": raw}
    return README.format(
        title=crate.read_citation(crate.RESULTS / crate.CODE / "CITATION.cff")["title"],
        source=run_record.describe_source(run["source"]),
        branches=", ".join(run["branches"]),
        commit=run["commit"] or "unknown",
        python=run["python"],
        study=STUDY,
        sums=SUMS,
        harvest="".join(parts).format(**known),
    )
