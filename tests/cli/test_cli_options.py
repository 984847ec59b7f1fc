"""Options: wrong ones, given in any of three ways, and what the right ones do."""

import json

import pytest

import overseg
from overseg.cli.main import main
from overseg.errors import DeviceError, SettingsError

WRONG = [  # option, words on the command line, YAML, Python value, line
    ("step", "0", "0", 0, "--step takes a whole number of at least 1, or auto, not 0"),
    ("min_area_px", "-5", "-5", -5, "--min-area takes a whole number of at least 1, not -5"),
    ("pred_iou_thresh", "nan", ".nan", float("nan"), "--pred-iou-thresh takes a number from 0 to 1, not nan"),
    ("match_iou", "1.5", "1.5", 1.5, "--match-iou takes a number from 0.01 to 1, not 1.5"),
    ("resize", "5", "5", 5, "--resize takes a whole number of at least 32, not 5"),
    ("end", "0", "0", 0, "--end takes a whole number of at least 1, not 0"),
    ("stride", "0", "0", 0, "--stride takes a whole number of at least 1, not 0"),
    ("start", "99", "99", 99, "--start is 99, but images has 3 frames; give a number below that"),
    ("device", "gpu", "gpu", "gpu", "--device is auto, cpu, cuda, cuda:N or mps, not 'gpu'"),
    ("budget", "10", "'10'", "10", "expected limits such as 90s"),
    ("budget", "0s", "0s", "0s", "limits are above 0"),
    ("budget", "coverage=2", "coverage=2", "coverage=2", "coverage at most 1"),
    ("budget", "1m,2s", "1m,2s", "1m,2s", "gives seconds twice"),
    ("feature_cache", "4X", "4X", "4X", "--feature-cache takes an amount of memory such as 512M, 4G or 0, not '4X'"),
    ("propagation_size", "7", "7", 7, "--propagation-size takes a whole number of at least 32, not 7"),
    ("propagation_size", "512", "512", 512, "--propagation-size is for --propagator sam2"),
    ("max_hole_area_px", "-1", "-1", -1, "--max-hole-area takes a whole number from 0 to 1000, not -1"),
    ("masks", "here", "here", "here", "--masks is for --generator precomputed, and the generator here is hierarchy"),
    (
        "weights",
        "vit_b",
        "vit_b",
        "vit_b",
        "--weights is for --generator sam1 or sam2 or sam2-hf or edgetam or sam3, and",
    ),
    ("propagator_weights", "x", "x", "x", "--propagator-weights is for --propagator sam2"),
    (
        "compile",
        "",
        "true",
        True,
        "--compile is for --generator sam1 or sam2 and --propagator sam2, and neither is chosen",
    ),
    (
        "crop_n_layers",
        "1",
        "1",
        1,
        "--crop-n-layers is for --generator sam1 or sam2 or sam2-hf or edgetam or sam3, and",
    ),
    (
        "min_coverage",
        "0.5",
        "0.5",
        0.5,
        "--min-coverage is for --generator sam1 or sam2 or sam2-hf or edgetam or sam3, and",
    ),
    ("min_pred_iou", "-1", "-1", -1, "--min-pred-iou takes a number from 0 to 1, not -1"),
    ("generator", "precomputed", "precomputed", "precomputed", "--generator precomputed needs --masks FOLDER"),
]
DASHED = {"min_area_px": "--min-area", "max_hole_area_px": "--max-hole-area"}


@pytest.mark.parametrize(("name", "words", "value", "python", "line"), WRONG)
def test_wrong_values_in_every_way_in(name, words, value, python, line, images, folder, refused):
    asked = ("run", images, "out.zarr", "--preset", "no-weights")
    option = DASHED.get(name, f"--{name.replace('_', '-')}")
    assert line in refused(*asked, f"{option}={words}" if words else option, code=2)
    (folder / "options.yaml").write_text(f"{name}: {value}\n")
    assert line in refused(*asked, "--config", "options.yaml", code=2)
    with pytest.raises(SettingsError) as raised:
        overseg.run(images, "out.zarr", preset="no-weights", **{name: python})
    assert line in str(raised.value)
    assert not (folder / "out.zarr").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--step", "abc"], "--step: invalid int or auto value: 'abc'; see `overseg run --help`"),
        (["--preset", "best"], "--preset: invalid choice: 'best' (choose from"),
        (["--generator", "sam9"], "--generator: invalid choice: 'sam9' (choose from"),
        (["--steps", "4"], "unknown words --steps 4: did you mean --step?; see `overseg run --help`"),
        (["--start", "2", "--end", "2"], "--end (2) must be after --start (2)"),
        (["--log-json", "nowhere/log"], "--log-json nowhere/log cannot be written: No such file or directory"),
        (["--config", "none.yaml"], "--config none.yaml cannot be read: No such file or directory"),
        (["--config", "."], "--config . cannot be read: Is a directory"),
    ],
)
def test_wrong_words(words, line, images, refused, folder):
    assert line in refused("run", images, "out.zarr", *words, code=2)
    assert not (folder / "out.zarr").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "expected a command, such as `overseg run cup.mp4 cup.zarr`; see `overseg --help`"),
        (["walk"], "there is no command 'walk'; see `overseg --help`"),
        (["run"], "required: INPUT, OUT.zarr; see `overseg run --help`"),
        (["weights"], "see `overseg weights --help`"),
        (["info", "a", "b"], "unknown words b; see `overseg info --help`"),
    ],
)
def test_wrong_commands(words, line, refused):
    assert line in refused(*words, code=2)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"steps: 5", "has the unknown option 'steps': did you mean step?"),
        (
            b"colour: red",
            "has the unknown option 'colour': expected some of box_nms_thresh, budget, compile",
        ),
        (b"- step", "expected lines such as `step: 5`, got list"),
        (b"step: [", "is not YAML"),
        (b"? [a]\n: 3", "is not YAML"),
        (b"\xff\xfe", "is not YAML"),
        (b"step: !!python/object/apply:os.getcwd []", "is not YAML"),
        (b'step: "5"', "--step takes a whole number of at least 1, or auto, not '5'"),
        (b"step:", "--step takes a whole number of at least 1, or auto, not None"),
        (b"points-per-side: true", "--points-per-side takes a whole number from 1 to 256, not True"),
        (b"exact: 1", "--exact is on or off, true or false in a file, not 1"),
        (b"exact: true\nmin-coverage: 0.9", "--min-coverage has no use with --exact: change one of the two"),
        (b"crop-n-layers: 1", "--crop-n-layers is for --exact, which is not given: change one of the two"),
        (b"exact: true\npoints-per-side: 3\ncrop-n-layers: 2\ncrop-n-points-downscale-factor: 2", "--crop-n-layers 2"),
        (
            b"exact: true\ngenerator: hierarchy",
            "--exact is for --generator sam1 or sam2 or sam2-hf or edgetam or sam3, and",
        ),
        (
            b"generator: [sam1]",
            "--generator is one of sam1, sam2, sam2-hf, edgetam, sam3, hierarchy, precomputed, not ['sam1']",
        ),
        (b"preset: best", "--preset is one of no-weights, preview, fast, full, not 'best'"),
        (b"preset: [fast]", "--config options.yaml: expected preset as in `preset: fast`, got ['fast']"),
        (b"device: 0", "--config options.yaml: expected device as in `device: cuda:0`, got 0"),
        (b"budget: 90", "--config options.yaml: expected budget as in `budget: 10m`, got 90"),
    ],
)
def test_wrong_config(content, line, images, folder, refused):
    (folder / "options.yaml").write_bytes(content)
    assert line in refused("run", images, "out.zarr", "--config", "options.yaml", code=2)


def test_an_unknown_setting_in_python(images):
    with pytest.raises(SettingsError, match="there is no setting 'steps': did you mean step"):
        overseg.run(images, "out.zarr", preset="no-weights", steps=4)
    with pytest.raises(SettingsError, match="there is no setting 'xyz': expected .*generator, "):
        overseg.run(images, "out.zarr", preset="no-weights", xyz=4)


def test_no_gpu(images, refused, folder, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    line = refused("run", images, "out.zarr", "--preset", "no-weights", "--device", "cuda:99")
    assert line.startswith("--device cuda:99 is not available on this machine (")
    assert line.endswith("): use --device cpu or auto")
    with pytest.raises(DeviceError):
        overseg.run(images, "out.zarr", preset="no-weights", device="cuda:99")
    assert not (folder / "out.zarr").exists()


def test_the_command_line_counts_before_the_file(images, folder, run, facts):
    (folder / "options.yaml").write_text("step: 2\nmin-area: 30\nmatch_iou: 0.7\n")
    assert run(images, "out.zarr", "--config", "options.yaml", "--step", "3") == 0
    settings = facts("out.zarr")["settings"]
    assert (settings["step"], settings["min_area_px"], settings["match_iou"]) == (3, 30, 0.7)


def test_an_empty_config(images, folder, run, facts):
    (folder / "options.yaml").write_text("# nothing\n")
    assert run(images, "out.zarr", "--config", "options.yaml") == 0
    assert facts("out.zarr")["settings"]["step"] == "auto"


def test_start_end_stride_and_resize(carphone, run, facts):
    assert run(carphone, "out.zarr", "--start", "10", "--end", "23", "--stride", "4", "--resize", "88") == 0
    found = facts("out.zarr")
    assert (found["frames"], found["width"], found["height"]) == (4, 88, 72)
    assert found["fps"] == pytest.approx(29.97 / 4, abs=0.01)
    timestamps_s = overseg.open("out.zarr").frames.timestamp_s
    assert timestamps_s.tolist() == pytest.approx([at / 29.97 for at in (10, 14, 18, 22)], abs=1e-3)


def test_a_log(images, folder, capsys):
    assert main(["run", images, "out.zarr", "--preset", "no-weights", "--log-json", "log"]) == 0
    capsys.readouterr()
    events = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert {event["event"] for event in events} >= {"remark", "visit", "published"}
    assert all(event["time_s"] > 0 for event in events)
    visit = next(event for event in events if event["event"] == "visit")
    assert (visit["round"], visit["direction"], visit["start"], visit["stop"]) == (0, "forward", 0, 0)
    remarks = [event["line"] for event in events if event["event"] == "remark"]
    assert remarks[0] == "3 frames of 64 x 48 px, 0.1 s" and remarks[1].startswith("preset no-weights")
    visits = [event for event in events if event["event"] == "visit"]
    assert visits[-1]["frames_done"] == 3 and visits[-1]["left_s"] == 0
    assert all(0 <= visit["frames_done"] < 3 for visit in visits[:-1])
    assert all(visit["left_s"] is None or visit["left_s"] >= 0 for visit in visits), "null while nothing is known"


def test_a_log_on_a_full_disk(images, refused, run, facts):
    line = refused("run", images, "out.zarr", "--preset", "no-weights", "--quiet", "--log-json", "/dev/full")
    assert line.startswith("--log-json /dev/full cannot be written: No space left on device")
    assert run(images, "out.zarr") == 0
    assert facts("out.zarr")["stop_reason"] == "complete"


def test_remarks_and_silence(images, capsys):
    assert main(["run", images, "out.zarr", "--preset", "no-weights"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("out.zarr: 3 frames, 2 keyframes, ") and out.count("\n") == 2
    opened, chosen = err.splitlines()
    assert opened == "3 frames of 64 x 48 px, 0.1 s"
    assert chosen.startswith("preset no-weights: masks by hierarchy, propagated by flow, on cpu (as asked")
    assert main(["run", images, "quiet.zarr", "--preset", "no-weights", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
