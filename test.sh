#!/usr/bin/env bash
# Runs everything that must hold before a change lands: lint, types, tests, notebooks, browser. `--all` adds the long forms.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"

case "${1:-}" in
  "") ;;
  --all) export ZIMAGE_LAB_LONG_TESTS=1 KILL_ROUNDS=200 ;;
  *) echo "usage: ./test.sh [--all]" >&2; exit 2 ;;
esac

./start.sh --install-for-tests
PATH="$PWD/.venv/bin:$PATH"

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk
  else
    echo "The browser tests need chromium: install it (Debian: apt-get install chromium) and run this again." >&2
    exit 1
  fi
fi

ruff check .
ruff format --check .
mypy
# A file's tests stay together, so that its models are loaded once; each process has one core.
shared="-n auto --maxprocesses 4 --dist loadfile"
OMP_NUM_THREADS=1 pytest -q $shared --ignore=tests/browser
# Notebooks begin in an empty home, as a newcomer's do. nbval kills its kernels; what they leave is swept here.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
TMPDIR="$scratch" ZIMAGE_LAB_HOME="$scratch/home" OMP_NUM_THREADS=1 pytest -q $shared -p no:randomly --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval.cfg notebooks
OMP_NUM_THREADS=1 pytest -q $shared -p no:randomly tests/browser
