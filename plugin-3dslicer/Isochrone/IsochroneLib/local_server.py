"""A server on this very machine, where its program is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ADDRESS = "127.0.0.1:50051"


def find_program(chosen: str = "") -> str:
    """The path of `isochrone`: as chosen, from ISOCHRONE_BINARY, or on the PATH; empty if it is nowhere."""
    for path in (chosen, os.environ.get("ISOCHRONE_BINARY", "")):
        if path and os.access(path, os.X_OK):
            return path
    return shutil.which("isochrone") or ""


class LocalServer:
    """`isochrone serve` as a child of Slicer; it ends with Slicer."""

    def __init__(self, program: str, listen: str = ADDRESS):
        self._folder = tempfile.TemporaryDirectory(prefix="isochrone-")
        command = [program, "serve", "--listen", listen, "--root", self._folder.name]
        bundle = Path(program).resolve().parents[2] / "models" / "lesion-2"
        if bundle.is_dir():
            command += ["--model", str(bundle)]
        # Slicer's own libraries must not be found in place of the server's.
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )

    def wait(self) -> str:
        """The address, once it listens; empty if it did not start. Blocks: call it from the worker's thread."""
        line = self._process.stdout.readline().decode(errors="replace")
        return line.rsplit(" ", 1)[1].strip() if "listening on" in line else ""

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.stdout.close()
        self._folder.cleanup()
