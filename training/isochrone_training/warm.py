"""Begins from another training: a bundle's weights, read back out of its ONNX graphs, or a checkpoint's."""

import tomllib
from pathlib import Path

import torch

from .checkpoint import load_average
from .net import LesionNet

# Where a graph's parameters live in the network.
PLACES = {"encoder": "encoder.", "decoder": "decoder.", "sampler": "sampler.", "error": "error."}


def weights(bundle: Path) -> dict[str, torch.Tensor]:
    """Parameters of all graphs of a bundle by the network's names."""
    import onnx
    from onnx import numpy_helper

    found = {}
    for role, prefix in PLACES.items():
        if not (bundle / f"{role}.onnx").exists():
            continue
        for tensor in onnx.load(bundle / f"{role}.onnx").graph.initializer:
            found[prefix + tensor.name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    return found


def warm_start(net: LesionNet, bundle: Path, guidance: str) -> None:
    """Copies what fits. ``bundle`` is a folder, or a checkpoint of the same network (its averaged weights).
    Image channels that the bundle did not have begin with weights of zero, and so do
    the clicks where the bundle encoded them otherwise than ``guidance``.

    The sampler and the error head begin as the decoder's trunk.
    """
    if bundle.is_file():
        load_average(net, bundle)
        for part in (net.sampler, net.error):
            begin_as_decoder(part, net)
        return
    state, found = net.state_dict(), weights(bundle)
    if "sampler.coarse.weight" in found:  # a sampler that shared the decoder's trunk
        found |= {f"coarse.{n}": found.pop(f"sampler.coarse.{n}") for n in ("weight", "bias")}
        found = {k: v for k, v in found.items() if not k.startswith("sampler.")}
    if "error.head.mix.weight" in found:  # an error head that did not see the answer
        found = {k: v for k, v in found.items() if not k.startswith("error.")}
    stem = found["encoder.stem.0.weight"]
    channels, extra = net.image_channels, net.image_channels - (stem.shape[1] - 3) // 2
    if extra > 0:
        none = torch.zeros(stem.shape[0], extra, *stem.shape[2:])
        old = channels - extra
        parts = [stem[:, :old], none, stem[:, old : 2 * old], none, stem[:, 2 * old :]]
        found["encoder.stem.0.weight"] = torch.cat(parts, 1)
    for name, value in found.items():
        if state[name].shape != value.shape:
            raise ValueError(f"{name} is {tuple(value.shape)} in the bundle, {tuple(state[name].shape)} here")
        state[name] = value
    description = tomllib.loads((bundle / "bundle.toml").read_text())
    if description["guidance"]["positive"]["encoding"]["kind"] != guidance:
        state["encoder.stem.0.weight"][:, -2:] = 0
    net.load_state_dict(state)
    for part in ("sampler", "error"):
        if f"{part}.trunk.up2.weight" not in found:
            begin_as_decoder(getattr(net, part), net)


def begin_as_decoder(part, net: LesionNet) -> None:
    """Gives a sampler or an error head the decoder's trunk and first step up, and what else it has of it."""
    part.trunk.load_state_dict(net.decoder.trunk.state_dict())
    head = getattr(part, "head", part)
    for name in ("up0", "level0"):
        if hasattr(head, name):
            getattr(head, name).load_state_dict(getattr(net.decoder.head, name).state_dict())
