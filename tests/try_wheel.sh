#!/usr/bin/env bash
# Builds the sdist, and the wheel from it, as a release would; installs the wheel into an environment of its own, where
# nothing of the checkout is; and runs `overseg demo` there, in an empty folder.
#
#   bash tests/try_wheel.sh PYTHON       PYTHON has what overseg requires; only these packages are taken from it
set -euo pipefail

python=$(cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" -m build --no-isolation --outdir "$scratch/dist" "$here" >"$scratch/build.log" 2>&1 ||
    { tail -n 20 "$scratch/build.log" >&2 && exit 1; }
"$python" -m venv "$scratch/venv"
# A path in a .pth file brings the packages of another environment, and not what its own .pth files bring: a checkout.
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    >"$("$scratch/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/requirements.pth"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps --no-index "$scratch"/dist/*.whl
mkdir "$scratch/empty"
cd "$scratch/empty"
unset PYTHONPATH
"$scratch/venv/bin/python" -c 'import overseg, sys; sys.exit(not overseg.__file__.startswith(sys.prefix))' ||
    { echo "try_wheel.sh: overseg was not imported from the wheel" >&2 && exit 1; }
"$scratch/venv/bin/overseg" demo --end 6 --resize 320
test -s demo_out/bigbuckbunny.mp4
