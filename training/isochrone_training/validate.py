"""A look at the held-back patients during training, and the curve's picture."""

from pathlib import Path

import numpy as np
import torch

from .data import VALIDATION_PATIENTS, read_cases
from .net import LesionNet
from .reader import Session, play


def batched(arrays) -> list[np.ndarray]:
    """Images ``[C, …]`` and maps, of ``[side]*3``, as a network's inputs of one sample: ``[1, C or 1, …]`` float32."""
    return [np.ascontiguousarray(a if a.ndim == 4 else a[None], np.float32)[None] for a in arrays]


def torch_network(net: LesionNet):
    """The deterministic network as a function of images ``[C, …]`` and maps, of ``[side]*3``."""

    def run(*arrays: np.ndarray) -> np.ndarray:
        inputs = tuple(torch.from_numpy(a) for a in batched(arrays))
        with torch.no_grad():
            f = net.encoder(*inputs)
            logits = net.decoder(*f, *net.ones(1))
        return torch.sigmoid(logits)[0, 0].numpy()

    return run


def validate(net: LesionNet, data: Path, recipe: dict) -> dict[str, float]:
    """Mean Dice of the centre reader by modality, after one and after the last click."""
    clicks = recipe["validation"]["clicks"]
    scores: dict[str, list] = {}
    channels = net.image_channels
    for case in read_cases(data, VALIDATION_PATIENTS, channels):
        session = Session(case.images(channels), case.spacing_mm, torch_network(net), recipe["region"])
        scores.setdefault(case.modality, []).append(play(session, case.labels > 0, clicks))
    result = {}
    for modality, rows in sorted(scores.items()):
        for n in (1, clicks):
            result[f"{modality}@{n}"] = float(np.mean([r[n - 1] for r in rows]))
    return result


def curve_picture(history: list[dict], path: Path) -> None:
    """Loss and validation Dice against the step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    rows = [h for h in history if "loss" in h]
    left.plot([h["step"] for h in rows], [h["loss"] for h in rows])
    left.set(xlabel="step", ylabel="loss")
    looks = [h for h in history if "validation" in h]
    for name in looks[-1]["validation"] if looks else []:
        right.plot([h["step"] for h in looks], [h["validation"][name] for h in looks], "o-", label=name)
    right.set(xlabel="step", ylabel="Dice, held-back patients", ylim=(0, 1))
    if looks:
        right.legend(fontsize=7)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
