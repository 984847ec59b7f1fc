"""The page of a result while Python goes on, for notebooks and scripts."""

from contextlib import ExitStack
from pathlib import Path

from overseg.report import TerminalReport
from overseg.view.opening import open_pages
from overseg.view.server import PageServer


class Window:
    """A page that is served until `close` or the end of the program. In a notebook it is shown in a frame.

    Attributes:
        url: its address, for a browser on this machine.
    """

    def __init__(
        self,
        store: str | Path,
        other: str | Path | None = None,
        *,
        video: str | Path | None = None,
        read_only: bool = False,
        height_px: int = 760,
    ) -> None:
        """
        Args:
            store, other, video, read_only: as in `open_pages`.
            height_px: of the frame in a notebook.

        Raises:
            OversegError: a store has no result, or the two are of different videos.
        """
        self._height_px = height_px
        self._stack = ExitStack()
        report = TerminalReport()
        self._stack.callback(report.close)
        app = self._stack.enter_context(open_pages(store, other, video=video, read_only=read_only, report=report))
        server = PageServer()
        server.answer_with(app)
        self.url: str = self._stack.enter_context(server.in_background())

    def close(self) -> None:
        """End the server, and let others edit. A second call does nothing."""
        self._stack.close()

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return f'<iframe src="{self.url}" width="100%" height="{self._height_px}" style="border:0"></iframe>'
