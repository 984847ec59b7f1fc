"""A result as users hold it: what the store reads, and what a user does with it next."""

from pathlib import Path
from typing import TYPE_CHECKING

from overseg.errors import SettingsError
from overseg.store.result import Result as StoredResult

if TYPE_CHECKING:
    from overseg.edits.editor import Editor
    from overseg.view.window import Window


class Result(StoredResult):
    """A result with the verbs that need other rooms than the store. It only adds methods."""

    def edit(self, *, video: str | Path | None = None) -> "Editor":
        """Return an editor, which changes the result and keeps the changes beside it.

        Example:
            >>> with overseg.open("cup.zarr").edit() as edit:  # doctest: +SKIP
            ...     edit.merge(13, 73, 125)
            ...     edit.name(13, "cup", category="dish")
            >>> overseg.open("cup.zarr").names[13].name  # doctest: +SKIP
            'cup'

        Args:
            video: where the input is now, if it was moved; it is opened for masks of clicks and for propagation.

        Raises:
            StoreError: another process edits the store, or it cannot be written.
        """
        from overseg.correcting.sam_and_flow import KeptInput, SamAndFlow
        from overseg.edits.editor import Editor
        from overseg.report import TerminalReport

        return Editor(self.path, SamAndFlow(KeptInput(video), TerminalReport()))

    def view(
        self, other: "StoredResult | None" = None, *, video: str | Path | None = None, read_only: bool = False
    ) -> "Window":
        """Return the page of `overseg view`, which shows and corrects the result; a notebook shows it in a frame.

        Example:
            >>> window = overseg.open("cup.zarr").view()  # doctest: +SKIP
            >>> window.url  # open it in a browser  # doctest: +SKIP
            >>> window.close()  # doctest: +SKIP

        Args:
            other: a second result of the same video, to compare with.
            video: where the input is now, if it was moved.
            read_only: do not edit.

        Raises:
            SettingsError: the extra `view` is not installed.
            OversegError: the two results are of different videos.
        """
        try:
            from overseg.view.window import Window
        except ModuleNotFoundError as e:
            if e.name not in ("starlette", "uvicorn"):
                raise
            raise SettingsError("the page needs the packages of the extra `view`: pip install 'overseg[view]'") from e
        return Window(self.path, None if other is None else other.path, video=video, read_only=read_only)
