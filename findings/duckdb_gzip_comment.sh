#!/usr/bin/env bash
# DuckDB 2.0.1, 2026-11-29: a compressed table with a comment in its gzip header cannot be read.
#
# Input: a CSV file of three links, compressed by gzip. RFC 1952 lets the header hold the name of the file and a
# comment, which readers skip. The comment is a natural place for the provenance of a table: it changes neither
# the table nor its name, and CSV has no place of its own.
# Expected: every reader of gzip files reads the table, as gzip, polars and pandas do.
# What happens: DuckDB reads the file without comment, with a name, and in two members, but refuses the one with a
# comment as an "Unsupported GZIP archive". The message names neither the comment nor the header.
# Instead: keep the provenance of compressed tables in a file beside them, such as a Data Package. To read such a file
# of others, decompress it first.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    duckdb==2.0.1 polars==2.1.0 pandas==2.3.3 >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import gzip
import sys
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl

TABLE = b"source,target,weight\nCN,US,8\nDE,FR,5\nNA,ZA,2\n"
NAME, COMMENT = 8, 16  # flags of RFC 1952

plain = gzip.compress(TABLE, mtime=0)


def with_field(flag, text):
    """The same file with one more field in its header, after the ten fixed bytes."""
    return plain[:3] + bytes([flag]) + plain[4:10] + text + b"\0" + plain[10:]


files = {
    "plain": plain,
    "name": with_field(NAME, b"links.csv"),
    "members": gzip.compress(TABLE[:21], mtime=0) + gzip.compress(TABLE[21:], mtime=0),
    "comment": with_field(COMMENT, b"weights of 2021"),
}
readers = {
    "gzip": lambda path: gzip.open(path).read().count(b"\n") - 1,
    "polars": lambda path: pl.read_csv(path).height,
    "pandas": lambda path: len(pd.read_csv(path)),
    "DuckDB": lambda path: len(duckdb.sql(f"SELECT * FROM read_csv('{path}')").fetchall()),
}

print(f"DuckDB {duckdb.__version__}, polars {pl.__version__}, pandas {pd.__version__}, {date.today()}")
seen = {}
for name, content in files.items():
    path = f"{name}.csv.gz"
    Path(path).write_bytes(content)
    for reader, rows in readers.items():
        try:
            seen[name, reader] = rows(path)
        except Exception as error:
            seen[name, reader] = f"{type(error).__name__}: {error}"
        print(f"{name:<8}  {reader:<7}", seen[name, reader])
refused = seen.pop(("comment", "DuckDB"))
same = "Unsupported GZIP archive" in str(refused) and set(seen.values()) == {3}
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
