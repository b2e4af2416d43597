#!/bin/sh
# Installs the browser in which tests/show opens pages, and ffmpeg, on Debian or Ubuntu.
# FALTUNG_NO_BROWSER=1 does without: the tests that need them are then skipped.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
have_browser() { have chromium || have chromium-browser || have google-chrome; }

if [ "${FALTUNG_NO_BROWSER:-}" = 1 ] || { have_browser && have ffmpeg; }; then
    exit 0
fi
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
export DEBIAN_FRONTEND=noninteractive
if have apt-get && $as_root apt-get update -qq &&
    $as_root apt-get install -y -qq --no-install-recommends chromium ffmpeg fonts-dejavu-core >/dev/null; then
    exit 0
fi
cat >&2 <<'END'
tests/browser: CHROMIUM OR FFMPEG IS MISSING and could not be installed; the tests of pages and films will fail.
tests/browser: install chromium and ffmpeg, or set FALTUNG_NO_BROWSER=1 to skip those tests.
END
