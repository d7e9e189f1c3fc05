# shellcheck shell=bash
# Sourced by quickstart and check: from a bare Debian to a finished build, in steps that do nothing where nothing is
# missing.

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# docs/dependencies.md says what each is for.
packages=(
  g++ cmake make ninja-build ca-certificates python3-pip
  nlohmann-json3-dev libcxxopts-dev libeigen3-dev libfmt-dev libexpected-dev zlib1g-dev libstb-dev libutf8proc-dev
  libjs-chart.js
  catch2 python3-jsonschema dataset-fashion-mnist
)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
      printf '%s\n' "$package"
  done
}

install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "This is not Debian: fastc is tested on Debian 12 only. Going on with what is installed; it needs"
    say "what Debian calls ${packages[*]}"
    return
  fi
  local id version missing root=()
  id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-}") || true
  version=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID:-}") || true
  [ "$id $version" = "debian 12" ] ||
    say "This is ${id:-an unknown system} $version: fastc is tested on Debian 12, others are best effort."
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
      die "these Debian packages are missing, and there is neither root nor sudo to install them: ${missing[*]}."
    root=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  # noninteractive: tzdata and friends must not ask; no recommends: python3-pip would bring a whole tool chain.
  root+=(env DEBIAN_FRONTEND=noninteractive)
  "${root[@]}" apt-get update -q </dev/null >/dev/null ||
    die "apt-get update failed: are Debian's mirrors reachable, and may you use apt-get?"
  "${root[@]}" apt-get install -yq --no-install-recommends "${missing[@]}" </dev/null >/dev/null ||
    die "apt-get could not install ${missing[*]} (its words are above)."
}

# LibTorch goes into a folder that outlives the source tree: $FASTC_CACHE, ~/.cache/fastc, or, without a usable home,
# .cache here.
choose_cache() {
  if [ -z "${HOME:-}" ]; then
    HOME=$(getent passwd "$(id -u)" | cut -d: -f6) || true
    export HOME=${HOME:-/nonexistent}
  fi
  if [ -z "${FASTC_CACHE:-}" ]; then
    FASTC_CACHE=$HOME/.cache/fastc
    mkdir -p "$FASTC_CACHE" 2>/dev/null && [ -w "$FASTC_CACHE" ] || FASTC_CACHE=$PWD/.cache/fastc
  fi
  export FASTC_CACHE
}

fetch_libtorch() {
  choose_cache
  cmake/fetch-libtorch || die "LibTorch is not there (see the sentence above)."
}

# One compiler on LibTorch's headers takes up to 1.5 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo 2>/dev/null || true)
  [ -n "$memory" ] && [ "$memory" -ge 1 ] || memory=1
  if [ "$memory" -lt "$cores" ]; then say "$memory"; else say "$cores"; fi
}

configure() {
  say "Configuring into build/"
  mkdir -p build
  cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >build/configure.log 2>&1 || {
    tail -n 25 build/configure.log >&2
    die "CMake could not configure the build (its words are above, all of them in build/configure.log)."
  }
}

# build TARGET…
build() {
  local n
  n=$(build_jobs)
  say "Building with $n job(s)"
  cmake --build build -j "$n" --target "$@" || die "the build failed (the compiler's words are above)."
}
