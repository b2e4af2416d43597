#!/bin/sh
# Installs what tests/cross needs on Debian or Ubuntu: a linker and C library for AArch64, and an emulator to run it.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

if have aarch64-linux-gnu-gcc && have qemu-aarch64; then
    exit 0
fi
if ! have apt-get; then
    echo "tests/cross: please install aarch64-linux-gnu-gcc and qemu-aarch64; the cross tests are skipped without them" >&2
    exit 0
fi
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user >/dev/null
