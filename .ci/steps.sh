# Shared by examples/quickstart.sh and tests/run.sh: says what it does, and what failed.
current_step="start"
step() {
  current_step="$1"
  printf '\n== %s\n' "$1" >&2
}
trap 'printf "\nFAILED in: %s (line %s of %s)\n" "$current_step" "$LINENO" "$0" >&2' ERR

# install_packages KIND...: apt-get installs what .ci/packages lists under these kinds and is not yet here.
install_packages() {
  local kind missing=() package
  for kind in "$@"; do
    while read -r package; do
      dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done < <(awk -v kind="$kind" '$1 == kind { print $2 }' .ci/packages)
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  step "install ${missing[*]}"
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}
