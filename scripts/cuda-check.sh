#!/usr/bin/env bash
# scripts/cuda-check.sh: builds the addons against the torch of a Python and runs test/cuda with them. For a bare Linux machine: an
# NVIDIA GPU, a Python with a CUDA build of torch 2.11 or later, CMake, a C++20 compiler, and Node, or a bundle that has it (made by
# `npm run cuda:bundle` elsewhere). Nothing is fetched. Without torch or without a GPU it does what it can, says so, and ends well.
set -euo pipefail

usage() {
  cat <<'TEXT'
bash scripts/cuda-check.sh [options]
  --bundle FILE     what `npm run cuda:bundle` made; without it this checkout, compiled, with its packages
  --node FILE       Node: a .tar.xz, .tar.gz, .xz or .gz, or the program itself (default: the bundle's, else that of PATH)
  --python PROGRAM  the Python with torch (default: python3)
  --work FOLDER     where to build (default: .build/cuda-check)
  --out FOLDER      writes cuda-check.json and cuda-check.md there, and the logs
  --bench           measures GPU times beside Python's, too
  --require-gpu     fails where there is no GPU or no torch
  --configure-only  ends after CMake's configuration
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/.build/cuda-check
python=python3 bundle='' node='' out='' bench='' require_gpu='' configure_only=''
while [ $# -gt 0 ]; do
  case $1 in
    --bundle | --node | --python | --work | --out)
      [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --bench) bench=1 ;;
    --require-gpu) require_gpu=1 ;;
    --configure-only) configure_only=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "unknown argument $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

say() { echo "cuda-check: $*"; }
skip() {
  say "SKIPPED: $*"
  [ -z "$require_gpu" ] || exit 1
  exit 0
}

mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ -n "$out" ]; then mkdir -p "$out" && out=$(cd "$out" && pwd); else out=$work/results && mkdir -p "$out"; fi

# ---- what is run: the bundle, or copies of what is compiled here
if [ -n "$bundle" ]; then
  tar -xzf "$bundle" -C "$work"
else
  [ -d "$root/dist" ] && [ -d "$root/.build/test/cuda" ] && [ -d "$root/node_modules" ] ||
    { say "this checkout is not compiled: npm run build first, or give --bundle" >&2; exit 1; }
  mkdir -p "$work/.build"
  for name in CMakeLists.txt package.json native dist .build/test .build/bench test/cuda bench scripts; do
    mkdir -p "$(dirname "$work/$name")"
    rm -rf "${work:?}/$name" && cp -RL "$root/$name" "$work/$name"
  done
  ln -sfn "$(cd "$root/node_modules" && pwd -P)" "$work/node_modules"
fi

# ---- Node
if [ -n "$node" ]; then
  mkdir -p "$work/node/bin"
  case $node in
    *.tar.xz | *.tar.gz | *.tgz) tar -xf "$node" -C "$work/node" && found=$(find "$work/node" -path '*/bin/node' | head -1) ;;
    *.xz) found=$work/node/bin/node && xz -dc "$node" > "$found" ;;
    *.gz) found=$work/node/bin/node && gzip -dc "$node" > "$found" ;;
    *) found=$work/node/bin/node && cp "$node" "$found" ;;
  esac
  chmod +x "$found"
  PATH=$(dirname "$found"):$PATH
elif [ -x "$work/node/bin/node" ]; then
  PATH=$work/node/bin:$PATH
fi
export PATH
node_version=$(node --version 2>&1) || { say "there is no Node: give --node" >&2; exit 1; }

# ---- torch and the device
facts=$work/facts.json
if ! "$python" - > "$facts" 2> "$work/python.log" <<'PYTHON'
import json, os, platform
import torch
gpu = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__, "cuda": torch.version.cuda, "folder": os.path.dirname(torch.__file__), "python": platform.python_version(),
    "cudnn": torch.backends.cudnn.version() if gpu else None,
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if gpu else [],
}))
PYTHON
then
  skip "$python has no torch to build against ($(tail -1 "$work/python.log"))"
fi
fact() { node -p "const v = JSON.parse(require('fs').readFileSync('$facts', 'utf8'))['$1']; Array.isArray(v) ? v.join(', ') : v ?? ''"; }
libtorch=$(fact folder)
gpus=$(fact gpus)
say "torch $(fact torch), Python $(fact python), Node $node_version, ${gpus:-no GPU}"

# ---- the addons, with CMake alone
command -v cmake > /dev/null || skip "there is no cmake, so nothing is built"
command -v "${CXX:-c++}" > /dev/null || command -v g++ > /dev/null || skip "there is no C++ compiler, so nothing is built"
generator=()
if command -v ninja > /dev/null; then generator=(-G Ninja); fi
started=$SECONDS
# what CMake found in another torch it would keep
grep -qsxF "LIBTORCH:PATH=$libtorch" "$work/build/CMakeCache.txt" || rm -rf "$work/build"
if ! (cd "$work" && cmake ${generator[@]+"${generator[@]}"} -S "$work" -B "$work/build" -DLIBTORCH="$libtorch") > "$out/configure.log" 2>&1; then
  tail -20 "$out/configure.log"
  say "FAILED: CMake's configuration" >&2
  exit 1
fi
if [ -n "$configure_only" ]; then say "configured in $work/build for $libtorch"; exit 0; fi
# a source of LibTorch takes about 1.5 GB to compile
memory=$(awk '/MemTotal/ {print int($2 / 1024 / 1024 / 2)}' /proc/meminfo)
jobs=$(nproc)
if [ "$memory" -lt "$jobs" ]; then jobs=$((memory > 0 ? memory : 1)); fi
if ! cmake --build "$work/build" --parallel "$jobs" > "$out/build.log" 2>&1; then
  grep -E 'error|undefined' "$out/build.log" | head -20 || tail -20 "$out/build.log"
  say "FAILED: the build" >&2
  exit 1
fi
build_seconds=$((SECONDS - started))
say "built the addons in $build_seconds s"

# ---- the checks
[ -n "$gpus" ] || skip "the addons are built, but there is no GPU to run test/cuda on"
interpreter=$(command -v "$python")
export LIBTORCH=$libtorch LTN_PYTHON=$interpreter CUBLAS_WORKSPACE_CONFIG=:4096:8
exec node "$work/scripts/lib/cuda-results.mjs" --facts "$facts" --out "$out" --build-seconds "$build_seconds" ${bench:+--bench}
