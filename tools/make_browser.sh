#!/bin/sh
# Make sure that there is a Chromium for tests/browser, whose chromium.py looks for it where this puts it.
#
# One that is installed is taken. Otherwise Debian's is installed where that is allowed, and where it is not,
# Playwright downloads its own into .venv.
set -eu

cd "$(dirname "$0")/.."

find_one() { .venv/bin/python -c 'import sys; from tests.browser.chromium import installed; sys.exit(not installed())'; }

if find_one; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing Chromium with apt-get' >&2
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; then
        exit 0
    fi
fi
echo 'Downloading a Chromium into .venv/browsers' >&2
if PLAYWRIGHT_BROWSERS_PATH="$PWD/.venv/browsers" .venv/bin/python -m playwright install chromium && find_one; then
    exit 0
fi
echo 'error: there is no Chromium, and none could be installed: install the package chromium, then try again' >&2
exit 1
