"""Trains the sampler and the error head on the features of a finished network.

``python -m isochrone_training.uncertain --start ../models/lesion-3 --minutes N --out runs/x/whole.pt``

The encoder and the decoder stay as they are; what they make of the states of interactive use is read from
:mod:`states`. Both parts learn where *that* answer is wrong, almost only within 10 mm of the predicted boundary:

- the sampler's T masks are trained together, and as the server uses them: the answer's logit (at the bundle's
  temperature) plus how far each sample's lies from the samples' mean. The mean of these probabilities is to fit the
  truth (cross-entropy, so it is calibrated), and their mutual information is to fit the answer's error
  (cross-entropy) and to be higher where it is wrong than where it is right (pairs of voxels: what AUROC counts);
- the error head sees the answer too, and its one output is to fit the error in the same two ways.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from .kernels import auroc
from .net import LesionNet
from .recipe import new_network, read_recipe
from .states import FEATURES
from .warm import begin_as_decoder, warm_start

MOST_LOGIT = 16.0  # the server keeps probabilities off 0 and 1 by 1e-7


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Entropy of a Bernoulli variable in units of ln 2."""
    p = p.clamp(1e-5, 1 - 1e-5)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())


def sharpened(logits: torch.Tensor, answer: torch.Tensor) -> torch.Tensor:
    """Probabilities ``[T, 1, d, h, w]`` of samples' logits round the answer's: the server's ``sharpen.rs``."""
    logits = logits.clamp(-MOST_LOGIT, MOST_LOGIT)
    return torch.sigmoid(answer + logits - logits.mean(0, keepdim=True))


def mutual_information(p: torch.Tensor) -> torch.Tensor:
    """``[1, 1, d, h, w]``, in units of ln 2."""
    return entropy(p.mean(0, keepdim=True)) - entropy(p).mean(0, keepdim=True)


def mean_over(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean."""
    return (x * weight).sum() / weight.sum()


def ranking(score: torch.Tensor, state: dict, generator: torch.Generator, pairs: int = 2048) -> torch.Tensor:
    """Mean of softplus(score where right − score where wrong) over random pairs of the band's voxels."""
    banded = state["band"].flatten() > 0.5
    is_wrong = state["wrong"].flatten() >= 0.5
    sides = [torch.nonzero(banded & side)[:, 0] for side in (is_wrong, ~is_wrong)]
    if min(len(s) for s in sides) < 4:
        return score.sum() * 0
    wrong, right = (score.flatten()[s[torch.randint(len(s), (pairs,), generator=generator)]] for s in sides)
    return F.softplus(right - wrong).mean()


def cross_entropy(p: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Of the mean of samples' probabilities ``[T, 1, d, h, w]``, voxel by voxel."""
    return F.binary_cross_entropy(p.mean(0, keepdim=True).clamp(1e-5, 1 - 1e-5), truth, reduction="none")


def sampler_loss(logits: torch.Tensor, state: dict, generator: torch.Generator, rule: dict) -> torch.Tensor:
    """Of T samples' logits ``[T, 1, d, h, w]`` of one state."""
    logits = logits / rule["temperature"]
    p = sharpened(logits, state["logit"] / rule["temperature"])
    information = mutual_information(p).clamp(1e-4, 1 - 1e-4)
    weight, truth = state["weight"], state["truth"]
    fit = cross_entropy(p, truth)
    tell = F.binary_cross_entropy(information, state["wrong"], reduction="none")
    # By themselves too: before the first click there is no answer to sharpen them with.
    plain = cross_entropy(torch.sigmoid(logits), truth)
    whole = mean_over(fit + rule["information_share"] * tell + 0.3 * plain, weight)
    return whole + rule["ranking_share"] * ranking(information.log(), state, generator)


def error_loss(logit: torch.Tensor, state: dict, generator: torch.Generator, rule: dict) -> torch.Tensor:
    """Of the error head's answer."""
    tell = F.binary_cross_entropy_with_logits(logit, state["wrong"], reduction="none")
    return mean_over(tell, state["weight"]) + rule["ranking_share"] * ranking(logit, state, generator)


def read_state(path: Path) -> dict:
    """Features and maps ``[1, c, d, h, w]``, float32, with the voxels' weight."""
    with np.load(path) as stored:
        state = {name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files}
    state = {name: (x if name in FEATURES else x[None])[None] for name, x in state.items()}
    return state | {"weight": 0.05 + 0.95 * state["band"]}


class States:
    """The stored states, all but one in eight patients' (for looks during training), in random order."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng, self.order = folder, np.random.default_rng(seed), []

    def paths(self, kept_back: bool) -> list[Path]:
        """What is there by now: of those kept back, or of the others."""
        back = {"sts_005", "sts_014", "sts_022", "sts_027"}
        return [p for p in sorted(self.folder.glob("*.npz")) if (p.stem.split("-")[2] in back) == kept_back]

    def next(self) -> dict:
        """Each once, then all over again with those that came meanwhile."""
        if not self.order:
            paths = self.paths(False)
            self.order = [paths[n] for n in self.rng.permutation(len(paths))]
        return read_state(self.order.pop())


def parts(net: LesionNet) -> list:
    """What is trained here."""
    return [*net.sampler.parameters(), *net.error.parameters()]


def answers(net: LesionNet, state: dict, masks: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    """The sampler's and the error head's logits, at half of the resolution."""
    features = tuple(state[name] for name in FEATURES)
    return net.sampler.half(features, masks), net.error.of_logit(features, state["logit"])


def look(net: LesionNet, states: States, rule: dict, most: int = 40) -> str:
    """AUROC in the band of those that are kept back: the answer's entropy, mutual information, the error head."""
    found, generator = [], torch.Generator().manual_seed(1)
    paths = states.paths(True)
    for path in paths[:: max(1, len(paths) // most)]:
        state = read_state(path)
        with torch.no_grad():
            logits, error = answers(net, state, net.random_masks(8, rule["dropout"], generator))
        p = sharpened(logits / rule["temperature"], state["logit"] / rule["temperature"])
        band = state["band"].flatten().numpy() > 0.5
        wrong = state["wrong"].flatten().numpy()[band] >= 0.5
        scores = (-state["logit"].abs(), mutual_information(p), error, torch.minimum(p, 1 - p).mean(0))
        row = [auroc(s.flatten().numpy()[band], wrong) for s in scores]
        if not np.isnan(row).any():
            found.append(row)
    if not found:
        return "nothing kept back yet"
    return "entropy {:.3f}  information {:.3f}  error head {:.3f}  expected error {:.3f}".format(*np.mean(found, 0))


def train(net: LesionNet, states: States, recipe: dict, minutes: float, out: Path) -> None:
    """Both parts, until the time is up; the rate falls with it. The averaged weights are kept."""
    rule, average = recipe["uncertainty"], [p.detach().clone() for p in parts(net)]
    optimiser = torch.optim.AdamW(parts(net), rule["learning_rate"], weight_decay=1e-4)
    generator = torch.Generator().manual_seed(recipe["seed"])
    begin, step, losses = time.monotonic(), 0, []
    while (spent := (time.monotonic() - begin) / 60 / minutes) < 1:
        rate = rule["learning_rate"] * min(1, (step + 1) / 30) * (0.02 + 0.49 * (1 + math.cos(math.pi * spent)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        for _ in range(rule["batch"]):
            state = states.next()
            logits, error = answers(net, state, net.random_masks(rule["samples"], rule["dropout"], generator))
            first = sampler_loss(logits, state, generator, rule)
            second = error_loss(error, state, generator, rule)
            ((first + second) / rule["batch"]).backward()
            losses.append((float(first.detach()), float(second.detach())))
        torch.nn.utils.clip_grad_norm_(parts(net), 1.0)
        optimiser.step()
        step += 1
        keep = min(rule["average"], step / (step + 10))
        for mean, p in zip(average, parts(net)):
            mean.lerp_(p.detach(), 1 - keep)
        if step % 50 == 0:
            print(f"step {step:5d}  sampler {np.mean(losses, 0)[0]:.3f}  error {np.mean(losses, 0)[1]:.3f}  "
                  f"{minutes * (1 - spent):.1f} min left", flush=True)
            losses = []
        if step % 200 == 0:
            keep_average(net, average, out)
            print(f"  kept back: {look(net, states, rule)}", flush=True)
    keep_average(net, average, out)
    for p, mean in zip(parts(net), average):
        p.data.copy_(mean)
    print(f"{step} steps; kept back, averaged weights: {look(net, states, rule, 200)}", flush=True)


def keep_average(net: LesionNet, average: list, out: Path) -> None:
    """Writes the whole network with the averaged weights."""
    mine = [p.detach().clone() for p in parts(net)]
    for p, mean in zip(parts(net), average):
        p.data.copy_(mean)
    torch.save({"average": net.state_dict()}, out)
    for p, own in zip(parts(net), mine):
        p.data.copy_(own)


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=Path, default=here / "cache" / "states", help="what states has written")
    parser.add_argument("--start", type=Path, required=True, help="bundle or checkpoint with the finished network")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--out", type=Path, required=True, help="file for the whole network's weights")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--begin", type=Path, help="weights of both parts from an earlier run")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    torch.set_num_threads(args.threads)
    torch.manual_seed(recipe["seed"])
    net = new_network(recipe)
    warm_start(net, args.start, recipe["guidance"]["kind"])
    for part in (net.sampler, net.error):
        begin_as_decoder(part, net)
    if args.begin is not None:
        begun = torch.load(args.begin, weights_only=True)["average"]
        net.load_state_dict({k: v for k, v in begun.items() if k.startswith(("sampler.", "error."))}, strict=False)
    for part in (net.encoder, net.decoder):
        part.requires_grad_(False)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    train(net, States(args.states, recipe["seed"]), recipe, args.minutes, args.out)


if __name__ == "__main__":
    main()
