"""The committed message classes are those of `protos/`."""

import re

from IsochroneLib.client import messages
from standin.server import REPO


def declared(text: str) -> set:
    """(message, field, number) of a .proto, nested oneofs flattened; enums with their values."""
    text = re.sub(r"//[^\n]*", "", text)
    found = set()
    for kind, name, body in re.findall(r"\b(message|enum)\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}", text):
        field = r"(\w+)\s*=\s*(\d+)\s*;"
        found |= {(kind, name, f, int(n)) for f, n in re.findall(field, body)}
    return found


def test_stubs_are_current():
    for name, module in vars(messages()).items():
        expected = declared((REPO / "protos" / "isochrone" / "v1" / f"{name}.proto").read_text())
        made = set()
        for message in module.DESCRIPTOR.message_types_by_name.values():
            made |= {("message", message.name, f.name, f.number) for f in message.fields}
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            made |= {("enum", enum.name, v.name, v.number) for v in enum.values}
        assert made == expected, f"{name}: run plugin-3dslicer/generate_stubs.py; {made ^ expected}"
