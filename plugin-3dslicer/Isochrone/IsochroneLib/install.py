"""gRPC for Slicer's Python: looked for, and installed after asking. Never at import."""

from __future__ import annotations

import importlib
import importlib.util

import slicer

# Any of these work with the message classes in `protos/`; Python 3.9 (Slicer 5.8) finds grpcio 1.80, protobuf 6.33.
REQUIREMENTS = ("grpcio~=1.72", "protobuf>=6.30.0,<8")
QUESTION = "Isochrone talks to its server by gRPC. Install the Python packages grpcio and protobuf (about 10 MB)?"


def is_installed() -> bool:
    """True if the packages are there, without importing them."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in ("grpc", "google.protobuf"))
    except (ModuleNotFoundError, ValueError):
        return False


def install() -> str:
    """Asks, installs, and returns a sentence on how it went."""
    if not slicer.util.confirmOkCancelDisplay(QUESTION, "Isochrone"):
        return "Not installed. Nothing works without gRPC; press Install when you like."
    try:
        installer()(list(REQUIREMENTS))
    except Exception as error:  # the installer raises whatever its process returned
        return f"The installation failed ({type(error).__name__}): see the Python console, and the network's proxy."
    importlib.invalidate_caches()
    if not is_installed():
        return "The installation ended without gRPC: see the Python console."
    return "gRPC is installed: press Connect."


def installer():
    """Slicer's own: `slicer.packaging` from 5.12 on (it shows how far it is), before that `slicer.util`."""
    try:
        from slicer.packaging import pip_install
    except ImportError:
        from slicer.util import pip_install
    return pip_install
