"""Who may use the page: only a browser that got its address, on this machine, from the page itself."""

import secrets

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 64 << 20  # of a request's body
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class OnlyThisPage:
    """Passes on requests with the token, this host, and no foreign origin; answers all others itself.

    The token is the first part of the path, which is removed.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        """
        Args:
            app: gets the requests.
            token: of the address.
            port: on which the server listens.
        """
        self._app, self._token = app, token
        self._hosts = {f"{host}:{port}" for host in HOSTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        path = scope["path"].removeprefix(f"/{self._token}") or "/"
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse("this server answers on the loopback address only", 421)
        if any(origin.lower() not in {f"http://{host}" for host in self._hosts} for origin in origins):
            return PlainTextResponse("another page must not use this server", 403)
        if scope["method"] == "POST" and headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return PlainTextResponse("another page must not use this server", 403)
        given = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse("open the address that `overseg view` printed", 403)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("expected GET or POST", 405)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > MOST_BYTES:
            return PlainTextResponse(f"expected at most {MOST_BYTES} bytes", 413)
        return None


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return with_headers
