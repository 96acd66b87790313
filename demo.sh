#!/usr/bin/env bash
# Sets up, builds, and runs the demo: a broker and 16 nodes as real processes,
# their connectivity tests, and the sample's applications from the counter to
# the card. All flags go to the demo; ./demo.sh --help lists them.
#
#   ./demo.sh
#   ./demo.sh --provinces 32,34
#   ./demo.sh --applications DIR --out DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/tools/dev/setup.sh"
"$here/tools/dev/build.sh" dev yizhan yizhan-broker yizhan-node
exec "$here/.build/dev/bin/yizhan" demo "$@"
