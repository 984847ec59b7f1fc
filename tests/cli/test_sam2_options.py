"""What the options of SAM 2 do to a run: which change its result, and which only its time."""

import json

import pytest
from cli.cli_samples import write_folder

from overseg.cli.main import main
from overseg.data.settings import Settings
from overseg.presets import choose
from overseg.propagate.sam2.random import save_random_sam2
from overseg.report import TerminalReport


@pytest.fixture(scope="module")
def weights(small_sam2, tmp_path_factory):
    return str(save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1"))


def test_the_cache_of_features_is_no_part_of_a_run_s_identity_and_their_size_is(
    weights, folder, facts, refused, capsys
):
    images = write_folder(folder / "images", 3).name
    words = ["run", images, "out.zarr", "--preset", "no-weights", "--step", "1", "--propagator", "sam2"]
    words += ["--propagator-weights", weights, "--min-area", "1"]
    assert main([*words, "--propagation-size", "64", "--feature-cache", "0"]) == 0
    assert "at 64 px: faster than at 1024, thin and small masks followed less well" in capsys.readouterr().err
    settings = facts("out.zarr")["settings"]
    assert settings["propagation_size"] == 64
    assert "feature_cache" not in json.dumps(settings)
    assert main([*words, "--propagation-size", "64", "--feature-cache", "1G"]) == 0
    assert "out.zarr is complete already" in capsys.readouterr().err
    assert "propagation_size" in refused(*words, "--propagation-size", "96", "--quiet")


@pytest.mark.parametrize(("size", "is_said"), [(512, True), (1024, False), (None, False)])
def test_what_a_smaller_size_costs_is_said(size, is_said):
    changes = {"generator": "hierarchy", "propagator": "sam2", "propagation_size": size}
    choice = choose("no-weights", "cpu", changes, report=TerminalReport(quiet=True))
    assert ("thin and small masks" in choice.line) == is_said
    assert choice.settings == Settings.from_options(vars(choice.settings))


def test_a_size_that_the_model_cannot_take(weights, folder, refused):
    images = write_folder(folder / "images", 1).name
    words = ["--preset", "no-weights", "--propagator", "sam2", "--propagator-weights", weights, "--quiet"]
    line = refused("run", images, "out.zarr", *words, "--propagation-size", "100", code=2)
    assert line == "--propagation-size takes a multiple of 32, not 100: try 96"


def test_the_size_that_it_was_trained_for_is_no_other_run():
    given = {"generator": "hierarchy", "propagator": "sam2"}
    named, unnamed = (
        choose("no-weights", "cpu", {**given, **more}, report=TerminalReport(quiet=True)).settings
        for more in ({"propagation_size": 1024}, {})
    )
    assert named == unnamed


def test_a_cache_that_nothing_would_fill(folder, refused):
    images = write_folder(folder / "images", 1).name
    line = refused("run", images, "out.zarr", "--preset", "no-weights", "--quiet", "--feature-cache", "1G", code=2)
    assert line.startswith("--feature-cache is for --propagator sam2 or sam2-hf or edgetam or sam3, and ")
    assert line.endswith("the propagator here is flow: change one of the two")


def test_the_help_says_which_pixels_are_meant(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")  # else words are broken at hyphens
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "in pixels of its own masks: they are a quarter of --propagation-size wide" in said
    assert "in the same pixels as --max-hole-area" in said
