"""Runs Testing/Python inside a Slicer."""

from __future__ import annotations

import os
from pathlib import Path

import slicer


def run() -> int:
    """pytest's exit code. Installs pytest if it is missing."""
    try:
        import pytest
    except ModuleNotFoundError:
        slicer.util.pip_install(["pytest~=9.0"])
        import pytest

    default = Path(__file__).resolve().parents[1] / "Testing" / "Python"
    folder = Path(os.environ.get("ISOCHRONE_SLICER_TESTS", default))
    return int(pytest.main(["-q", "-p", "no:cacheprovider", str(folder)]))
