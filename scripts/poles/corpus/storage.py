"""Files in a folder or at an S3 address, which are opened in the same way."""

import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from poles.corpus import sources
from poles.errors import StudyError

AHEAD = 8 << 20
"""Bytes of an object that are fetched in advance."""

ATTEMPTS = 8
"""Attempts of a request before it fails; the pauses between them grow."""


class RemoteFile(NamedTuple):
    """An object at an S3 address that is read without credentials.

    Attributes
    ----------
    address : str
        ``s3://bucket/key``.
    endpoint : str or None
        URL of the service; None for AWS.
    size : int or None
        Bytes that the object must have.
    """

    address: str
    endpoint: str | None = None
    size: int | None = None

    def __str__(self) -> str:
        return self.address

    @property
    def suffix(self) -> str:
        """The ending of the name, with the dot."""
        return PurePosixPath(self.address).suffix


File = Path | RemoteFile
"""A file that `open_stream` and `open_seekable` can open."""


def located(names: Sequence[str], source: Mapping[str, Any]) -> list[File]:
    """Locate the files of a source by their names.

    Parameters
    ----------
    names : sequence of str
        For kind ``snapshot`` names of parts of the pinned release, else paths.
    source : Mapping
        The section ``source`` of the configuration.

    Returns
    -------
    list of File

    Raises
    ------
    StudyError
        If a local part has another length than the manifest states.
    """
    if source["kind"] != "snapshot":
        return [Path(name) for name in names]
    release = sources.pinned()
    sizes = {part.name: part.size for part in release.parts}
    if "://" in release.works:
        return [RemoteFile(f"{release.works}/{name}", release.endpoint, sizes[name]) for name in names]
    paths = [Path(release.works, name) for name in names]
    for path, name in zip(paths, names, strict=True):
        sources.check_size(path, sizes[name])
    return list(paths)


@functools.cache
def _filesystem(endpoint: str | None) -> fs.S3FileSystem:
    parts = urlsplit(endpoint or "")
    service = {"scheme": parts.scheme, "endpoint_override": parts.netloc} if endpoint else {}
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    # The region matters only for signed requests, which these are not; without it, S3 would be asked for it.
    return fs.S3FileSystem(anonymous=True, region="us-east-1", retry_strategy=retries, **service)


class _ReadAhead(io.RawIOBase):
    """Reads a stream, and fetches its next bytes in advance."""

    def __init__(self, stream: pa.NativeFile):
        self.stream, self.worker, self.chunk = stream, ThreadPoolExecutor(1), memoryview(b"")
        self.next_chunk = self.worker.submit(stream.read, AHEAD)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        if not self.chunk:
            self.chunk = memoryview(self.next_chunk.result())
            if self.chunk:
                self.next_chunk = self.worker.submit(self.stream.read, AHEAD)
        count = min(len(target), len(self.chunk))
        target[:count], self.chunk = self.chunk[:count], self.chunk[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self.worker.shutdown(cancel_futures=True)
            self.stream.close()
        super().close()


def _open_remote(file: RemoteFile) -> pa.NativeFile:
    """Open an object to be read at any position, after checking its size."""
    system, key = _filesystem(file.endpoint), file.address.removeprefix("s3://")
    stream = system.open_input_file(key)
    if file.size is not None and stream.size() != file.size:
        size = stream.size()
        stream.close()
        raise StudyError(
            f"{file}: has {size} bytes, but the manifest says {file.size}; the release has changed since: "
            "remove results/harvest and run again"
        )
    return stream


def reason(error: Exception) -> str:
    """Return the text of a reading error, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:300]


@contextmanager
def open_seekable(file: File) -> Iterator[BinaryIO | pa.NativeFile]:
    """Open a file to be read at any position.

    Raises
    ------
    StudyError
        If the file cannot be opened, or an object has another size than it must have.
    """
    try:
        stream = file.open("rb") if isinstance(file, Path) else _open_remote(file)
    except OSError as error:
        raise StudyError(f"{file}: cannot be read ({reason(error)})") from None
    with stream:
        yield stream


def is_empty(file: File) -> bool:
    """Whether a file has no bytes.

    Raises
    ------
    StudyError
        As `open_seekable`.
    """
    with open_seekable(file) as stream:
        return not stream.read(1)


@contextmanager
def open_stream(file: File) -> Iterator[IO[bytes]]:
    """Open a file to be read from beginning to end; an object is fetched in advance.

    Raises
    ------
    StudyError
        As `open_seekable`.
    """
    with open_seekable(file) as stream:
        if isinstance(file, Path):
            yield stream
        else:
            with io.BufferedReader(_ReadAhead(stream), 1 << 20) as buffered:
                yield buffered
