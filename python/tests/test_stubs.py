"""The stubs name what the module has, with the same parameters, and everything says what it is."""

import ast
import inspect
from pathlib import Path

import isochrone
import pytest

STUBS = ast.parse((Path(__file__).parents[1] / "isochrone.pyi").read_text())
NAMES = {node.name: node for node in STUBS.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_the_same_names():
    public = {name for name in dir(isochrone) if not name.startswith("_") and name != "isochrone"}
    assert public == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_docstring(name):
    node, found = NAMES[name], getattr(isochrone, name)
    assert found.__doc__ and len(found.__doc__) > 20
    if isinstance(node, ast.ClassDef):
        methods = [m for m in node.body if m.name != "__init__"]
        assert all(getattr(found, m.name).__doc__ for m in methods)
        (node,) = (m for m in node.body if m.name == "__init__")
    wanted = [a.arg for a in node.args.args if a.arg != "self"]
    if name == "normalise":  # the last of its overloads has all
        wanted = ["map", "kind", "value"]
    parameters = inspect.signature(found).parameters.values()
    assert [p.name for p in parameters] == wanted
    if name != "normalise":
        assert sum(p.default is not p.empty for p in parameters) == len(node.args.defaults)
