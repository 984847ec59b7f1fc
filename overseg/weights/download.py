"""Downloads one file over HTTP: resumes, verifies, and leaves a complete file or none."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from overseg.errors import WeightsError
from overseg.weights.catalogue import WeightFile
from overseg.weights.hashing import sha256_of

Report = Callable[[int, int], None]
"""Receives progress: bytes downloaded, bytes in total."""

_CHUNK_BYTES = 1 << 20
_STALL_SECONDS = 30.0
_FRUITLESS_TRIES = 3


def download(url: str, file: WeightFile, target: Path, *, report: Report | None = None) -> None:
    """Download `file` from `url` to `target`.

    The download is written to `target` + ".part"; if it is interrupted, the next call resumes it. A resumed file with a
    wrong hash is deleted and downloaded once more from the start.

    Args:
        url: address of the file.
        file: expected size and hash; any other file is refused.
        target: destination in an existing folder. The caller holds a lock, as nobody else may write there meanwhile.
        report: receives the progress.

    Raises:
        WeightsError: the server cannot be reached, refuses, or has another file.
        OSError: the file cannot be written.
    """
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    _complete(url, file, part, report=report)
    if resumed and sha256_of(part) != file.sha256:
        part.unlink()
        _complete(url, file, part, report=report)
    sha256 = sha256_of(part)
    if sha256 != file.sha256:
        part.unlink()
        raise WeightsError(f"{url} has sha256 {sha256} where {file.sha256} was expected; it was deleted")
    part.replace(target)


def _complete(url: str, file: WeightFile, part: Path, *, report: Report | None) -> None:
    """Append to `part` until it has the expected length; give up after several tries without new bytes."""
    fruitless = 0
    while (had := _size(part)) != file.size_bytes:
        if had > file.size_bytes:
            part.unlink()
            had = 0
        try:
            _continue(url, file, part, had, report=report)
            reason = "the connection was closed early"
        except urllib.error.HTTPError as e:
            raise WeightsError(f"{url} answers {e.code} {e.reason}") from e
        except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError) as e:
            reason = str(getattr(e, "reason", None) or e or type(e).__name__)
        fruitless = 0 if _size(part) > had else fruitless + 1
        if fruitless == _FRUITLESS_TRIES:
            kept = f" ({_size(part)} of {file.size_bytes} bytes are kept and will be continued)" if had else ""
            raise WeightsError(f"could not download {url}: {reason}{kept}")


def _continue(url: str, file: WeightFile, part: Path, had: int, *, report: Report | None) -> None:
    """Request the missing bytes once and append them; a server that ignores the range sends the whole file again."""
    headers = {"User-Agent": "overseg", "Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        # urlopen would keep using the proxies of the first download of this process
        answer = urllib.request.build_opener().open(request, timeout=_STALL_SECONDS)
    except urllib.error.HTTPError as e:
        if e.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and had:
            part.unlink()  # the part is not a beginning of the file on the server
            return
        raise
    with answer:
        start = had if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        length = answer.headers.get("Content-Length")
        if length is not None and start + int(length) != file.size_bytes:
            raise WeightsError(f"{url} has {start + int(length)} bytes where {file.size_bytes} were expected")
        with part.open("ab" if start else "wb") as sink:
            here = start
            while chunk := answer.read(_CHUNK_BYTES):
                sink.write(chunk)
                here += len(chunk)
                if report:
                    report(here, file.size_bytes)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
