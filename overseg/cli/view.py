"""`overseg view`: a page in the browser to look at a result, and to correct it."""

import argparse
import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from overseg.cli.shared import add_moved_video, add_quiet
from overseg.errors import SettingsError


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "view",
        description="Open a page that shows a result and lets you correct it. Only this machine can use the page.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("other", metavar="OTHER.zarr", nargs="?", help="a second store of the same video, to compare")
    add_moved_video(parser)
    parser.add_argument("--port", type=int, default=0, metavar="N", help="where the page is (any that is free)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    parser.add_argument("--read-only", action="store_true", help="do not edit")
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="all edits are kept")


def call(args: argparse.Namespace) -> int:
    """Serve the page until an interrupt."""
    from overseg.report import TerminalReport

    if not 0 <= args.port < 1 << 16:
        raise SettingsError(f"--port takes a number from 0 to 65535, not {args.port}")
    try:
        from overseg.view.server import PageServer
    except ModuleNotFoundError as e:
        if e.name not in ("starlette", "uvicorn"):
            raise
        raise SettingsError("`overseg view` needs the packages of the extra `view`: pip install 'overseg[view]'") from e
    server = PageServer(port=args.port)
    with closing(TerminalReport(quiet=args.quiet)) as report, server.in_background() as url:
        is_told = args.other is None and args.video is None and _has_result(args.store)
        if is_told:
            _tell(url, args)
        from overseg.view.opening import open_pages  # takes half a second, in which the browser loads the page

        options = {"video": args.video, "read_only": args.read_only, "report": report}
        with open_pages(args.store, args.other, **options) as app:
            server.answer_with(app)
            if not is_told:
                _tell(url, args)
            threading.Event().wait()
    return 0


def _has_result(store: str) -> bool:
    """Whether this folder looks like a store with a result; `open_pages` checks it, and knows other places."""
    try:
        attributes = json.loads((Path(store) / "zarr.json").read_bytes())["attributes"]
        return attributes["format"] == "overseg" and attributes["result"] is not None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def _tell(url: str, args: argparse.Namespace) -> None:
    print(f"{url}\nPress Ctrl-C to end. All edits are kept at once.", flush=True)
    if not args.no_browser:
        import webbrowser

        webbrowser.open(url)
