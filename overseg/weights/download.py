"""One file over HTTP: resumed where it was cut off, verified, and there as a whole or not at all."""

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
"""Told of progress: bytes that are here, bytes in all."""

_CHUNK_BYTES = 1 << 20
_STALL_SECONDS = 30.0
_FRUITLESS_TRIES = 3


def download(url: str, file: WeightFile, target: Path, *, report: Report | None = None) -> None:
    """Download `file` from `url` to `target`.

    What arrives is kept in `target` + ".part" and continued by the next call when this one is cut off. A part that
    turns out wrong as a whole is thrown away and fetched once more from the start.

    Args:
        url: address of the file.
        file: what it must be; anything else is refused.
        target: where it goes, in an existing folder. Nobody else may write there meanwhile: the caller holds a lock.
        report: told of progress.

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
        raise WeightsError(f"{url} has sha256 {sha256} where {file.sha256} was expected; it was thrown away")
    part.replace(target)


def _complete(url: str, file: WeightFile, part: Path, *, report: Report | None) -> None:
    """Append to `part` until it has the expected length, for as long as tries bring something new."""
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
    """Ask once for what is missing and append what comes; a server that ignores the range sends all of it anew."""
    headers = {"User-Agent": "overseg", "Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        # urlopen would go on with the proxies of the first download of this process
        answer = urllib.request.build_opener().open(request, timeout=_STALL_SECONDS)
    except urllib.error.HTTPError as e:
        if e.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and had:
            part.unlink()  # what is here is no beginning of what is there
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
