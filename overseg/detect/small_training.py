"""Training of the small detector on a data set, and writing it as ONNX."""

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

from overseg.detect.dataset import Labelled, read_dataset
from overseg.detect.letterbox import Letterbox
from overseg.detect.small_loss import loss
from overseg.detect.small_net import STRIDES_PX, SmallNet
from overseg.errors import InputError
from overseg.stages import Report

_BATCH = 8
_LEARNING_RATE = 3e-3
_SEED = 0
_SCALES = (0.7, 1.3)  # by which pictures are shrunk or enlarged, so that objects are known in other places and sizes
_LEAST_SHARE = 0.4  # of a box that must stay in the picture then, to be still there

_Given = tuple[Tensor, Tensor]  # categories, and boxes (x1, y1, x2, y2) in pixels of the net's input


def train(
    folder: Path, output: Path, *, epochs: int, patience: int, image_size: int, device: str, report: Report
) -> None:
    """Train a detector and write the state that did best on the pictures kept back for validation.

    Args:
        folder: the data set.
        output: the file to write, .onnx.
        epochs: how often every picture is seen, at most.
        patience: training ends when so many epochs brought nothing better.
        image_size: side in pixels of the square that pictures are letterboxed into, a multiple of 32.
        device: "cpu", "cuda", "cuda:1", "mps".
        report: is told of every epoch.

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
        "remark", line=f"{best_epoch + 1} epochs were best, with a loss of {best_loss:.3f} on frames kept back"
    )


def _rate(epoch: int, epochs: int) -> float:
    """The learning rate: it rises for three epochs, and falls along a cosine to a fiftieth."""
    rising = min(1.0, (epoch + 1) / 3)
    falling = 0.02 + 0.49 * (1 + math.cos(math.pi * epoch / epochs))
    return _LEARNING_RATE * rising * falling


def _learn(
    net: SmallNet,
    optimizer: torch.optim.Optimizer,
    pictures: list[Labelled],
    side_px: int,
    rng: np.random.Generator,
    *,
    rate: float,
) -> None:
    net.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    for pixels, given in _batches(pictures, side_px, rng):
        optimizer.zero_grad()
        logits, boxes = net.answers(pixels.to(_device(net)))
        off = loss(logits, boxes, [_on(one, logits) for one in given], (side_px, side_px))
        off.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()


def _validated(net: SmallNet, pictures: list[Labelled], side_px: int) -> float:
    net.eval()
    total = 0.0
    with torch.inference_mode():
        for pixels, given in _batches(pictures, side_px, None):
            logits, boxes = net.answers(pixels.to(_device(net)))
            off = loss(logits, boxes, [_on(one, logits) for one in given], (side_px, side_px))
            total += float(off) * len(given)
    return total / len(pictures)


def _batches(
    pictures: list[Labelled], side_px: int, rng: np.random.Generator | None
) -> Iterator[tuple[Tensor, list[_Given]]]:
    """Pictures in any order and changed a little where there is `rng`, else in order and as they are."""
    order = np.arange(len(pictures)) if rng is None else rng.permutation(len(pictures))
    for at in range(0, len(order), _BATCH):
        read = [_read(pictures[row], side_px, rng) for row in order[at : at + _BATCH]]
        pixels = np.stack([rgb for rgb, _, _ in read]).transpose(0, 3, 1, 2).astype(np.float32) / 255
        given = [(torch.from_numpy(category.astype(np.int64)), torch.from_numpy(boxes)) for _, category, boxes in read]
        yield torch.from_numpy(pixels), given


def _read(
    one: Labelled, side_px: int, rng: np.random.Generator | None
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
    return (rgb, one.category, boxes) if rng is None else _changed(rgb, one.category, boxes, rng)


def _changed(
    rgb: UInt8[np.ndarray, "h w 3"], category: np.ndarray, boxes: Float32[np.ndarray, "n 4"], rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], np.ndarray, Float32[np.ndarray, "k 4"]]:
    """The same in another place, size and light, mirrored every other time."""
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
        warnings.simplefilter("ignore", DeprecationWarning)  # the other way to export needs a package more
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # the input's size is meant to be fixed
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


def _on(given: _Given, where: Tensor) -> _Given:
    return given[0].to(where.device), given[1].to(where.device)


def _device(net: SmallNet) -> torch.device:
    return next(net.parameters()).device
