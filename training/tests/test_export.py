"""The exported graphs against torch."""

import tomllib
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_exported_graphs_equal_the_network(tmp_path):
    from isochrone_training.export import check, export
    from isochrone_training.net import LesionNet

    torch.manual_seed(0)
    net = LesionNet(1, 8)
    export(net, tmp_path)
    for name, difference in check(net, tmp_path, side=32).items():
        allowed = {"torch": 1e-4, "one by one": 1e-6, "repeat": 0.0}
        assert difference <= next(v for k, v in allowed.items() if name.endswith(k)), name


def test_description_is_complete(tmp_path):
    from isochrone_training.bundle import write_description
    from isochrone_training.recipe import read_recipe

    recipe = read_recipe(Path(__file__).parent.parent / "recipe.toml")
    path = tmp_path / "bundle.toml"
    write_description(path, recipe, {"drop3": 128}, dict.fromkeys(("encoder", "decoder", "sampler", "error"), "ab"))
    bundle = tomllib.loads(path.read_text())
    assert bundle["format"] == 1
    assert [g["role"] for g in bundle["graph"]] == ["encoder", "decoder", "sampler", "error"]
    assert bundle["graph"][3]["stride"] == 2
    assert bundle["graph"][3]["inputs"]["probability"] == "probability"
    assert bundle["output"]["temperature"] == recipe["uncertainty"]["temperature"]
    assert bundle["guidance"]["positive"]["encoding"] == recipe["guidance"]
    assert bundle["region"]["size"] == [64, 64, 64]
