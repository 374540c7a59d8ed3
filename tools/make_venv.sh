#!/bin/sh
# Bring .venv to what one pins file says:  tools/make_venv.sh requirements.txt
# or another folder:  tools/make_venv.sh requirements-bench.txt .venv-bench
#
# Run it as often as you like. A finished environment carries a stamp of its pins and its folder, and is
# left alone while these agree. One that an earlier run left half-made, or that was copied here from
# another folder, is made anew.
set -eu

cd "$(dirname "$0")/.."
pins=$1
venv=${2:-.venv}
here=$(pwd -P)
unset PYTHONHOME PYTHONPATH # packages of another project would hide the pinned ones

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null; }

# The versions that the tests run on come before whatever else calls itself python3.
find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer${PYTHON:+ at $PYTHON}: install one, or name it with make PYTHON=/path/to/python3.11"
}

# Debian keeps ensurepip in python3-venv. Without it, the system's pip installs into $venv from outside.
make_venv() {
    python=$(find_python)
    say "Making $venv with $python"
    rm -rf "$venv"
    mkdir "$venv"
    touch "$venv/.unfinished"
    if "$python" -m ensurepip --version >/dev/null 2>&1; then
        "$python" -m venv "$venv"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$venv"
    else
        fail "$python has neither ensurepip nor pip, so it cannot fill a virtual environment: install them (Debian: apt install python3-venv)"
    fi
}

pip() {
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip "$@"
    else
        "$(find_python)" -m pip --python "$venv/bin/python" "$@"
    fi
}

must_be_made_anew() {
    [ -e "$venv/.unfinished" ] ||
        [ "$(cat "$venv/.home" 2>/dev/null || echo "$here")" != "$here" ] ||
        ! is_new_enough "$venv/bin/python" ||
        { [ -n "${PYTHON:-}" ] && [ "$(version "$PYTHON")" != "$(version "$venv/bin/python")" ]; }
}

if must_be_made_anew; then
    make_venv
elif [ "$(cat "$venv/.installed-$pins" 2>/dev/null)" = "$(cksum <"$pins")" ]; then
    exit 0
fi

say "Installing $pins (a minute or two the first time)"
touch "$venv/.unfinished"
rm -f "$venv/.installed-"*
pip install -qq --disable-pip-version-check --require-hashes -r "$pins"
pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
echo "$here" >"$venv/.home"
cksum <"$pins" >"$venv/.installed-$pins"
if [ "$pins" = requirements-dev.txt ]; then
    # It holds all of requirements.txt in the same versions; tests/unit/test_packaging.py sees to that.
    cksum <requirements.txt >"$venv/.installed-requirements.txt"
fi
rm "$venv/.unfinished"
