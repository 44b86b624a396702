"""Training's tests skip where torch or the wheel is absent (the repository's CI has neither)."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("isochrone")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
