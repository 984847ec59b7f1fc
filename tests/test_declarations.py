"""A stage, and a setting, is declared once: what follows from a declaration, on a toy propagator and a toy setting."""

import sys
from dataclasses import MISSING, dataclass, fields
from typing import get_type_hints

import numpy as np
import pytest
from cli.cli_samples import SIZE, write_folder
from PIL import Image

import overseg
from overseg.adapters import GENERATORS, PROPAGATORS, STAGES, PropagatorAdapter, load
from overseg.api.run import SettingsChanges
from overseg.api.track import TrackChanges
from overseg.cli.main import main
from overseg.data.machine import Machine
from overseg.data.setting import setting, settings_of
from overseg.data.settings import Settings
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError
from overseg.stages import MaskGenerator, MaskPropagator

TOY = '''
"""Leaves masks where they are."""

import numpy as np

from overseg.data.masklets import End, Masklets, PropagatedMasks


def build(settings, machine):
    return StayingPropagator()


class StayingPropagator:
    def clip_work(self, n_frames, n_masks):
        return 0.0

    def propagate(self, clip, prompts, direction):
        prompt, score = np.arange(len(prompts), dtype=np.int32), np.ones(len(prompts), np.float32)
        steps = [
            PropagatedMasks(prompts, prompt, np.full(len(prompts), frame.index, np.int32), score)
            for frame in list(clip.frames(direction))[1:]
        ]
        return Masklets.in_order(steps, np.full(len(prompts), End.CLIP, np.int8), prompts.size)
'''


@pytest.fixture
def staying(tmp_path, monkeypatch):
    """A propagator in one file, which one line makes known."""
    (tmp_path / "staying.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(PROPAGATORS, "staying", PropagatorAdapter(build="staying:build", help="leaves masks in place"))
    yield "staying"
    sys.modules.pop("staying", None)


def test_a_propagator_is_one_file_and_one_line(staying, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = write_folder(tmp_path / "images", 6).name
    words = ["run", images, "out.zarr", "--generator", "hierarchy", "--propagator", staying, "--device", "cpu"]
    assert main(words) == 0
    assert "propagated by staying" in capsys.readouterr().err
    result = overseg.open("out.zarr")
    on_keyframe, propagated = (set(result.masks_at(frame).rles.counts) for frame in (0, 1))
    assert len(on_keyframe) > 0 and on_keyframe <= propagated
    assert main(["run", images, "no.zarr", "--propagator", staying, "--propagation-size", "64"]) == 2
    line = capsys.readouterr().err
    assert "--propagation-size is for --propagator sam2 or " in line and "the propagator here is staying" in line


def test_a_propagator_of_one_s_own_follows_prompted_objects_too(staying, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "images", 6)
    mask = np.zeros((1, *SIZE), bool)
    mask[0, 4:12, 4:12] = True
    Image.fromarray(mask[0]).save(tmp_path / "mask.png")
    words = ["track", "images", "out.zarr", "--mask", "square:mask.png", "--propagator", staying, "--step", "0"]
    assert main([*words, "--device", "cpu", "--no-detections", "--no-annotated-frames", "--no-detector-boxes"]) == 0
    result = overseg.open("out.zarr")
    assert all((result.masks_at(frame).rles.to_masks() == mask).all() for frame in range(6))


@dataclass(frozen=True, kw_only=True)
class MoreSettings(Settings):
    """One option more, by one field."""

    patience: int = setting(3, "how long to wait", low=1, high=9, metavar="N", group="tracks", used_by=("hierarchy",))


def test_an_option_is_one_field(capsys, monkeypatch):
    from overseg.cli import run
    from overseg.presets import refuse_without_effect

    monkeypatch.setattr(run, "Settings", MoreSettings)
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "--patience N" in (text := capsys.readouterr().out) and "how long to wait (3)" in text
    one = settings_of(MoreSettings)["patience"]
    with pytest.raises(SettingsError, match="--patience takes a whole number from 1 to 9, not 10"):
        one.check(10)
    with pytest.raises(SettingsError, match="--patience is for --generator hierarchy, and the generator here is sam1"):
        refuse_without_effect(MoreSettings(patience=4), {"patience": 4})
    refuse_without_effect(MoreSettings(generator="hierarchy", patience=4), {"patience": 4})


@pytest.mark.parametrize(("changes", "settings"), [(SettingsChanges, Settings), (TrackChanges, TrackSettings)])
def test_what_type_checkers_read_is_what_is_declared(changes: type, settings: type) -> None:
    assert get_type_hints(changes) == {name: hint for name, hint in get_type_hints(settings).items()}


@pytest.mark.parametrize("cls", [Settings, TrackSettings])
def test_every_setting_says_what_it_is(cls):
    for name, one in settings_of(cls).items():
        assert one.help and one.group and one.help[-1] not in ".;", name
        assert one.default is not MISSING
        one.check(one.default)
        assert set(one.used_by) <= GENERATORS.keys() | PROPAGATORS.keys()
        assert one.when is None or one.when[0] in settings_of(cls)
    assert [f.name for f in fields(cls)] == list(settings_of(cls))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_adapter_names_a_function_and_settings_that_there_are(stage):
    for name, adapter in stage.adapters.items():
        assert callable(load(adapter.build)), name
        assert set(adapter.also_uses) <= set(Settings.names())


@pytest.mark.parametrize(("generator", "propagator"), [("hierarchy", "flow"), ("hierarchy", "none")])
def test_what_is_built_is_what_the_stage_asks_for(generator, propagator):
    settings = Settings(generator=generator, propagator=propagator)
    assert isinstance(load(GENERATORS[generator].build)(settings, Machine()), MaskGenerator)
    assert isinstance(load(PROPAGATORS[propagator].build)(settings, Machine()), MaskPropagator)


def test_an_old_name_works_and_prints_the_new_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = write_folder(tmp_path / "images", 2).name
    (tmp_path / "options.yaml").write_text("carried_prompts: false\n")
    words = ["run", images, "out.zarr", "--preset", "fast", "--quiet"]
    for more, line in (
        (
            ["--no-carried-prompts", "--weights", "nowhere"],
            "--no-carried-prompts is called --no-propagated-prompts now",
        ),
        (["--config", "options.yaml", "--weights", "nowhere"], "carried_prompts is called propagated_prompts now"),
    ):
        assert main([*words, *more]) != 0
        assert line in capsys.readouterr().err
    with (
        pytest.warns(DeprecationWarning, match="carried_prompts is called propagated_prompts now"),
        pytest.raises(overseg.OversegError),
    ):
        overseg.run(images, "out.zarr", preset="fast", weights="nowhere", carried_prompts=False)  # type: ignore[call-arg]
