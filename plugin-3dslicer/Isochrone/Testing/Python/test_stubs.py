"""The committed message classes are those of `protos/`, and go with the oldest packages and Python that we name."""

import ast
import re
import subprocess
import warnings
from pathlib import Path

import pytest
from IsochroneLib.client import messages
from standin.server import REPO

HERE = Path(__file__).resolve().parent
# A Python with grpcio and protobuf as low as `install.REQUIREMENTS` goes; made by install_test_tools.sh.
LOWEST = REPO / "build" / "slicer-lowest-venv" / "bin" / "python"


def declared(text: str) -> set:
    """(message, field, number) of a .proto, nested oneofs flattened; enums with their values."""
    text = re.sub(r"//[^\n]*", "", text)
    found = set()
    for kind, name, body in re.findall(r"\b(message|enum)\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}", text):
        field = r"(\w+)\s*=\s*(\d+)\s*;"
        found |= {(kind, name, f, int(n)) for f, n in re.findall(field, body)}
    return found


def test_stubs_agree_with_the_protos():
    for name, module in vars(messages()).items():
        expected = declared((REPO / "protos" / "isochrone" / "v1" / f"{name}.proto").read_text())
        made = set()
        for message in module.DESCRIPTOR.message_types_by_name.values():
            made |= {("message", message.name, f.name, f.number) for f in message.fields}
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            made |= {("enum", enum.name, v.name, v.number) for v in enum.values}
        advice = f"{name}: run plugin-3dslicer/generate_stubs.py"
        assert made <= expected, f"{advice}; no longer so: {made - expected}"
        if expected - made:  # what the plugin does not know, it does not need: old and new go together
            warnings.warn(f"{advice}; not there yet: {expected - made}", stacklevel=1)


def test_the_lowest_grpcio_and_protobuf_do(server):
    if not LOWEST.exists():
        pytest.skip("the lowest grpcio and protobuf are not installed: make test-slicer installs them")
    command = [str(LOWEST), str(HERE / "without_slicer.py"), server.address]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-1500:]
    assert "voxels with protobuf 6.30.0 and grpcio 1.72.1" in ran.stdout


def test_the_code_is_python_of_slicer_5_8():
    """Python 3.9, as far as its grammar goes."""
    files = [path for path in HERE.parents[1].rglob("*.py") if "Testing" not in path.parts]
    assert len(files) > 30
    for path in files:
        ast.parse(path.read_text(), str(path), feature_version=(3, 9))
