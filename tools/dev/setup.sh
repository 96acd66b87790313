#!/usr/bin/env bash
# Installs what Yizhan needs from Debian 12 packages. Does nothing, and needs no
# root, when all of it is there.
#
#   tools/dev/setup.sh          what building and the demo need
#   tools/dev/setup.sh --tests  and what the tests need beside that
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libgrpc++-dev libabsl-dev
  librocksdb-dev prometheus-cpp-dev libgcrypt20-dev libssl-dev libjpeg-dev libjemalloc-dev nlohmann-json3-dev
  libp11-kit-dev libgtest-dev libgmock-dev libbotan-2-dev)
test_packages=(
  clang libclang-rt-14-dev clang-format clang-tidy prometheus openssl python3-grpcio python3-protobuf
  softhsm2)

packages=("${build_packages[@]}")
if [ "${1:-}" = "--tests" ]; then
  packages+=("${test_packages[@]}")
elif [ $# -gt 0 ]; then
  echo "setup.sh: unknown argument '$1'; use no argument, or --tests" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
# libssl3 below this version leaks SM2 nonces by timing.
ssl_needed=3.0.22-1~deb12u2
ssl_version=$(dpkg-query -W -f '${Version}' libssl3 2>/dev/null || echo 0)
dpkg --compare-versions "$ssl_version" ge "$ssl_needed" || missing+=(libssl3 libssl-dev)

if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#packages[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: these packages are missing and you are not root: ${missing[*]}" >&2
    echo "setup: run as root:  apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

# Installing a server package must not start the server.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  made_policy=yes
fi
remove_policy() { [ "$made_policy" = no ] || "${as_root[@]}" rm -f "$policy"; }
trap remove_policy EXIT

echo "setup: installing ${#missing[@]} packages: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"

ssl_version=$(dpkg-query -W -f '${Version}' libssl3)
dpkg --compare-versions "$ssl_version" ge "$ssl_needed" || {
  echo "setup: libssl3 $ssl_version is older than $ssl_needed (SM2 timing leak)." >&2
  echo "setup: add the suite bookworm-security to your apt sources and run this again." >&2
  exit 1
}
echo "setup: done"
