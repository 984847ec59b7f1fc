"""Name the tracks of a result by words: `overseg.label`."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments
from overseg.api.shared import reporting
from overseg.data.setting import check_range
from overseg.errors import SettingsError

if TYPE_CHECKING:
    from overseg.detect.naming import NamedTrack
    from overseg.stages import Report


@checked_arguments
def label(
    store: str | Path,
    *,
    text: str | Sequence[str],
    detector: str | Path | None = None,
    frames: int = 8,
    min_score: float = 0.2,
    video: str | Path | None = None,
    device: str = "auto",
    report: "Report | None" = None,
) -> "list[NamedTrack]":
    """Name tracks that agree with what words describe; what `overseg label` does. The names are edits of the result.

    Example:
        >>> overseg.label("cup.zarr", text=["a cup", "a hand"])  # doctest: +SKIP

    Args:
        store: the store of a run.
        text: what to look for, one text for each kind of object.
        detector: weights of a zero-shot detector, by name or folder; None for Grounding DINO.
        frames: on how many frames to look, evenly over the video.
        min_score: a track of a lower score stays without a name; see `NamedTrack`.
        video: where the store's input is now, if it was moved.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        report: receives the progress of every step; None for progress bars on a terminal.

    Returns:
        The tracks that were named, with their scores, by number.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.build import build_words_detector
    from overseg.detect.naming import named_tracks
    from overseg.edits.editor import Editor
    from overseg.output.input_video import open_input
    from overseg.presets import resolve_device

    texts = [text] if isinstance(text, str) else list(text)
    if not texts:
        raise SettingsError('expected words to look for: --text "a cup"')
    check_range("frames", frames, int, 1, None)
    check_range("min_score", min_score, float, 0, 1)
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        editor = stack.enter_context(Editor(store))
        frames_of = stack.enter_context(open_input(editor.result, video))
        model = build_words_detector(detector, texts, resolve_device(device, needs_torch=True), report=report)
        found = named_tracks(editor.result, frames_of, model, n_frames=frames, min_score=min_score, report=report)
        taken = {one.name for one in editor.result.names.values()}
        for one in found:
            name = next(name for name in _numbered(one.category) if name not in taken)
            taken.add(name)
            editor.name(one.track, name, category=one.category)
    return found


def _numbered(category: str) -> Iterator[str]:
    """The category, and then with numbers after it, from 2 on."""
    yield category
    yield from (f"{category} {number}" for number in count(2))
