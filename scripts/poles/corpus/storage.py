"""Files in a folder or at an S3 address, which are opened in the same way."""

import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import urllib3

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
    for name in names:
        sources.check_part(Path(release.works), name, sizes[name])
    return [Path(release.works, name) for name in names]


class _Object(io.RawIOBase):
    """Reads an object by ranges of bytes, from its own host alone.

    The S3 client of Arrow would follow an answer that sends to another host.

    Parameters
    ----------
    file : RemoteFile

    Raises
    ------
    OSError
        If the object cannot be reached or read.
    """

    def __init__(self, file: RemoteFile):
        self.url, self.place = sources.url_of(file.address, file.endpoint), 0
        retries = urllib3.Retry(
            total=ATTEMPTS - 1,
            redirect=False,
            allowed_methods=None,
            status_forcelist=(429, 500, 502, 503, 504),
            backoff_factor=0.1,
            backoff_max=20,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        self.pool = urllib3.PoolManager(retries=retries, timeout=sources.TIMEOUT)
        length = self._ask("HEAD", {}).headers.get("content-length", "")
        if not length.isdecimal():
            raise OSError("the answer does not state a length")
        self.size = int(length)

    def _ask(self, method: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        host = urlsplit(self.url).netloc
        try:
            # Without this, a compressed transfer would have another length than the object.
            headers = {"Accept-Encoding": "identity", **headers}
            answer = self.pool.request(method, self.url, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"{host} cannot be reached: {getattr(error, 'reason', None) or error}") from None
        if 300 <= answer.status < 400:
            raise OSError(sources.sent_away(host, answer.status, answer.headers.get("location")))
        if answer.status >= 400:
            raise OSError(f"{host} answers with {answer.status} {answer.reason or ''}".strip())
        return answer

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        self.place = max(0, start + offset)
        return self.place

    def read(self, size: int | None = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self.place + size, self.size)
        if end <= self.place:
            return b""
        part = f"bytes={self.place}-{end - 1}"
        content = self._ask("GET", {"Range": part}).data
        if len(content) != end - self.place:
            raise OSError(f"{len(content)} bytes instead of {part}")
        self.place = end
        return content

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        memoryview(buffer).cast("B")[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self.pool.clear()
        super().close()


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
    content = _Object(file)
    if file.size is not None and content.size != file.size:
        content.close()
        raise StudyError(
            f"{file}: has {content.size} bytes, but the manifest says {file.size}; the release has changed "
            "since: remove results/harvest and run again"
        )
    return pa.PythonFile(content, mode="r")


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
