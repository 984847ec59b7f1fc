#!/usr/bin/env bash
# Checks and measures overseg on one GPU, in at most eight minutes and without network.
#
#   bash benchmarks/gpu.sh [OUT]         OUT gets report.md, report.json and the logs; default: gpu_report
#
# PYTHON (python3) brings PyTorch, torchvision, SciPy, pandas, Pillow and OpenCV; benchmarks/gpu_wheels/, which
# gpu_wheels.sh makes, brings the rest. DEVICE=cpu SMALL=1 tries everything in small on a machine without a GPU.
# Without wheels, PYTHON's own packages are taken.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-gpu_report}"
out=$(cd -- "${1:-gpu_report}" && pwd)
python=${PYTHON:-python3}
if [ -e "$here/gpu_wheels/wheels.tar.xz" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    tar -C "$scratch" -xJf "$here/gpu_wheels/wheels.tar.xz"
    "$python" -m pip --disable-pip-version-check install --quiet --no-index --no-deps --no-warn-script-location \
        --target "$scratch/packages" "$scratch"/wheels/*.whl
    export PYTHONPATH=$scratch/packages
fi
"$python" "$here/gpu.py" --out "$out" --device "${DEVICE:-cuda}" ${SMALL:+--small}
