"""A full or read-only disk ends the run with one line, and all committed visits are kept."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store.store_samples import open_store, publish, same, visit, visits

from overseg.data.visit import Direction, VisitKey
from overseg.errors import StoreError
from overseg.store.result import open_result

ON_A_TINY_DISK = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from store.store_samples import open_store, publish, same, visits
from overseg.errors import StoreError
from overseg.store.result import open_result

disk, found, said = Path(sys.argv[1]), visits(81, 8), []
store = open_store(disk / "out.zarr", n_frames=81)
for v in found[:4]:
    store.commit(v)
publish(store, found[:4], final=False)
earlier = open_result(store.path).content_hash()
ballast = disk / "ballast"
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
for attempt in (lambda: store.commit(found[4]), lambda: publish(store, found[:4])):
    try:
        attempt()
    except StoreError as e:
        said.append(str(e))
os.truncate(ballast, os.path.getsize(ballast) - 3 * 4096)  # room to begin with, not to end
try:
    for v in found[4:]:
        store.commit(v)
except StoreError as e:
    said.append(str(e))
kept = store.committed()
left = [p.name for p in store.path.rglob(".overseg-tmp-*")]
store.close()
unharmed = open_result(store.path).content_hash() == earlier
ballast.unlink()
with open_store(disk / "out.zarr", n_frames=81) as store:
    whole = store.committed() == kept and all(same(store.read(v.key), v) for v in found if v.key in kept)
    for v in found:
        if v.key not in kept:
            store.commit(v)
    n_frames = len(publish(store, found))
print(json.dumps(dict(said=said, left=left, unharmed=unharmed, whole=whole, n_kept=len(kept), n_frames=n_frames)))
"""


def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mounted = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'
    if not shutil.which("unshare") or subprocess.run([*mount, mounted, disk, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a tiny disk")
    script = ON_A_TINY_DISK.format(tests=str(Path(__file__).parents[1]))
    ran = subprocess.run([*mount, mounted, disk, sys.executable, "-c", script, disk], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert len(found["said"]) == 3
    assert all("No space left on device; all that was committed is kept" in line for line in found["said"])
    assert (found["left"], found["unharmed"], found["whole"], found["n_frames"]) == ([], True, True, 81)
    assert found["n_kept"] >= 4


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "make room and run the same command again to continue"),
        (errno.EDQUOT, "make room and run the same command again to continue"),
        (errno.EROFS, "give write permission there, or choose another path"),
        (errno.EIO, "fix the cause and run the same command again to continue"),
    ],
)
def test_a_failing_disk_at_every_stage(tmp_path, monkeypatch, code, words):
    path, found = tmp_path / "out.zarr", visits()
    with open_store(path) as store:
        store.commit(found[0])
        earlier = publish(store, found[:1], final=False).content_hash()

        def failing(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        stages = (
            lambda: store.commit(found[1]),
            lambda: store.compact({}),
            lambda: publish(store, found[:1]),
            lambda: open_store(tmp_path / "new.zarr"),
        )
        for stage in stages:
            with monkeypatch.context() as broken:
                broken.setattr(os, "fsync", failing)
                with pytest.raises(StoreError, match=f"{os.strerror(code)}; .*{words}"):
                    stage()
        assert not [p for p in path.rglob(".overseg-tmp-*")]
        assert open_result(path).content_hash() == earlier
        assert store.committed() == {found[0].key}
        store.commit(found[1])
        assert same(store.read(found[1].key), found[1])


def test_the_last_step_fails(tmp_path, monkeypatch):
    """The new result is complete, and making it current fails: the older one stays, and nothing is left over."""
    found = [visit(VisitKey(0, 0, 4, Direction.FORWARD))]
    with open_store(tmp_path) as store:
        store.commit(found[0])
        earlier = publish(store, found, final=False).content_hash()
        with monkeypatch.context() as broken:
            replace = os.replace

            def failing(source: Path, target: Path) -> None:
                if target == tmp_path / "zarr.json":
                    raise OSError(errno.ENOSPC, "No space left on device")
                replace(source, target)

            broken.setattr(os, "replace", failing)
            with pytest.raises(StoreError, match="No space left"):
                publish(store, found)
        assert sorted(os.listdir(tmp_path / "results")) == ["1", "zarr.json"]
        assert open_result(tmp_path).content_hash() == earlier
        assert publish(store, found).content_hash() == earlier
