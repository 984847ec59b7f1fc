"""What became of the entries of a source: a line on what was left out, and that masks which were given are there."""

from overseg.annotations.annotations import Annotations
from overseg.errors import InputError


def checked_outcome(
    annotations: Annotations, n_masks: int, *, strict: bool = False, elsewhere: str | None = None
) -> str | None:
    """One line on what was left out, or that there is nothing; None where all was read. Call it when all is read.

    Args:
        annotations: what was read.
        n_masks: how many masks there are in the end.
        strict: refuse a source of which something was left out.
        elsewhere: a line on pictures of frames that were not asked for, if there are any.

    Raises:
        InputError: there is no mask, though the source has entries for some; or something was left out, and `strict`.
    """
    left_out = annotations.left_out
    left_out.refuse_if_strict(annotations.source, strict=strict)
    line = left_out.remark(annotations.source)
    if n_masks:
        return line
    if line:
        raise InputError(f"no mask could be read; {line}")
    if elsewhere:
        raise InputError(f"no mask is on the chosen frames; {elsewhere}")
    n = len(annotations.pictures)
    if annotations.is_of_maps or any(annotations.read(row).annotated for row in range(n)):
        raise InputError(
            f"no mask could be read; {annotations.source}: no pixel of its {n} pictures is of an object: are these the "
            "masks?"
        )
    return f"{annotations.source}: no mask is given on its {n} pictures"
