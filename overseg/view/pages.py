"""What the page asks its server for: the stores, their masks and pictures, and edits."""

import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overseg.correcting.sam_and_flow import SamAndFlow
from overseg.errors import OversegError
from overseg.view import asked
from overseg.view.desk import Desk
from overseg.view.server import wrong
from overseg.view.shown import Shown, as_json, differences
from overseg.view.suspects import suspects

_CROP_PX = 96
_MOST_REVISIONS = 10**9


class Pages:
    """Answers the requests of the page."""

    def __init__(self, stores: list[Shown], desk: Desk, maker: SamAndFlow) -> None:
        """
        Args:
            stores: the store, and perhaps a second one to compare with.
            desk: makes edits of the first one.
            maker: makes masks for the first one.
        """
        self._stores, self._desk, self._maker = stores, desk, maker
        self._suspects: tuple[int, list[dict[str, Any]]] = (-1, [])

    def app(self) -> Starlette:
        """The application that answers the addresses below `/api/`."""
        get: dict[str, Callable[[Request], Response]] = {
            "/api/facts": self._facts,
            "/api/tracks": self._tracks,
            "/api/changes": self._changes,
            "/api/masks/{frame}": self._masks,
            "/api/picture/{frame}": self._picture,
            "/api/crop/{track}": self._crop,
            "/api/panel/{track}": self._panel,
            "/api/bars": self._bars,
            "/api/suspects": self._places,
            "/api/differences/{frame}": self._differences,
        }
        post: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/api/state": self._state,
            "/api/edit": self._edit,
            "/api/prompt": self._prompt,
            "/api/prepare": self._prepare,
        }
        routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
        routes += [Route(path, _posted(answer), methods=["POST"]) for path, answer in post.items()]
        refused = {OversegError: _refused, HTTPException: wrong, IndexError: _missing}
        app = Starlette(routes=routes, exception_handlers=refused)
        app.router.redirect_slashes = False
        return app

    def _store(self, request: Request) -> Shown:
        return self._stores[asked.number(request.query_params.get("store", "0"), "a store", len(self._stores))]

    def _frame(self, request: Request, shown: Shown) -> int:
        return asked.number(request.path_params["frame"], "a frame", len(shown.result))

    def _track(self, request: Request, shown: Shown) -> int:
        return asked.number(request.path_params["track"], "a track", shown.result.n_tracks)

    def _facts(self, request: Request) -> Response:
        facts = self._store(request).facts()
        return _json(
            facts | {"stores": len(self._stores), "log": self._desk.log(), "readOnly": self._desk.why_read_only}
        )

    def _tracks(self, request: Request) -> Response:
        return _json(self._store(request).tracks())

    def _changes(self, request: Request) -> Response:
        since = asked.number(request.query_params.get("since"), "a revision", _MOST_REVISIONS)
        return _json(self._stores[0].track_changes(since))

    def _masks(self, request: Request) -> Response:
        shown = self._store(request)
        return Response(shown.masks(self._frame(request, shown)), media_type="application/octet-stream")

    def _picture(self, request: Request) -> Response:
        shown = self._store(request)
        frame, most = self._frame(request, shown), shown.result.size[1]
        width = asked.number(request.query_params.get("width", str(most)), "a width", most + 1)
        return Response(shown.pictures.jpeg(frame, max(1, width)), media_type="image/jpeg")

    def _crop(self, request: Request) -> Response:
        shown = self._store(request)
        track, frame = self._track(request, shown), request.query_params.get("frame")
        at = None if frame is None else asked.number(frame, "a frame", len(shown.result))
        return Response(shown.crop(track, at, _CROP_PX), media_type="image/jpeg")

    def _panel(self, request: Request) -> Response:
        shown = self._store(request)
        return _json(shown.panel(self._track(request, shown)))

    def _bars(self, request: Request) -> Response:
        shown = self._store(request)
        words = request.query_params.get("tracks", "").split(",")[:200]
        return _json(shown.bars([asked.number(word, "a track", shown.result.n_tracks) for word in words]))

    def _places(self, request: Request) -> Response:
        shown = self._stores[0]
        if self._suspects[0] != shown.revision:
            revision = shown.revision
            self._suspects = (revision, [asdict(one) for one in suspects(shown.result)])
        return _json(self._suspects[1])

    def _differences(self, request: Request) -> Response:
        if len(self._stores) < 2:
            raise HTTPException(404, "there is no second store")
        frame = asked.number(request.path_params["frame"], "a frame", min(len(one.result) for one in self._stores))
        return _json(differences(self._stores[0].result, self._stores[1].result, frame))

    def _state(self, found: dict[str, Any]) -> dict[str, Any]:
        seat = self._desk.sit(str(found.get("seat", "")), take=found.get("take") is True)
        self._desk.refresh()
        for other in self._stores[1:]:
            other.refresh()
        return {
            "seat": seat,
            "readOnly": self._desk.why_read_only,
            "whyGrey": self._stores[0].pictures.why_grey,
            "revisions": [shown.revision for shown in self._stores],
        }

    def _edit(self, found: dict[str, Any]) -> dict[str, Any]:
        """Make an edit, and answer with the masks of the frame that the page shows, which it needs next.

        What changed of the list of tracks takes longer, and is asked for afterwards.
        """
        shown = self._stores[0]
        frame = asked.number(found.get("shows", 0), "a frame", len(shown.result))
        made = self._desk.edit(found)
        labels = shown.labels(are_more=made["made"] is not None)
        return {**made, **labels, "masks": base64.b64encode(shown.masks(frame)).decode()}

    def _prompt(self, found: dict[str, Any]) -> dict[str, Any]:
        result = self._stores[0].result
        frame = asked.number(found.get("frame"), "a frame", len(result))
        points, box_xyxy = asked.points(found, result.size), asked.box(found, result.size)
        counts, score = self._maker.prompted(result, frame, points=points, box_xyxy=box_xyxy)
        return {"counts": counts.decode(), "score": round(score, 3)}

    def _prepare(self, found: dict[str, Any]) -> dict[str, Any]:
        result = self._stores[0].result
        self._maker.prepare(result, asked.number(found.get("frame"), "a frame", len(result)))
        return {}


def _json(found: Any) -> Response:
    return Response(as_json(found), media_type="application/json")


def _posted(answer: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
    async def answered(request: Request) -> Response:
        return _json(await run_in_threadpool(answer, await asked.body(request)))

    return answered


def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


def _missing(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 404)
