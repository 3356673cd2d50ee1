"""Files in a folder or at an S3 address, opened in the same way."""

import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from poles.corpus import sources
from poles.errors import StudyError

AHEAD = 8 << 20
"""Bytes that are fetched while those before them are read."""

ATTEMPTS = 8
"""How often a request is sent before it has failed; the pauses between grow."""


class RemoteFile(NamedTuple):
    """An object at an S3 address, read without credentials.

    Attributes
    ----------
    address : str
        ``s3://bucket/key``.
    endpoint : str or None
        URL of the service; None: AWS.
    size : int or None
        Bytes that it must have.
    """

    address: str
    endpoint: str | None = None
    size: int | None = None

    def __str__(self) -> str:
        return self.address

    @property
    def suffix(self) -> str:
        """Ending of its name, with the dot."""
        return PurePosixPath(self.address).suffix


File = Path | RemoteFile
"""A file that can be opened here."""


def located(names: Sequence[str], source: Mapping[str, Any]) -> list[File]:
    """Files of a source by their names.

    Parameters
    ----------
    names : sequence of str
        Of kind ``snapshot``: parts of the pinned release; of all other kinds: paths.
    source : Mapping
        The section ``source`` of the configuration.

    Returns
    -------
    list of File

    Raises
    ------
    StudyError
        If a local part is not of the length that the manifest states.
    """
    if source["kind"] != "snapshot":
        return [Path(name) for name in names]
    release = sources.pinned()
    sizes = {part.name: part.size for part in release.parts}
    if "://" in release.works:
        return [RemoteFile(f"{release.works}/{name}", release.endpoint, sizes[name]) for name in names]
    files = [Path(release.works, name) for name in names]
    for file, name in zip(files, names, strict=True):
        sources.check_size(file, sizes[name])
    return files


@functools.cache
def _filesystem(endpoint: str | None) -> fs.S3FileSystem:
    parts = urlsplit(endpoint or "")
    place = {"scheme": parts.scheme, "endpoint_override": parts.netloc} if endpoint else {}
    patient = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    # The region matters to requests that are signed, and these are not; asking for it would take a request.
    return fs.S3FileSystem(anonymous=True, region="us-east-1", retry_strategy=patient, **place)


class _Ahead(io.RawIOBase):
    """Reads a stream, the next bytes of which are fetched meanwhile."""

    def __init__(self, stream: pa.NativeFile):
        self.stream, self.worker, self.chunk = stream, ThreadPoolExecutor(1), memoryview(b"")
        self.coming = self.worker.submit(stream.read, AHEAD)

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:
        if not self.chunk:
            self.chunk = memoryview(self.coming.result())
            if self.chunk:
                self.coming = self.worker.submit(self.stream.read, AHEAD)
        count = min(len(target), len(self.chunk))
        target[:count], self.chunk = self.chunk[:count], self.chunk[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self.worker.shutdown(cancel_futures=True)
            self.stream.close()
        super().close()


def _open_remote(file: RemoteFile) -> pa.NativeFile:
    """Open an object for reading at any place, if it is the one that is meant."""
    system, key = _filesystem(file.endpoint), file.address.removeprefix("s3://")
    stream = system.open_input_file(key)
    if file.size is not None and stream.size() != file.size:
        size = stream.size()
        stream.close()
        raise StudyError(
            f"{file}: {size} bytes, but the manifest says {file.size}; the release has changed meanwhile"
        )
    return stream


def reason(error: Exception) -> str:
    """What an error of reading says, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:300]


@contextmanager
def open_seekable(file: File) -> Iterator[BinaryIO | pa.NativeFile]:
    """Open a file to be read at any place.

    Raises
    ------
    StudyError
        If it cannot be opened, or an object is not of the size that it must have.
    """
    try:
        stream = file.open("rb") if isinstance(file, Path) else _open_remote(file)
    except OSError as error:
        raise StudyError(f"{file}: cannot be read ({reason(error)})") from None
    with stream:
        yield stream


@contextmanager
def open_stream(file: File) -> Iterator[io.BufferedIOBase]:
    """Open a file to be read from its beginning to its end; an object is fetched ahead.

    Raises
    ------
    StudyError
        As `open_seekable`.
    """
    with open_seekable(file) as stream:
        if isinstance(file, Path):
            yield stream
        else:
            with io.BufferedReader(_Ahead(stream), 1 << 20) as buffered:
                yield buffered
