#!/usr/bin/env bash
# Sets up, builds and runs every test, on the same build as demo.sh. Under CI=1 (or CI=true) a skipped test
# is a failure.
#
#   ./test.sh                     all tests on the dev build
#   ./test.sh --preset asan-ubsan the same under another preset of CMakePresets.json
#   ./test.sh --preset tsan       the tests of concurrent code alone, under tsan
#   ./test.sh -L unit             further arguments go to ctest
set -euo pipefail
cd "$(dirname "$0")"
preset=dev
if [ "${1:-}" = "--preset" ]; then
  preset=${2:?--preset needs a name of CMakePresets.json}
  shift 2
fi
started=$SECONDS
tools/dev/setup.sh --tests
if [ "$preset" = tsan ]; then
  tools/dev/build.sh tsan tsan_tests
  set -- -L tsan "$@"
else
  tools/dev/build.sh "$preset"
fi
log=.build/$preset/test.log
echo "test: running, two at a time; log in $log"
status=0
ctest --preset "$preset" -j "$(nproc)" --no-tests=error "$@" 2>&1 | tee "$log" || status=$?
skipped=$(grep -cE '\*\*\*Skipped|\[  SKIPPED \] [0-9]' "$log" || true)
echo "test: $preset: exit $status, $skipped skipped, $((SECONDS - started)) s in all"
if [ "$skipped" -gt 0 ] && [ -n "${CI:-}" ]; then
  echo "test: a skipped test is a failure under CI" >&2
  exit 1
fi
exit "$status"
