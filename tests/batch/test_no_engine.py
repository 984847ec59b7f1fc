"""One video needs no batch: `overseg run` loads nothing of many workers."""

import subprocess
import sys

from cli.cli_samples import NO_WEIGHTS, write_folder

LOADED = """
import sys
from overseg.cli.main import main
assert main(sys.argv[1:]) == 0
print(*sorted(name for name in sys.modules if name.split(".")[0] == "ray" or name.startswith("overseg.batch")))
"""


def test_a_run_imports_and_starts_no_engine(tmp_path):
    words = ["run", str(write_folder(tmp_path / "images", 3)), str(tmp_path / "out.zarr"), *NO_WEIGHTS]
    done = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
