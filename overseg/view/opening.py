"""Opening one or two stores as a page."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from starlette.applications import Starlette

from overseg.correcting.sam_and_flow import SamAndFlow
from overseg.edits.editor import Editor
from overseg.errors import SettingsError, StoreError
from overseg.stages import Report
from overseg.view.desk import Desk
from overseg.view.pages import Pages
from overseg.view.shown import Shown


@contextmanager
def open_pages(
    store: str | Path,
    other: str | Path | None = None,
    *,
    video: str | Path | None = None,
    read_only: bool = False,
    report: Report,
) -> Iterator[Starlette]:
    """Yield the application that answers what the page of one or two stores asks for.

    Args:
        store: is shown, and edited unless another process edits it.
        other: a second store of the same video, shown beside the first one.
        video: where the input is now, if it was moved.
        read_only: do not edit.
        report: receives the progress of downloads, and a remark if the store is read-only.

    Raises:
        OversegError: a store has no result, the two are of different videos.
    """
    with ExitStack() as stack:
        maker = SamAndFlow(lambda result: shown.pictures.using_video(), report)
        editor, reason = _editor(store, maker, read_only=read_only)
        if editor is not None:
            stack.callback(editor.close)
        shown = Shown(store, video=video, result=None if editor is None else editor.result)
        stack.callback(shown.close)
        if editor is None and not read_only:
            report.event("remark", line=reason)
        stores = [shown]
        if other is not None:
            second = Shown(other, video=video)
            stack.callback(second.close)
            if (second.result.size, len(second.result)) != (shown.result.size, len(shown.result)):
                raise SettingsError(
                    f"{other} has {len(second.result)} frames of height and width {second.result.size}, {store} has "
                    f"{len(shown.result)} of {shown.result.size}: only stores of the same frames can be compared"
                )
            stores.append(second)
        desk = Desk(shown, editor, reason)
        yield Pages(stores, desk, maker).app()


def _editor(store: str | Path, maker: SamAndFlow, *, read_only: bool) -> tuple[Editor | None, str]:
    """What makes edits, or why nothing can."""
    if read_only:
        return None, "the page was opened read-only"
    try:
        return Editor(store, maker), ""
    except StoreError as e:
        return None, str(e)
