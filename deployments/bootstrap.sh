#!/usr/bin/env bash
# Installs what is missing on Debian or Ubuntu, and says nothing when nothing is: uv, the locked Python
# environment in .venv, PostgreSQL with PostGIS. Elsewhere, and without the right to install, it says in one
# sentence what to install.
#
#   deployments/bootstrap.sh                 to develop and for the demo
#   deployments/bootstrap.sh --with-tests    also the browser of the interface's test, where there is one
#   deployments/bootstrap.sh --production    without the tools of development
#
# PYTHON chooses the interpreter. With SEN4CAP_DATABASE_URL set no PostgreSQL is installed.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LOCK=requirements-dev.lock
WITH_TESTS=
for argument in "$@"; do
  case $argument in
    --with-tests) WITH_TESTS=yes ;;
    --production) LOCK=requirements.lock ;;
    *) echo "unknown argument: $argument" >&2; exit 2 ;;
  esac
done

say() { echo "[install] $*"; }
fail() { echo "[install] $*" >&2; exit 1; }

# The child's output matters only when it fails.
quietly() {
  local output
  output=$(mktemp)
  if ! "$@" >"$output" 2>&1; then
    tail -n 40 "$output" >&2
    rm -f "$output"
    return 1
  fi
  rm -f "$output"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    return 1
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@" # nobody is there to type a password
  fi
}

APT_LISTS_READ=
apt_install() {
  command -v apt-get >/dev/null || return 1
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  if [ -z "$APT_LISTS_READ" ]; then
    quietly as_root "${apt[@]}" update || return 1
    APT_LISTS_READ=yes
  fi
  quietly as_root "${apt[@]}" install --no-install-recommends "$@"
}

# --- Python ---------------------------------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

if ! PYTHON_FOUND=$(find_python); then
  say "installing Python"
  apt_install python3 || true
  PYTHON_FOUND=$(find_python) || fail "Python 3.11 or newer is needed. Install it (Debian 12, Ubuntu 24.04:" \
    "sudo apt-get install python3) or name one: PYTHON=/path/to/python3.11 make demo"
fi

# --- uv ---------------------------------------------------------------------------------------------------------

UV_WANTED='uv>=0.5,<1'
UV=

find_uv() {
  local candidate
  for candidate in uv "$HOME/.local/bin/uv" .tools/venv/bin/uv .tools/target/bin/uv; do
    # A version manager leaves names on PATH behind which there is nothing.
    if command -v "$candidate" >/dev/null && "$candidate" --version >/dev/null 2>&1; then
      UV=$(command -v "$candidate")
      return
    fi
  done
  return 1
}

# A virtual environment of its own; without ensurepip (Debian's python3 alone) this fails and leaves nothing.
uv_by_venv() {
  "$PYTHON_FOUND" -m venv .tools/venv >/dev/null 2>&1 &&
    quietly .tools/venv/bin/python -m pip install --quiet "$UV_WANTED" || { rm -rf .tools/venv; return 1; }
}

# A folder of its own: allowed also where the distribution manages its Python itself.
uv_by_pip() {
  "$PYTHON_FOUND" -m pip --version >/dev/null 2>&1 &&
    quietly "$PYTHON_FOUND" -m pip install --quiet --target .tools/target "$UV_WANTED" ||
    { rm -rf .tools/target; return 1; }
}

uv_by_apt() { apt_install python3-venv python3-pip && { uv_by_venv || uv_by_pip; }; }

if ! find_uv; then
  say "installing uv"
  mkdir -p .tools
  uv_by_venv || uv_by_pip || uv_by_apt || true
  find_uv || fail "uv is needed and could not be installed. Install it (https://docs.astral.sh/uv), or Python's" \
    "venv and pip modules (Debian, Ubuntu: sudo apt-get install python3-venv python3-pip), and try again."
fi

# --- the locked environment -----------------------------------------------------------------------------------

STAMP=.venv/.installed-from
fingerprint() { { cat "$LOCK" pyproject.toml; pwd; } | sha256sum | cut -d' ' -f1; }

if ! [ -x .venv/bin/python ] || ! is_new_enough .venv/bin/python; then
  quietly "$UV" venv --quiet --clear --python "$PYTHON_FOUND" .venv ||
    fail "The environment .venv could not be made with $PYTHON_FOUND."
fi
if [ "$(cat "$STAMP" 2>/dev/null)" != "$(fingerprint)" ]; then
  say "installing the locked Python packages into .venv"
  export VIRTUAL_ENV="$PWD/.venv"
  quietly "$UV" pip sync --require-hashes "$LOCK" || fail "The packages in $LOCK could not be installed."
  isolation=--no-build-isolation # the build backend is in the lock
  [ "$LOCK" = requirements-dev.lock ] || isolation=
  quietly "$UV" pip install --no-deps $isolation -e . || fail "sen4cap could not be installed into .venv."
  fingerprint >"$STAMP"
  # Imports are most of what a short process does, and twice as long without compiled modules, which containers
  # often forbid Python to write (PYTHONDONTWRITEBYTECODE). A module that cannot be compiled is compiled by nobody.
  quietly .venv/bin/python -m compileall -q -j 0 -x '/(tests?|testing)/' .venv sen4cap_core flows || true
fi

# --- PostgreSQL with PostGIS ------------------------------------------------------------------------------------

has_postgis() {
  .venv/bin/python -c 'from sen4cap_core.service.pgbinaries import find_binaries; find_binaries()' 2>/dev/null
}

if [ -z "${SEN4CAP_DATABASE_URL:-}" ] && ! has_postgis; then
  say "installing PostgreSQL and PostGIS"
  apt_install postgresql postgresql-postgis || true
  has_postgis || fail "PostgreSQL with PostGIS is needed. Install both (Debian, Ubuntu: sudo apt-get install" \
    "postgresql postgresql-postgis), or set SEN4CAP_DATABASE_URL to an existing PostGIS database."
fi

# --- a browser for the test of the interface ----------------------------------------------------------------------

if [ -n "$WITH_TESTS" ] && ! { command -v chromium && command -v chromedriver; } >/dev/null; then
  say "installing Chromium for the test of the interface"
  apt_install chromium chromium-driver || say "no Chromium here: the test of the interface is skipped"
fi
