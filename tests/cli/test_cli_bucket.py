"""What a user does with a store on a disk, done with one in a bucket."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.cli_samples import NO_WEIGHTS, write_folder
from local_s3 import KEY, SECRET, LocalS3, local_s3

import overseg
from overseg.cli.main import main

RUN = (*NO_WEIGHTS, "--end", "8", "--step", "3", "--resize", "112")
OVERSEG = (sys.executable, "-m", "overseg")


@pytest.fixture(scope="module")
def s3() -> Iterator[LocalS3]:
    with local_s3() as there:
        yield there


@pytest.fixture(scope="module")
def local(carphone, tmp_path_factory) -> Path:
    """The same run, on a disk."""
    out = tmp_path_factory.mktemp("local") / "out.zarr"
    assert main(["run", str(carphone), str(out), *RUN]) == 0
    return out


@pytest.fixture(scope="module")
def url(s3, carphone, local) -> str:
    """Ended by a budget, then gone on with."""
    url = s3.url("out.zarr")
    assert main(["run", str(carphone), url, *RUN, "--budget", "masks=150"]) == 0
    assert not overseg.open(url).final
    assert main(["run", str(carphone), url, *RUN]) == 0
    return url


def test_a_run_ends_with_the_same_result(s3, url, local, carphone, facts, capsys):
    there, here = facts(url), facts(local)
    assert there["sha256"] == here["sha256"]
    assert there["left_undone"] is None
    assert s3.names(url)[-1] == "zarr.json" and not any(name.startswith((".", "parts")) for name in s3.names(url))
    assert main(["run", str(carphone), url, *RUN[:2], *RUN[3:]]) == 0
    assert f"{url} is complete already: nothing to do" in "".join(capsys.readouterr())
    assert main(["check", url]) == 0
    assert capsys.readouterr().out == f"{url}: nothing is damaged\n"


def test_what_is_made_of_it(url, local, folder, capsys):
    told = []
    for store, name in ((url, "there"), (str(local), "here")):
        for words in (
            ["export", store, f"{name}.json", "--format", "coco", "--quiet"],
            ["render", store, f"{name}.png", "--frame", "7", "--quiet"],
            ["eval", store, "--json"],
        ):
            assert main(words) == 0
        told.append(capsys.readouterr().out)
    assert json.loads(told[0]) == json.loads(told[1])
    for ending in ("json", "png"):
        assert (folder / f"there.{ending}").read_bytes() == (folder / f"here.{ending}").read_bytes()


def test_relinked_and_mended(s3, url, local, facts):
    for store in (url, local):
        assert main(["relink", str(store), "--match-iou", "0.9", "--quiet"]) == 0
    assert facts(url)["sha256"] == facts(local)["sha256"]
    for store in (url, local):
        assert main(["relink", str(store), "--quiet"]) == 0
    name = next(name for name in s3.names(url) if "masks/rle_bytes/c" in name)
    s3.remove(url, name)
    assert main(["check", url]) == 1
    assert main(["repair", url, "--quiet"]) == 0
    assert facts(url)["sha256"] == facts(local)["sha256"]


def test_imported(s3, url, local, folder, refused):
    assert main(["export", url, "masks.json", "--format", "coco", "--quiet"]) == 0
    again = s3.url("imported.zarr")
    for store in (again, "imported.zarr"):
        assert main(["import", "masks.json", store, "--format", "coco", "--quiet"]) == 0
    hashes = [overseg.open(store).content_hash() for store in (again, "imported.zarr")]
    assert hashes[0] == hashes[1]
    assert "exists already" in refused("import", "masks.json", again, "--format", "coco", "--quiet")
    assert main(["import", "masks.json", again, "--format", "coco", "--quiet", "--overwrite"]) == 0
    assert main(["associate", "masks.json", s3.url("associated.zarr")]) == 0
    assert "such an address is for a store" in refused("associate", "masks.json", s3.url("a.json"), code=2)


def test_killed_and_run_again(s3, carphone, folder, local, facts):
    """Killed when the second visit is told; the log is a pipe, so that nothing has to be waited for."""
    os.mkfifo(folder / "log")
    url = s3.url("killed.zarr")
    command = [*OVERSEG, "run", str(carphone), url, *RUN]
    with subprocess.Popen([*command, "--log-json", "log"]) as process, (folder / "log").open() as log:
        n_visits = 0
        while n_visits < 2:
            n_visits += json.loads(log.readline())["event"] == "visit"
        process.send_signal(signal.SIGKILL)
        log.read()
    assert len([name for name in s3.names(url) if name.startswith("parts/")]) >= 2
    assert main(command[3:]) == 0
    assert facts(url)["sha256"] == facts(local)["sha256"]


def test_no_word_of_credentials(s3, folder):
    write_folder(folder / "images", 3)
    url = s3.url("quiet.zarr")
    command = [*OVERSEG, "run", "images", url, "--preset", "no-weights", "--log-json", "log"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wrong = os.environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_CONDITIONAL_PUT": "nonsense"}
    refused = subprocess.run([*command, "--quiet"], capture_output=True, text=True, env=wrong)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    told = [done.stdout, done.stderr, refused.stderr, (folder / "log").read_text()]
    written = [s3.read(url, name) for name in s3.names(url)]
    assert written
    for secret in (KEY, SECRET):
        assert not any(secret in one for one in told)
        assert not any(secret.encode() in one for one in written)


def test_what_has_no_place_there(s3, images, refused):
    line = refused("track", images, s3.url("t.zarr"), "--box", "1,1,9,9", "--quiet", code=2)
    assert line.startswith("--outputs FOLDER says where")
    for words in (("export", "OUT", "--format", "coco"), ("render", "OUT.mp4")):
        assert main(["run", images, "small.zarr", *NO_WEIGHTS]) == 0
        refused(words[0], "small.zarr", s3.url(words[1]), *words[2:], "--quiet")
    assert not Path("s3:").exists()
