"""The recipe: one TOML file with every number that decides a training."""

import tomllib
from pathlib import Path

DISTANCES = ("euclidean", "geodesic")  # encodings that are 0 at a click and grow; the others are 1 there


def read_recipe(path: Path) -> dict:
    """The file's tables; the region's also holds the guidance's ``encoding``, as the regions need both, and the
    network's ``image_channels`` says how many there are.
    """
    recipe = tomllib.loads(path.read_text())
    recipe["network"]["image_channels"] = len(recipe["network"]["channels"])
    recipe["region"]["encoding"] = recipe["guidance"]
    recipe["names"] = sorted({*recipe["data"]["names"].values(), *recipe["data"]["more_names"]})
    return recipe


def new_network(recipe: dict):
    """The recipe's network, with random weights."""
    from .net import LesionNet

    rule = recipe["network"]
    distances = recipe["guidance"]["kind"] in DISTANCES
    return LesionNet(rule["image_channels"], rule["width"], distances, len(recipe["names"]))
