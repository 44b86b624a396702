#!/bin/sh
# Slicer's core and Qt for the plugin's tests, into the folder $1. Where they cannot be had, the tests skip.
set -u
venv="$1"
here=$(dirname "$0")
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install --yes --quiet --no-install-recommends libgl1 libegl1 libosmesa6 libxrender1 libxcursor1 libxft2 \
        libxi6 libxext6 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 >/dev/null 2>&1 \
        || echo "System libraries for rendering could not be installed; tests that draw may fail."
fi
"${PYTHON:-python3}" -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    -r "$here/requirements-test.txt" || { echo "slicer-core could not be installed: its tests will skip."; rm -rf "$venv"; }
# The oldest packages that the plugin says it works with, in a Python of their own, beside it.
lowest="$(dirname "$venv")/slicer-lowest-venv"
"${PYTHON:-python3}" -m venv "$lowest" && "$lowest/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    grpcio==1.72.1 protobuf==6.30.0 numpy==2.2.6 || { echo "The oldest grpcio could not be installed: its test will skip."; rm -rf "$lowest"; }
