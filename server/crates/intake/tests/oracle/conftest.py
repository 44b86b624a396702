"""The crate's `inspect` example, and where the real series lie."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[5]


@pytest.fixture(scope="session")
def inspect():
    build = ["cargo", "build", "--release", "-q", "-p", "isochrone-intake", "--example", "inspect"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True
    )
    program = pathlib.Path(json.loads(target.stdout)["target_directory"]) / "release/examples/inspect"

    def run(image, *arguments):
        done = subprocess.run([program, image, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run.program = program
    return run


@pytest.fixture(scope="session")
def real_series():
    """The folder of real DICOM series; tests that need it are skipped without it."""
    data = pathlib.Path(os.environ.get("ISOCHRONE_DATA", ROOT.parent / "shared/data")) / "dicom"
    if not data.is_dir():
        pytest.skip("the real DICOM series are not on this machine")
    return data
