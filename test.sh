#!/usr/bin/env bash
# Sets up, builds and runs every test, on the same build as demo.sh. Under CI=1 (or CI=true) a skipped test
# is a failure.
#
#   ./test.sh                     all tests on the dev build
#   ./test.sh --preset asan-ubsan all tests on the build by clang with ASan and UBSan
#   ./test.sh --preset tsan       the tests labelled tsan: our own concurrent code
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
case "$preset" in
  tsan)
    tools/dev/build.sh tsan tsan_tests
    set -- -L '^tsan$' "$@"
    ;;
  *) tools/dev/build.sh "$preset" ;;
esac
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
