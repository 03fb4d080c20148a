#!/usr/bin/env bash
# Passes every test: installs what is missing, builds, runs the suite; then the same suite under AddressSanitizer and
# UndefinedBehaviorSanitizer, and the kernels cross-compiled for 64-bit Arm under QEMU.
#   tests/run.sh [release] [sanitize] [arm]      without arguments: all three
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. .ci/steps.sh

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(release sanitize arm)
install_packages build test
command -v npm > /dev/null || install_packages peer

# suite PRESET FOLDER [ctest options]
suite() {
  local preset="$1" folder="$2"
  shift 2
  step "$preset: configure and build"
  cmake --preset "$preset" > /dev/null
  cmake --build --preset "$preset"
  step "$preset: tests"
  ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$(nproc)" "$@"
}

for part in "${parts[@]}"; do
  case "$part" in
    release) suite test build/release ;;
    # the peers and Python are other people's programs: they are checked once, above
    sanitize) suite sanitize build/sanitize -LE peer ;;
    arm) suite aarch64 build/aarch64 ;;
    *) step "arguments"; echo "unknown part: $part (release, sanitize, arm)" >&2; exit 2 ;;
  esac
done
step "all tests passed: ${parts[*]}"
