"""A look at held-back cases: ``python -m isochrone_training.validate --checkpoint runs/x/last.pt --data DIR``.

Plays the centre reader on every target of the split's side, with the server's region rules: Dice after each click by
modality and group, the share of clicks that cost more than .02 and of first clicks below .3, how far the expected Dice
is from the true one, and the best of the three answers after the first click.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from .checkpoint import load_average
from .data import USES, read_cases
from .kernels import centre_click, dice, set_threads
from .net import LesionNet
from .reader import Session
from .recipe import new_network, read_recipe

LEAST_ML = 0.1
COSTLY = 0.02
FAILED = 0.3


def batched(arrays) -> list[np.ndarray]:
    """Images ``[C, …]`` and maps, of ``[side]*3``, as a network's inputs of one sample: ``[1, C or 1, …]`` float32."""
    return [np.ascontiguousarray(a if a.ndim == 4 else a[None], np.float32)[None] for a in arrays]


class TorchNetwork:
    """The deterministic network as a function of images ``[C, …]`` and maps, of ``[side]*3``; ``answers``: its last."""

    def __init__(self, net: LesionNet) -> None:
        self.net, self.answers = net, np.zeros((0,))

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, float]:
        inputs = tuple(torch.from_numpy(a) for a in batched(arrays))
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            f = self.net.encoder(*inputs)
            logits, answers, quality = self.net.decoder(*f, *self.net.ones(1))
        self.answers = answers[0].float().numpy() > 0
        return torch.sigmoid(logits.float())[0, 0].numpy(), float(quality.max())


def torch_network(net: LesionNet) -> TorchNetwork:
    """A network to call in a session."""
    return TorchNetwork(net)


def play(network: TorchNetwork, case, truth: np.ndarray, rule: dict, clicks: int, several: bool) -> dict:
    """One target's session: Dice and expected Dice after each click, and the best answer's after the first."""
    session = Session(case.images(network.net.image_channels), case.spacing_mm, network, rule, several=several)
    scores, expected, best = [], [], 0.0
    for n in range(clicks):
        found = centre_click(session.mask, truth, case.spacing_mm)
        if found is not None:
            session.click(*found)
        scores.append(float(dice(session.mask, truth)))
        expected.append(session.expected)
        if n == 0:
            pasted = [session.region.paste(a.astype(np.float32), 0.0) >= 0.5 for a in network.answers]
            best = max([scores[0], *(float(dice(a, truth)) for a in pasted)])
    return {"dice": scores, "expected": expected, "best": best}


def validate(net: LesionNet, data: Path, recipe: dict, use: str = "validate", several: bool = False) -> list[dict]:
    """A row for each target of the split's side."""
    network, rows = torch_network(net.eval()), []
    for case in read_cases(data, use, recipe):
        for name, truth in case.targets(LEAST_ML):
            found = play(network, case, truth, recipe["region"], recipe["validation"]["clicks"], several)
            rows.append({"case": name, "volume": case.name, "modality": case.modality, "group": case.group, **found})
    return rows


def summary(rows: list[dict]) -> str:
    """Lines of figures by group and modality; averaged label → volume → group → modality."""
    keys = sorted({(r["modality"], r["group"]) for r in rows})
    clicks = len(rows[0]["dice"])
    shown = [n for n in (1, 3, 5, 10) if n <= clicks]
    lines, by_modality = [], {}
    for modality, group in keys:
        part = [r for r in rows if (r["modality"], r["group"]) == (modality, group)]
        volumes = sorted({r["volume"] for r in part})
        means = np.mean([np.mean([[*r["dice"], r["best"]] for r in part if r["volume"] == v], 0) for v in volumes], 0)
        by_modality.setdefault(modality, []).append(means)
        lines.append(line(f"{modality} {group} ({len(part)})", means, shown))
    macro = np.mean([np.mean(of, 0) for of in by_modality.values()], 0)
    groups = np.mean([m for of in by_modality.values() for m in of], 0)
    each = np.array([r["dice"] for r in rows])
    costly = float(np.mean(np.diff(each, axis=1) < -COSTLY)) if clicks > 1 else 0.0
    gap = np.abs(each - np.array([r["expected"] for r in rows])).mean()
    lines += [line("macro over modalities", macro, shown), line("macro over groups", groups, shown),
              f"clicks that cost more than {COSTLY}: {costly:.1%}; first clicks below "
              f"{FAILED}: {(each[:, 0] < FAILED).mean():.1%}; expected Dice off by {gap:.3f}"]
    return "\n".join(lines)


def line(name: str, means: np.ndarray, shown: list[int]) -> str:
    """Means of Dice after so many clicks, and of the best answer."""
    figures = "  ".join(f"@{n} {means[n - 1]:.3f}" for n in shown)
    return f"{name:36s} {figures}  best@1 {means[-1]:.3f}"


def curve_picture(history: list[dict], path: Path) -> None:
    """The loss against the step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot([h["step"] for h in history], [h["loss"] for h in history])
    axes.set(xlabel="step", ylabel="loss")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="last.pt or an average of it")
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases, see layouts.py")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--use", choices=USES, default="validate")
    parser.add_argument("--clicks", type=int)
    parser.add_argument("--several", action="store_true", help="choose among the first spacings by expected Dice")
    parser.add_argument("--json", type=Path, help="also write each target's figures here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    set_threads(1)
    recipe = read_recipe(args.recipe)
    recipe["validation"]["clicks"] = args.clicks or recipe["validation"]["clicks"]
    net = new_network(recipe)
    load_average(net, args.checkpoint)
    rows = validate(net, args.data, recipe, args.use, args.several)
    print(summary(rows))
    if args.json:
        args.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
