"""Everything that decides a run's result, besides the video. A store keeps it, and refuses to go on with another."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from overseg.errors import SettingsError

GENERATORS = ("sam1", "hierarchy", "precomputed")
PROPAGATORS = ("sam2", "flow", "none")
DTYPES = ("float32", "bfloat16")
EXACT_ONLY = (
    "box_nms_thresh",
    "crop_n_layers",
    "crop_nms_thresh",
    "crop_overlap_ratio",
    "crop_n_points_downscale_factor",
)
RELAXING = ("min_coverage", "min_pred_iou", "min_stability_score")
NEVER_EXACT = (*RELAXING, "propagated_prompts")  # which `exact` has no use for


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """What every way through a video can be told, of the models and of the frames; see `Settings`, `TrackSettings`.

    Attributes:
        weights: checkpoint of the model that makes masks, by name or path; None where it needs none.
        propagator_weights: checkpoint of the propagator; None where it needs none.
        dtype: precision of the models: float32, or bfloat16 (faster on CUDA, masks a little different).
        propagation_size: side in pixels of the square that SAM 2 sees frames as, a multiple of 32; None for 1024, as it
            was trained. 512 takes a quarter of the time or less, and follows thin and small masks less well.
        max_hole_area_px, max_sprinkle_area_px: SAM 2's masks have holes of at most this area filled and islands of at
            most this area removed, in pixels of its mask logits, four of the model's pixels wide; 0 leaves them.
        compile: whether the SAM models run as compiled graphs: slower at first, then faster, with masks a little
            different.
        resize: frames are shrunk to this length of the longer side, in pixels; None leaves them as they are.
        start, end, stride: every stride-th frame from start up to, not including, end; None is the video's end.
    """

    weights: str | None = None
    propagator_weights: str | None = None
    dtype: str = "float32"
    propagation_size: int | None = None
    max_hole_area_px: int = 8
    max_sprinkle_area_px: int = 0
    compile: bool = False
    resize: int | None = None
    start: int = 0
    end: int | None = None
    stride: int = 1

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings."""
        return tuple(f.name for f in fields(cls))


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Settings of a run, besides those of `SharedSettings`.

    Attributes:
        generator: how masks are made on keyframes: "sam1", "hierarchy" (a preview without weights), "precomputed".
        propagator: how masks are propagated: "sam2", "flow", or "none": every keyframe stands alone.
        masks: folder of masks for the precomputed generator.
        step: frames from one keyframe to the next.
        points_per_side: the generator's prompt grid has this many points on a side.
        pred_iou_thresh: least predicted IoU of a generated mask, in [0, 1].
        stability_score_thresh: least stability score of a generated mask, in [0, 1].
        min_mask_region_area: holes and islands of generated masks smaller than this, in pixels, are removed; 0 leaves
            them, None is min_area_px, or 0 with `exact`.
        min_coverage: share of a keyframe, in [0, 1], that the generator tries to cover by relaxing its thresholds
            where nothing is covered; 0 never relaxes them.
        min_pred_iou, min_stability_score: down to what the thresholds are relaxed, each in [0, 1].
        propagated_prompts: whether masks propagated onto a keyframe prompt the generator first there, which links
            more of them, and those propagated back past one are looked at again; None is yes with flow, and no with
            SAM 2, where keyframes stay independent of each other.
        exact: the generator makes the masks that segment_anything's automatic generator makes with the same grid and
            thresholds, all of them of at least min_area_px and no other: prompts are not chosen by what is seen, and
            thresholds are never relaxed. segment_anything's own defaults are 32, 0.88 and 0.95.
        box_nms_thresh, crop_n_layers, crop_nms_thresh, crop_overlap_ratio, crop_n_points_downscale_factor: with
            `exact`, as segment_anything has them.
        max_masks_per_keyframe: only so many masks of a keyframe are kept, the largest by area; None keeps all.
        match_iou: masks of one frame that agree at least this much, in (0, 1], are the same region.
        reid: whether a track that ended goes on as a later one that looks the same and is near; never across a cut, nor
            where nothing is propagated, nor without a model that makes the masks.
        min_area_px: a mask smaller than this, in pixels of the processed frame, counts as gone.
        max_missed: how many keyframes in a row a propagated mask may pass without meeting a mask.
        max_frontier: how many masks that met nothing are propagated on past a keyframe, the most valuable ones.
    """

    generator: str = "sam1"
    propagator: str = "flow"
    masks: str | None = None
    step: int = 5
    points_per_side: int = 16
    pred_iou_thresh: float = 0.8
    stability_score_thresh: float = 0.9
    min_mask_region_area: int | None = None
    min_coverage: float = 0.95
    min_pred_iou: float = 0.6
    min_stability_score: float = 0.7
    propagated_prompts: bool | None = None
    exact: bool = False
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    max_masks_per_keyframe: int | None = None
    match_iou: float = 0.6
    reid: bool = True
    min_area_px: int = 100
    max_missed: int = 3
    max_frontier: int = 64

    def __post_init__(self) -> None:
        """Refuse values that cannot be; SettingsError names the option, what it takes and what came."""
        _check(asdict(self))

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "Settings":
        """Settings from values of any type, as they come out of a file; SettingsError where one cannot be."""
        defaults = {f.name: f.default for f in fields(cls)}
        _check({**defaults, **options})
        return cls(**options)


_RANGES: dict[str, tuple[type, float, float | None]] = {
    "propagation_size": (int, 32, None),
    "max_hole_area_px": (int, 0, 1000),
    "max_sprinkle_area_px": (int, 0, 1000),
    "step": (int, 1, None),
    "points_per_side": (int, 1, 256),
    "pred_iou_thresh": (float, 0, 1),
    "stability_score_thresh": (float, 0, 1),
    "min_mask_region_area": (int, 0, None),
    "min_coverage": (float, 0, 1),
    "min_pred_iou": (float, 0, 1),
    "min_stability_score": (float, 0, 1),
    "box_nms_thresh": (float, 0, 1),
    "crop_n_layers": (int, 0, 4),
    "crop_nms_thresh": (float, 0, 1),
    "crop_overlap_ratio": (float, 0, 1),
    "crop_n_points_downscale_factor": (int, 1, 256),
    "max_masks_per_keyframe": (int, 1, 2**20 - 1),
    "match_iou": (float, 0.01, 1),
    "min_area_px": (int, 1, None),
    "max_missed": (int, 0, 100),
    "max_frontier": (int, 0, None),
    "resize": (int, 32, None),
    "start": (int, 0, None),
    "end": (int, 1, None),
    "stride": (int, 1, None),
}
_PROPAGATION_MULTIPLE_PX = 32  # of the image encoder's coarsest stride
_OPTIONAL = {
    "propagation_size",
    "propagated_prompts",
    "min_mask_region_area",
    "max_masks_per_keyframe",
    "resize",
    "end",
}


def option(name: str) -> str:
    """The command line's spelling of a setting.

    >>> option("points_per_side")
    '--points-per-side'
    """
    return f"--{name.removesuffix('_px').replace('_', '-')}"


def _check(values: dict[str, Any]) -> None:
    for name, allowed in (("generator", GENERATORS), ("propagator", PROPAGATORS), ("dtype", DTYPES)):
        if values[name] not in allowed:
            raise SettingsError(f"{option(name)} is one of {', '.join(allowed)}, not {values[name]!r}")
    for name in ("weights", "propagator_weights", "masks"):
        if not isinstance(values[name], str | None):
            raise SettingsError(f"{option(name)} takes a name or a path, not {values[name]!r}")
    for name in ("exact", "reid", "compile", "propagated_prompts"):
        if not isinstance(values[name], bool) and not (name in _OPTIONAL and values[name] is None):
            raise SettingsError(f"{option(name)} is on or off, true or false in a file, not {values[name]!r}")
    for name, (kind, low, high) in _RANGES.items():
        if values[name] is not None or name not in _OPTIONAL:
            check_range(name, values[name], kind, low, high)
    layer_points = values["points_per_side"] / values["crop_n_points_downscale_factor"] ** values["crop_n_layers"]
    if layer_points < 1:
        raise SettingsError(
            f"--crop-n-layers {values['crop_n_layers']} leaves no point on a side of its last crops: take fewer, "
            "more --points-per-side, or a smaller --crop-n-points-downscale-factor"
        )
    size = values["propagation_size"]
    if size is not None and size % _PROPAGATION_MULTIPLE_PX:
        nearest = round(size / _PROPAGATION_MULTIPLE_PX) * _PROPAGATION_MULTIPLE_PX
        raise SettingsError(
            f"{option('propagation_size')} takes a multiple of {_PROPAGATION_MULTIPLE_PX}, not {size}: try {nearest}"
        )
    if values["end"] is not None and values["end"] <= values["start"]:
        raise SettingsError(
            f"--end ({values['end']}) must be after --start ({values['start']}): frames from start up to end"
        )


def check_range(name: str, value: Any, kind: type, low: float, high: float | None) -> None:
    """Refuse with SettingsError a setting that is no number of this kind, or outside of [low, high]."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = whole if kind is int else whole or isinstance(value, float)
    if not fits or not value >= low or (high is not None and value > high):  # so put, a NaN is refused
        number = "a whole number" if kind is int else "a number"
        span = f"of at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        raise SettingsError(f"{option(name)} takes {number} {span}, not {value!r}")
