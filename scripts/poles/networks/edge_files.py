"""Recognise the format of an edge list from its first bytes.

The check imports nothing that takes long, so it also runs when Snakemake reads the workflow.
"""

import re
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from poles.errors import DAMAGED, StudyError

ALLOWED = "a CSV, CSV.gz or Parquet file"
"""Formats of edge lists. Pajek, GraphML and zip archives of yearly networks are read as well."""
REST = "OTH"
"""The only code beside those of countries: the rest of the world."""
HEAD = 65536
"""Number of bytes that are looked at."""
GZIP = b"\x1f\x8b"
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"BZh": "compressed with bzip2; compress it with gzip instead",
    b"\xfd7zXZ": "compressed with xz; compress it with gzip instead",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; compress it with gzip instead",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
}
"""What files of other formats are, by their first bytes."""


class Format(NamedTuple):
    """Format of an edge list.

    Attributes
    ----------
    separator : str or None
        Character between the values of a line; None if the file is Parquet.
    gzipped : bool
        Whether the text is compressed.
    kind : str
        ``table`` (an edge list or a country matrix), ``pajek``, ``graphml``, or ``zip`` (an archive of
        networks, one for each year).
    directed : bool
        Whether the links of the layer have a direction. Tables do not tell.
    """

    separator: str | None
    gzipped: bool = False
    kind: str = "table"
    directed: bool = False


def recognise(path: str | Path | None, layer: str) -> Format:
    """Recognise the format of an edge list.

    Parameters
    ----------
    path : str, Path or None
        The file.
    layer : str
        Layer of the study, for messages.

    Returns
    -------
    Format

    Raises
    ------
    StudyError
        If there is no such file, or it is neither Parquet nor text in columns. The message is one short line.
    """
    if not path:
        raise StudyError(f"source.networks.{layer}: missing; allowed: {ALLOWED}")
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(HEAD)
    except FileNotFoundError:
        raise StudyError(f"source.networks.{layer}: {path}: no such file; allowed: {ALLOWED}") from None
    except OSError as error:
        raise StudyError(f"{path}: not readable ({error.strerror}); allowed: {ALLOWED}") from None
    if head.startswith(b"PAR1"):
        return Format(None)
    gzipped = head.startswith(GZIP)
    if gzipped:
        head = _unzipped(path, head)
    other = next((name for start, name in _OTHER_FORMATS.items() if head.startswith(start)), None)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = _kind(path, text)
    if kind:
        return Format(None, gzipped, kind, layer == "citation")
    if not text:
        other = "an empty file"
    elif text[:1] in (b"{", b"["):
        other = "JSON"
    elif text[:1] == b"<":
        other = "a web page or XML"
    elif other is None and b"\0" in text:
        other = "a binary file"
    elif other is None and Path(path).suffix == ".parquet":
        other = "no Parquet file, in spite of its name"
    if other:
        raise StudyError(f"{path}: not readable: this is {other}; allowed: {ALLOWED}")
    return Format(_separator(re.split(rb"[\r\n]", text, maxsplit=1)[0]), gzipped)


def _kind(path: str | Path, text: bytes) -> str | None:
    """Kind of a network that is no table in columns, by its first bytes; None if it is none of these."""
    if text.startswith(b"<") and b"<graphml" in text:
        return "graphml"
    if text[:1] in (b"*", b"%") and b"*vertices" in text.lower():
        return "pajek"
    if text.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as members:
                names = [name.lower() for name in members.namelist()]
        except DAMAGED as error:
            raise StudyError(f"{path}: not readable as a zip file ({error}); allowed: {ALLOWED}") from None
        return "zip" if any(name.endswith((".net", ".graphml", ".csv")) for name in names) else None
    return None


def _unzipped(path: str | Path, head: bytes) -> bytes:
    """First bytes of the content of a gzip file."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error as error:
        raise StudyError(f"{path}: not readable as gzip ({error}); allowed: {ALLOWED}") from None


def _separator(header: bytes) -> str:
    """Separator that occurs most often in a header, outside quotes; a comma if there is none."""
    bare = re.sub(rb'"[^"]*"', b"", header)
    return max(",;\t|", key=lambda separator: bare.count(separator.encode()))
