"""What a frame and a mask cost with the models of transformers: multiply-adds, and on request processor time.

    python benchmarks/hf_cost.py                  multiply-adds, counted without computing anything
    python benchmarks/hf_cost.py --time edgetam   and the processor time, with random weights: no download

A frame is encoded once; a mask on it is propagated from seven remembered frames and remembered.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from overseg.generate.picture_model import Encoding
from overseg.generate.sam2_pictures import Sam2Pictures
from overseg.generate.sam_models import vit_encoder
from overseg.generate.tiny_vit import TinyVit
from overseg.propagate.hf.edgetam import FAMILY as EDGETAM
from overseg.propagate.hf.edgetam import full_config
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.sam2_hf import FAMILY as SAM2
from overseg.propagate.hf.sam3 import FAMILY as SAM3
from overseg.propagate.hf.steps import HfSteps
from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2.features import ImageFeatures
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.memory import ObjectMemory, Reach
from overseg.propagate.sam2.model import Sam2Variant, build_sam2_model, prepare_tables
from overseg.transformers_extra import import_transformers

SIZES = {"edgetam": (EDGETAM, (1024, 512)), "sam2-hf": (SAM2, (1024, 512)), "sam3": (SAM3, (1008, 448))}
_N_REMEMBERED = 15


def main() -> None:
    """Print a line for each model and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", nargs="*", default=[], choices=list(SIZES), help="also measure these")
    args = parser.parse_args()
    _print_encoders()
    print(f"{'model':10}{'px':>6}{'parameters':>12}{'a frame':>12}{'a mask':>12}   (G multiply-adds; s of a core)")
    for name, (family, sizes) in SIZES.items():
        for side in sizes:
            counted = Work(family, side, device="meta")
            cells = [f"{multiply_adds(work) / 1e9:.1f}" for work in (counted.encode, counted.track)]
            if name in args.time:
                timed = Work(family, side, device="cpu")
                cells = [f"{cell}; {seconds(work):.2f}" for cell, work in zip(cells, timed.both, strict=True)]
            millions = sum(one.numel() for one in counted.model.parameters()) / 1e6
            print(f"{name:10}{side:>6}{millions:>10.1f} M{cells[0]:>12}{cells[1]:>12}", flush=True)


def _print_encoders() -> None:
    """Of encoders that are not transformers', and of one prompt on an encoded picture, at 1024 px."""
    picture = torch.zeros(1, 3, 1024, 1024, device="meta")
    with torch.device("meta"):
        encoders = {"minisam": TinyVit().eval(), "vit_b": vit_encoder(768, 12), "vit_h": vit_encoder(1280, 32)}
    for name, encoder in encoders.items():
        print(f"{name}: {multiply_adds(lambda encoder=encoder: encoder(picture)) / 1e9:.1f} G multiply-adds a picture")
    for size in ("t", "s", "b+", "l"):
        model = build_sam2_model(Sam2Variant("2.1", size)).to("meta")
        prepare_tables(model)
        pictures, found = Sam2Pictures(model), []
        encoded = multiply_adds(lambda m=model, f=found: f.extend(m.forward_image(picture)["backbone_fpn"]))
        decoding = pictures.decoding(Encoding(found[-1], tuple(found[:-1])), pictures.framing((1024, 1024)))
        prompt = multiply_adds(lambda d=decoding: d.points(torch.zeros(1, 2, device="meta")))
        print(
            f"sam2.1 {size}: {encoded / 1e9:.1f} G multiply-adds a picture, {prompt / 1e9:.2f} G a prompt", flush=True
        )


class Work:
    """A model of the published configuration (SAM 2.1: tiny) without trained weights, and what it is to do."""

    def __init__(self, family: HfFamily, side: int, *, device: str) -> None:
        transformers: Any = import_transformers("this benchmark")
        model_class = getattr(transformers, family.model)
        config = full_config() if family is EDGETAM else model_class.config_class()
        if side != family.image_size:
            family.resize(config, side)
        torch.manual_seed(0)
        with torch.device(device):
            self.model = model_class(config).eval().requires_grad_(False)
        self._tracker = HfTracker(self.model, family)
        self._pixels = torch.zeros(1, 3, side, side, device=device)
        self._steps = HfSteps(self._tracker, n_frames=100, reverse=False, cleanup=LogitCleanup(0, 0))
        with torch.inference_mode():
            self._features = self._encoded()
            output = self._steps.prompt_masks(self._features, 0, torch.ones(1, 1, side, side, device=device))
            memory = self._steps.remember(self._features, output, is_prompt=True)
        recent = dict.fromkeys(range(1, _N_REMEMBERED + 1), memory)
        self._memory = ObjectMemory(Reach.of(self._tracker), conditioning={0: memory}, recent=recent)

    @property
    def both(self) -> tuple[Callable[[], object], Callable[[], object]]:
        """What is done for a frame, and for a mask."""
        return self.encode, self.track

    def encode(self) -> object:
        """Encode a frame."""
        return self._encoded()

    def track(self) -> object:
        """Propagate a mask to a frame, and remember it there."""
        output = self._steps.track(self._features, _N_REMEMBERED + 1, self._memory)
        return self._steps.remember(self._features, output)

    def _encoded(self) -> ImageFeatures:
        output = self.model.get_image_features(self._pixels, return_dict=True)
        self._tracker.feature_position = output.fpn_position_encoding[-1]
        return ImageFeatures(tuple(output.fpn_hidden_states))


def multiply_adds(work: Callable[[], object]) -> float:
    """How many multiplications and additions are done, counted without computing anything."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 2


def seconds(work: Callable[[], object], n: int = 2) -> float:
    """The least processor time of n times, after one that is not counted: other processes do not change it much."""
    times = []
    with torch.inference_mode():
        for _ in range(n + 1):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
    return min(times[1:])


if __name__ == "__main__":
    main()
