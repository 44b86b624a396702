"""A server on this very machine, where its program is there."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import threading
from pathlib import Path

START_S = 60.0
# Of the standard health service: SERVING, as it travels.
SERVING = b"\x08\x01"


def find_program() -> str:
    """The path of `isochrone`: from ISOCHRONE_BINARY, or on the PATH; empty if it is nowhere."""
    path = os.environ.get("ISOCHRONE_BINARY", "")
    return path if path and os.access(path, os.X_OK) else shutil.which("isochrone") or ""


def state_folder() -> Path:
    """Where the server keeps sessions, so that they outlive it: ISOCHRONE_STATE, or a folder of the user's own."""
    folder = Path(os.environ.get("ISOCHRONE_STATE") or Path.home() / ".isochrone")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class LocalServer:
    """`isochrone serve --state` as a child of Slicer; it ends with Slicer.

    `address`: empty before the first start; a server that is started again keeps it, and with it the sessions.
    """

    def __init__(self, program: str):
        self._program = program
        self._process = None
        self.address = ""
        atexit.register(self.stop)

    def start(self) -> str:
        """Starts it on a free port: empty once it answers, else what is wrong. Blocks: not for the main thread."""
        self.stop()
        state = state_folder()
        listen = self.address or "127.0.0.1:0"
        command = [self._program, "serve", "--listen", listen, "--state", str(state)]
        # Slicer's own libraries must not be found in place of the server's.
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")}
        log = state / "server.log"
        try:
            with log.open("wb") as errors:
                self._process = subprocess.Popen(
                    command,
                    cwd=home_of(self._program),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
        except OSError as error:
            return f"The server's program does not start ({type(error).__name__}): check its file's rights."
        too_late = threading.Timer(START_S, self._process.kill)
        too_late.start()
        line = self._process.stdout.readline().decode(errors="replace")
        too_late.cancel()
        if "listening on" in line:
            self.address = line.rsplit(" ", 1)[1].strip()
            if is_serving(self.address):
                return ""
        self.stop()
        said = [text for text in log.read_text(errors="replace").splitlines() if text.strip()]
        return f"The server did not start: {said[-1].strip()[:200] if said else 'it did not say why'}"

    def stop(self) -> None:
        """End it, in order if it can be had within seconds. Sessions are kept."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def home_of(program: str) -> str | None:
    """The folder round the program that holds `models`, as the server's defaults count from there."""
    return next((str(folder) for folder in Path(program).resolve().parents if (folder / "models").is_dir()), None)


def is_serving(address: str) -> bool:
    """True once the server says so by the standard health service."""
    import grpc

    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return check(b"", timeout=START_S, wait_for_ready=True) == SERVING
        except grpc.RpcError:
            return False
