"""Trains the small detector on a data set and writes it as ONNX."""

import copy
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from overseg.detect.dataset import LabelledPicture, read_dataset
from overseg.detect.letterbox import Letterbox
from overseg.detect.small_loss import loss
from overseg.detect.small_net import STRIDES_PX, SmallNet
from overseg.errors import InputError
from overseg.stages import Report

_BATCH = 8
_LEARNING_RATE = 3e-3
_SEED = 0
_SCALES = (0.7, 1.3)  # range of random scale factors of the augmentation
_LEAST_SHARE = 0.4  # of a box that must stay in the augmented picture; otherwise the box is dropped

_Truth = tuple[Tensor, Tensor]  # categories, and boxes (x1, y1, x2, y2) in pixels of the net's input


def train(
    folder: Path, output: Path, *, epochs: int, patience: int, image_size: int, device: str, report: Report
) -> None:
    """Train a detector and write the state with the lowest loss on the validation pictures.

    Args:
        folder: the data set.
        output: the file to write, .onnx.
        epochs: maximum number of epochs.
        patience: training ends after this number of epochs without improvement.
        image_size: side in pixels of the square that pictures are letterboxed into, a multiple of 32.
        device: "cpu", "cuda", "cuda:1", "mps".
        report: receives every epoch.

    Raises:
        InputError: the file cannot be written.
    """
    categories, training, validation = read_dataset(folder)
    rng = np.random.default_rng(_SEED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        net = SmallNet(len(categories))
    net = net.to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
    best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), float("inf"), -1
    for epoch in range(epochs):
        _learn(net, optimizer, training, image_size, rng, rate=_rate(epoch, epochs))
        found = _validated(net, validation, image_size)
        report.event("epoch", number=epoch, validation_loss=round(found, 5))
        report.progress("epochs", epoch + 1, epochs)
        if found < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), found, epoch
        elif epoch - best_epoch >= patience:
            report.progress("epochs", epochs, epochs)
            break
    net.load_state_dict(best)
    _write(net.cpu().eval(), categories, output, image_size)
    report.event(
        "remark", line=f"epoch {best_epoch + 1} was best, with a loss of {best_loss:.3f} on the validation frames"
    )


def _rate(epoch: int, epochs: int) -> float:
    """The learning rate: it rises over three epochs, then falls along a cosine to a fiftieth."""
    rising = min(1.0, (epoch + 1) / 3)
    falling = 0.02 + 0.49 * (1 + math.cos(math.pi * epoch / epochs))
    return _LEARNING_RATE * rising * falling


def _learn(
    net: SmallNet,
    optimizer: torch.optim.Optimizer,
    pictures: list[LabelledPicture],
    side_px: int,
    rng: np.random.Generator,
    *,
    rate: float,
) -> None:
    net.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    for pixels, truth in _batches(pictures, side_px, rng):
        optimizer.zero_grad()
        logits, boxes = net.answers(pixels.to(_device(net)))
        off = loss(logits, boxes, [_to_device_of(one, logits) for one in truth], (side_px, side_px))
        off.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()


def _validated(net: SmallNet, pictures: list[LabelledPicture], side_px: int) -> float:
    net.eval()
    total = 0.0
    with torch.inference_mode():
        for pixels, truth in _batches(pictures, side_px, None):
            logits, boxes = net.answers(pixels.to(_device(net)))
            off = loss(logits, boxes, [_to_device_of(one, logits) for one in truth], (side_px, side_px))
            total += float(off) * len(truth)
    return total / len(pictures)


def _batches(
    pictures: list[LabelledPicture], side_px: int, rng: np.random.Generator | None
) -> Iterator[tuple[Tensor, list[_Truth]]]:
    """Yield batches: shuffled and augmented if there is `rng`, otherwise in order and unchanged."""
    order = np.arange(len(pictures)) if rng is None else rng.permutation(len(pictures))
    for at in range(0, len(order), _BATCH):
        read = [_read(pictures[row], side_px, rng) for row in order[at : at + _BATCH]]
        pixels = np.stack([rgb for rgb, _, _ in read]).transpose(0, 3, 1, 2).astype(np.float32) / 255
        truth = [(torch.from_numpy(category.astype(np.int64)), torch.from_numpy(boxes)) for _, category, boxes in read]
        yield torch.from_numpy(pixels), truth


def _read(
    one: LabelledPicture, side_px: int, rng: np.random.Generator | None
) -> tuple[UInt8[np.ndarray, "h w 3"], np.ndarray, Float32[np.ndarray, "n 4"]]:
    bgr = cv2.imread(str(one.path))
    if bgr is None:
        raise InputError(f"cannot read the picture {one.path} of the data set; write it again")
    letterbox = Letterbox((bgr.shape[0], bgr.shape[1]), (side_px, side_px))
    rgb = letterbox.fill(np.ascontiguousarray(bgr[..., ::-1]))
    centre, size = one.boxes_xywh[:, :2], one.boxes_xywh[:, 2:]
    shares = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    width_height = np.array([bgr.shape[1], bgr.shape[0]] * 2, np.float32)
    boxes = letterbox.in_rectangle((shares * width_height).astype(np.float32))
    return (rgb, one.category, boxes) if rng is None else _augmented(rgb, one.category, boxes, rng)


def _augmented(
    rgb: UInt8[np.ndarray, "h w 3"], category: np.ndarray, boxes: Float32[np.ndarray, "n 4"], rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], np.ndarray, Float32[np.ndarray, "k 4"]]:
    """Augment a picture: random shift, scale and brightness, and mirroring with a probability of 0.5."""
    side_px = rgb.shape[0]
    scale = rng.uniform(*_SCALES)
    shift = rng.uniform(-0.2, 0.2, 2) * side_px + (1 - scale) * side_px / 2
    turn = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    moved = boxes * scale + np.tile(shift, 2)
    if rng.random() < 0.5:
        turn = np.array([[-1, 0, side_px], [0, 1, 0]]) @ np.vstack([turn, [0, 0, 1]])
        moved = moved[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [side_px, 0, side_px, 0]
    rgb = cv2.warpAffine(rgb, turn, (side_px, side_px), borderValue=(114, 114, 114)).astype(np.float32)
    rgb = (rgb * rng.uniform(0.75, 1.25) + rng.uniform(-20, 20)).clip(0, 255).astype(np.uint8)
    cut = moved.clip(0, side_px)
    left = (cut[:, 2:] - cut[:, :2]).prod(axis=1) / np.maximum((moved[:, 2:] - moved[:, :2]).prod(axis=1), 1e-6)
    return rgb, category[left >= _LEAST_SHARE], cut[left >= _LEAST_SHARE].astype(np.float32)


def _write(net: SmallNet, categories: tuple[str, ...], output: Path, side_px: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the new exporter needs another package
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # the input's size is fixed on purpose
        torch.onnx.export(
            net,
            (torch.zeros(1, 3, side_px, side_px),),
            str(output),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["output0"],
        )
    model = onnx.load(str(output))
    facts = {
        "task": "detect",
        "names": repr(dict(enumerate(categories))),
        "imgsz": repr([side_px, side_px]),
        "stride": str(STRIDES_PX[-1]),
        "author": "overseg",
    }
    for name, value in facts.items():
        model.metadata_props.add(key=name, value=value)
    onnx.save(model, str(output))


def _to_device_of(truth: _Truth, where: Tensor) -> _Truth:
    return truth[0].to(where.device), truth[1].to(where.device)


def _device(net: SmallNet) -> torch.device:
    return next(net.parameters()).device
