"""Sends requests to an API, retries those that may succeed later, and reports failures in one line."""

import http.client
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from overseg.errors import HostError
from overseg.files.atomic import replacing
from overseg.hosted.token import Token

T = TypeVar("T")
_BUSY = (429, 503)  # the server did not process the request
_FAILED = (500, 502, 504)  # the server may have processed the request
_SCHEMES = ("https", "http", "data")  # of downloads: never a file of this machine
_LONGEST_DETAIL = 300
_ADVICE = {401: "check the token", 402: "the account has to pay first", 403: "check what the token allows"}
_LATER = "try again later"


@dataclass(frozen=True)
class RetryPolicy:
    """Retries and time limits of requests.

    Attributes:
        tries: how often a request is sent before it fails.
        first_wait_s: seconds before the first retry; doubled for each further one.
        poll_s: seconds between two queries of unfinished work.
        stall_s: seconds without an answer after which a request fails.
        longest_s: seconds after which unfinished work is cancelled.
    """

    tries: int = 5
    first_wait_s: float = 1.0
    poll_s: float = 1.0
    stall_s: float = 60.0
    longest_s: float = 7200.0


class NotFoundError(HostError):
    """The API answers 404: there is nothing at this address."""


class Connection:
    """A connection to one API with the user's token. The token is sent to that API's host alone, also on redirects."""

    def __init__(self, base_url: str, token: Token, *, policy: RetryPolicy | None = None) -> None:
        """
        Args:
            base_url: address of the API.
            token: the user's token.
            policy: retries and time limits; None for the defaults.
        """
        self._base_url, self.token, self.policy = base_url.rstrip("/"), token, policy or RetryPolicy()

    def get(self, url: str) -> dict:
        """Return the JSON object at an address, or at a path below the base; HostError if that fails."""
        return self._json(self._request(url), again_on=(*_BUSY, *_FAILED))

    def post(self, url: str, body: bytes, *, content_type: str, repeatable: bool) -> dict:
        """Send a body and return the answer's JSON object; NotFoundError if the address does not exist.

        Args:
            url: the address, or a path below the base.
            body: the content to send.
            content_type: media type of the content.
            repeatable: whether to send it again if the server may have processed it; not if that would cost twice.

        Raises:
            HostError: the server cannot be reached, or refuses.
        """
        request = self._request(url, data=body, headers={"Content-Type": content_type})
        again_on = (*_BUSY, *_FAILED) if repeatable else _BUSY
        return self._json(request, again_on=again_on, again_if_lost=repeatable)

    def download(self, url: str, path: Path) -> None:
        """Download an address to a file; the file exists completely or not at all.

        Raises:
            HostError: the download fails.
            OSError: the file cannot be written.
        """

        def keep(answer: Any) -> None:
            with temporary.open("wb") as file:
                shutil.copyfileobj(answer, file)

        with replacing(path) as temporary:
            self._sent(self._request(url), keep, again_on=(*_BUSY, *_FAILED))

    def _request(
        self, url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib.request.Request:
        url = f"{self._base_url}{url}" if url.startswith("/") else url
        if urllib.parse.urlsplit(url).scheme not in _SCHEMES:
            raise HostError(f"{self._base_url} names {self.token.redacted(url)[:80]}, which is not an internet address")
        request = urllib.request.Request(url, data=data, headers={"User-Agent": "overseg", **(headers or {})})
        if _origin(url) == _origin(self._base_url):
            request.add_unredirected_header("Authorization", self.token.header)
        return request

    def _json(self, request: urllib.request.Request, *, again_on: tuple[int, ...], again_if_lost: bool = True) -> dict:
        body = self._sent(request, lambda answer: answer.read(), again_on=again_on, again_if_lost=again_if_lost)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as e:
            raise self._error(request, "the answer is not JSON") from e
        if not isinstance(content, dict):
            raise self._error(request, "the answer is not a JSON object")
        return self.token.redacted(content)

    def _sent(
        self,
        request: urllib.request.Request,
        read: Callable[[Any], T],
        *,
        again_on: tuple[int, ...],
        again_if_lost: bool = True,
    ) -> T:
        for tries_left in range(self.policy.tries - 1, -1, -1):
            try:
                with urllib.request.build_opener().open(request, timeout=self.policy.stall_s) as answer:
                    return read(answer)
            except urllib.error.HTTPError as e:
                kind = NotFoundError if e.code == http.HTTPStatus.NOT_FOUND else HostError
                reason = f"it answers {e.code} {e.reason}{_detail(e)}{_advice(e.code)}"
                error = self._error(request, reason, kind)
                again = e.code in again_on
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as e:
                reason = str(getattr(e, "reason", None) or e or type(e).__name__)
                error, again = self._error(request, f"{reason}; check the network and try again"), again_if_lost
            if not again or not tries_left:
                raise error
            time.sleep(self.policy.first_wait_s * 2 ** (self.policy.tries - 1 - tries_left))
        raise AssertionError("the last try returns or raises")

    def _error(self, request: urllib.request.Request, reason: str, kind: type[HostError] = HostError) -> HostError:
        place = "a data URL" if request.type == "data" else request.full_url
        return kind(self.token.redacted(f"cannot use {place}: {reason}"))


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _advice(status: int) -> str:
    """What the user can do about an HTTP status, if anything."""
    advice = _ADVICE.get(status, _LATER if status in (*_BUSY, *_FAILED) else "")
    return f"; {advice}" if advice else ""


def _detail(error: urllib.error.HTTPError) -> str:
    """The error's detail in the server's JSON, if there is any."""
    try:
        detail = json.loads(error.read()).get("detail")
    except (ValueError, RecursionError, AttributeError, OSError, http.client.HTTPException):
        return ""
    return f" ({' '.join(str(detail).split())[:_LONGEST_DETAIL]})" if detail else ""
