#!/usr/bin/env bash
# Puts LibTorch where cargo looks for it: .libtorch/view (see .cargo/config.toml).
#
#   scripts/setup-libtorch.sh [--gpu]
#
# Owns:   .libtorch/ in the repository, which git ignores:
#           wheel/   the PyPI wheel `torch`, unpacked by pip (of any Python; none of it is run)
#           view/    include and lib to compile against: links into the wheel without its CUDA
#                    libraries, so that the programs ask for none
#           nvidia   link into the wheel: libtorch_cpu.so looks for two CUDA libraries beside the
#                    folder that it was opened from
#           stamp    what is installed; written last
# Does not own: anything outside the repository. It needs no root and no virtual environment.
# Reads:  LIBTORCH. Where it is set, nothing is installed and the folder is only checked.
#
# Installs into a folder of its own and renames it, so that an interrupted run leaves the old state.
set -euo pipefail

VERSION=2.11.0 # tch 0.24.0 binds exactly this one
CUDA=13.0      # what this version's wheel was built with

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=$root/.libtorch
variant=cpu

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    local hint
    for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
    exit 2
}

for argument in "$@"; do
    case $argument in
        --gpu) variant=gpu ;;
        *) fail "unknown argument \`$argument\`" "usage: scripts/setup-libtorch.sh [--gpu]" ;;
    esac
done

case $(uname -s) in
    Darwin) suffix=dylib ;;
    *) suffix=so ;;
esac

# What compiling needs, whichever LibTorch it is.
command -v cargo >/dev/null ||
    fail "there is no \`cargo\`" \
        'install Rust from https://rustup.rs (no root needed), then open a new shell'
[ -n "${CXX:-}" ] || command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
    fail 'there is no C++ compiler' \
        'Debian, Ubuntu: apt-get install g++; macOS: xcode-select --install'

# The user's own LibTorch: checked, never changed.
if [ -n "${LIBTORCH:-}" ]; then
    [ -e "$LIBTORCH/lib/libtorch_cpu.$suffix" ] ||
        fail "LIBTORCH is \`$LIBTORCH\`, which has no \`lib/libtorch_cpu.$suffix\`" \
            "name the folder that holds \`include\` and \`lib\`, or unset LIBTORCH to have LibTorch $VERSION installed"
    if [ -r "$LIBTORCH/build-version" ]; then
        found=$(head -n 1 "$LIBTORCH/build-version")
        [ "${found%%+*}" = "$VERSION" ] ||
            fail "LIBTORCH is \`$LIBTORCH\`, which is LibTorch $found; Cinescore needs $VERSION" \
                'unset LIBTORCH to have that version installed'
    fi
    exit 0
fi

# Done already? The GPU variant holds everything that the other one has.
installed=
if [ -r "$home/stamp" ] && [ -e "$home/view/lib/libtorch_cpu.$suffix" ]; then
    read -r installed <"$home/stamp" || true
fi
case $installed in
    "libtorch $VERSION $variant" | "libtorch $VERSION gpu") exit 0 ;;
esac

command -v python3 >/dev/null ||
    fail "there is no \`python3\`, whose pip fetches LibTorch" \
        'Debian, Ubuntu: apt-get install python3 python3-pip; macOS: xcode-select --install' \
        "or set LIBTORCH to a folder with LibTorch $VERSION"
python3 -m pip --version >/dev/null 2>&1 ||
    fail "\`python3\` has no pip" \
        'Debian, Ubuntu: apt-get install python3-pip; elsewhere: python3 -m ensurepip --user' \
        "or set LIBTORCH to a folder with LibTorch $VERSION"

packages=("torch==$VERSION")
options=()
if [ "$variant" = cpu ]; then
    options+=(--no-deps)
    # libtorch_cpu.so names these two; without a GPU they are loaded and never used.
    [ "$suffix" = dylib ] || packages+=("nvidia-cuda-runtime==$CUDA.*" "nvidia-cuda-cupti==$CUDA.*")
fi

printf 'installing LibTorch %s (%s) from PyPI into .libtorch\n' "$VERSION" "$variant" >&2
new=$(mktemp -d "$root/.libtorch-new.XXXXXX")
old=
cleanup() { rm -rf -- "$new" ${old:+"$old"}; }
trap cleanup EXIT
trap 'exit 130' INT TERM

# `--target` keeps pip out of every Python environment, and the version is the wheel's, not the user's.
PIP_USER=0 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-compile \
    ${options[@]+"${options[@]}"} --only-binary=:all: --python-version 3.11 --implementation cp \
    --target "$new/wheel" "${packages[@]}" ||
    fail "pip could not install LibTorch $VERSION" \
        'see its message above; is there a network, and disk for it (3 GB free; 10 GB with --gpu)?' \
        "or set LIBTORCH to a folder with LibTorch $VERSION"

mkdir -p "$new/view/lib"
ln -s ../wheel/torch/include "$new/view/include"
[ "$suffix" = dylib ] || ln -s wheel/nvidia "$new/nvidia"
for library in "libtorch_cpu.$suffix" "libtorch.$suffix" "libc10.$suffix" libgomp.so.1 libomp.dylib; do
    if [ -e "$new/wheel/torch/lib/$library" ]; then
        ln -s "../../wheel/torch/lib/$library" "$new/view/lib/$library"
    fi
done
[ -e "$new/view/lib/libtorch_cpu.$suffix" ] && [ -e "$new/view/include/torch/csrc/api/include/torch/torch.h" ] ||
    fail "the wheel of torch $VERSION does not hold what was expected"
printf 'libtorch %s %s\n' "$VERSION" "$variant" >"$new/stamp"

chmod 755 "$new" # mktemp makes it private
if [ -e "$home" ]; then
    old=$(mktemp -d "$root/.libtorch-old.XXXXXX")
    mv "$home" "$old/"
fi
mv "$new" "$home"
printf 'LibTorch %s is installed\n' "$VERSION" >&2
