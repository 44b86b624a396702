"""A real server process."""

import os
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[5]
BINARY = Path(os.environ.get("ISOCHRONE_BINARY", REPO / "target" / "release" / "isochrone"))


class Server:
    """`isochrone serve` with a folder of its own; can be killed and started again at the same address."""

    def __init__(self, root: Path, *arguments: str):
        self.root = root
        self._arguments = arguments
        self.address = ""
        self.start()

    def start(self) -> None:
        """Start, at the same address as before."""
        listen = self.address or "127.0.0.1:0"
        command = [str(BINARY), "serve", "--listen", listen, "--root", str(self.root), *self._arguments]
        environment = {**os.environ, "RUST_LOG": "warn"}
        self.process = subprocess.Popen(command, cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert "listening on" in line, f"the server did not start: {line!r}"
        self.address = line.rsplit(" ", 1)[1].strip()

    def kill(self) -> None:
        """As a crash."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As it should be."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)
