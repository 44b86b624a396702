"""A real server process and a plain Python gRPC client, generated from the protos of this repository."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest

REPO = Path(__file__).parents[3]
BINARY = REPO / "target" / "release" / "isochrone"
STUBS = REPO / "build" / "stubs"
PROTOS = ("geometry", "volumes", "prompts", "labels", "segmentation", "export", "pacs")
SERVICES = ("volumes", "segmentation", "export", "pacs")


def generate_stubs() -> None:
    """Message and service classes of ``protos/`` into ``build/stubs``."""
    from grpc_tools import protoc

    STUBS.mkdir(parents=True, exist_ok=True)
    protos = [str(REPO / "protos" / "isochrone" / "v1" / f"{name}.proto") for name in PROTOS]
    root = REPO / "protos"
    assert protoc.main(["protoc", f"-I{root}", f"--python_out={STUBS}", f"--grpc_python_out={STUBS}", *protos]) == 0
    sys.path.insert(0, str(STUBS))
    # The wheel is called `isochrone` too: let its package find the stubs' modules as well.
    wheel = importlib.util.find_spec("isochrone")
    if wheel and wheel.origin:
        importlib.import_module("isochrone").__path__.append(str(STUBS / "isochrone"))


@pytest.fixture(scope="session")
def api() -> SimpleNamespace:
    """The generated modules: ``api.volumes``, ``api.volumes_grpc``, …"""
    generate_stubs()
    modules = {}
    for name in PROTOS:
        modules[name] = importlib.import_module(f"isochrone.v1.{name}_pb2")
        if name in SERVICES:
            modules[f"{name}_grpc"] = importlib.import_module(f"isochrone.v1.{name}_pb2_grpc")
    return SimpleNamespace(**modules)


@pytest.fixture(scope="session")
def root(tmp_path_factory) -> Path:
    """The folder from which the server may load and into which it may save."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="session")
def server(root) -> str:
    """Address of a server of our own, stopped at the end."""
    if not BINARY.exists():
        pytest.fail("target/release/isochrone is missing: run `make build` first")
    environment = {**os.environ, "RUST_LOG": "warn"}
    command = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--root", str(root)]
    process = subprocess.Popen(command, cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert "listening on" in line, f"the server did not start: {line!r}"
    yield line.rsplit(" ", 1)[1].strip()
    process.terminate()
    assert process.wait(timeout=20) == 0


@pytest.fixture
def channel(server):
    """A channel to the server, for messages up to 64 MiB."""
    with grpc.insecure_channel(server, options=[("grpc.max_receive_message_length", 64 << 20)]) as channel:
        yield channel
