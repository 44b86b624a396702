"""Training's tests are passed over where PyTorch or the wheel is absent (CI installs no PyTorch)."""

import importlib.util
import os
import sys
from pathlib import Path

# Before any test loads ONNX Runtime: it would report to its vendor.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if any(importlib.util.find_spec(name) is None for name in ("torch", "scipy", "isochrone")):
    collect_ignore_glob = ["test_*.py"]
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
