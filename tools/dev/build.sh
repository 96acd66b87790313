#!/usr/bin/env bash
# Configures and builds one preset with all cores: tools/dev/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../.."
preset=${1:?preset: dev, release, asan-ubsan or tsan}
shift
# Objects of one checkout serve another: paths in them are relative.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
started=$SECONDS
cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}"
echo "build: $preset done in $((SECONDS - started)) s"
