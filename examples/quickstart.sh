#!/usr/bin/env bash
# Answers a prompt on a bare machine: installs what is missing, builds, and runs the default model. Say it again and only
# what changed is done. Further arguments go to `coterie chat`. The answer alone is on standard output.
if [ $# -eq 0 ] || [ "$1" = "-h" ] || [ "$1" = "--help" ]; then
  echo "usage: $0 \"PROMPT\" [coterie chat options, such as -m FILE.gguf]" >&2
  exit 2
fi
set -Eeuo pipefail
called_from="$PWD"
cd "$(dirname "$0")/.."
. .ci/steps.sh

install_packages build
step "configure (release)"
cmake --preset release >&2
step "build (release)"
cmake --build --preset release >&2
program="$PWD/build/release/bin/coterie"
prompt="$1"
shift
step "coterie chat -p \"$prompt\"${*:+ $*}"
cd "$called_from"
"$program" chat -p "$prompt" "$@"
