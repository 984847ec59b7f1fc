"""The last lines of a command that makes a store: what is in it, what was not finished, and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overseg.store.result import Result


def last_line(store: str, result: "Result") -> str:
    """Name the result, what was not finished, and two useful commands.

    Args:
        store: as the user wrote it.
        result: in the store.
    """
    name = store.rstrip("/").rpartition("/")[2].removesuffix(".zarr")
    look = f"`overseg render {store} {name}_overlay.mp4`"
    left = result.summary["left_undone"]
    if not left:
        return f"{store}: complete; next: {look}, `overseg info {store} --tree`"
    what, _, how = left.rpartition("; ")
    return f"{store}: not finished: {what}; next: {how}, {look}"


@contextmanager
def interruptible(args: Any) -> Iterator[None]:
    """A block that Ctrl-C may interrupt; `args.if_interrupted` then says whether the store can be opened."""
    try:
        yield
    except BaseException:
        args.if_interrupted = _if_interrupted(args.output)
        raise


def _if_interrupted(store: str) -> str:
    from overseg.errors import OversegError
    from overseg.store.progress import progress

    continued = "the same command continues from there"
    try:
        has_result = progress(store).has_result
    except (OversegError, OSError):
        has_result = False
    if not has_result:
        return f"what was committed is kept: {continued}"
    return f"{store} holds the result so far: overseg info, render and export open it, and {continued}"
