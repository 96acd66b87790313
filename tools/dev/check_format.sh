#!/usr/bin/env bash
# Fails when a source file is not laid out by .clang-format. --fix lays it out.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=(--dry-run --Werror)
[ "${1:-}" = "--fix" ] && mode=(-i)
git ls-files -co --exclude-standard '*.cc' '*.h' | xargs -r -P "$(nproc)" -n 20 clang-format "${mode[@]}"
echo "format: $(git ls-files -co --exclude-standard '*.cc' '*.h' | wc -l) files as .clang-format wants them"
