"""Trains the sampler and the error head on the features of a finished network.

``python -m isochrone_training.uncertain --data DIR --checkpoint runs/x/last.pt --minutes N --out runs/x/uncertain.pt``

The encoder and the decoder stay as they are. Both parts learn where *their* mask is wrong, on training
patients in the states of interactive use, mostly within 10 mm of the predicted boundary:

- the sampler's T masks are trained together: the mean of their probabilities is to fit the truth
  (cross-entropy, so it is calibrated), and their mutual information is to fit the mask's error. A sample
  alone may then be any plausible lesion;
- the error head's one answer is to fit the mask's error.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from .data import Sampler, stored_volumes
from .kernels import set_threads
from .net import LesionNet
from .recipe import new_network, read_recipe
from .train import tensors
from .uncertainty import boundary_band
from .warm import begin_as_decoder


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Entropy of a Bernoulli variable in units of ln 2."""
    p = p.clamp(1e-5, 1 - 1e-5)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())


def sampler_loss(logits, truth, wrong, weight, share: float) -> torch.Tensor:
    """Of T samples ``[T, 1, d, h, w]`` of one region; ``share`` is what mutual information counts."""
    p = torch.sigmoid(logits)
    mean = p.mean(0, keepdim=True).clamp(1e-5, 1 - 1e-5)
    information = (entropy(mean) - entropy(p).mean(0, keepdim=True)).clamp(1e-4, 1 - 1e-4)
    fit = F.binary_cross_entropy(mean, truth, reduction="none")
    tell = F.binary_cross_entropy(information, wrong, reduction="none")
    return ((fit + share * tell) * weight).sum() / weight.sum()


def error_loss(logit, wrong, weight) -> torch.Tensor:
    """Weighted cross-entropy of the error head's answer."""
    return (F.binary_cross_entropy_with_logits(logit, wrong, reduction="none") * weight).sum() / weight.sum()


class States:
    """Regions, the network's answers to them, and what is wrong with these."""

    def __init__(self, net: LesionNet, sampler: Sampler, recipe: dict) -> None:
        self.net, self.sampler, self.recipe, self.pool = net, sampler, recipe, []

    def next(self) -> tuple:
        """Features, and at half resolution: truth, error and weight ``[1, 1, d, h, w]``."""
        rule, rng = self.recipe["sampling"], self.sampler.rng
        full = len(self.pool) > rule["pool"]
        sample = self.pool.pop(int(rng.integers(len(self.pool)))) if full else self.sampler.sample()
        with torch.no_grad():
            inputs = tensors([sample], self.recipe["region"]["encoding"])
            features = self.net.encoder(*inputs)
            logit = self.net.decoder(*features, *self.net.ones(1))
        found = logit[0, 0].numpy() > 0
        wrong = found != sample.truth
        band = boundary_band(found, sample.spacing_mm, 10.0) & sample.inside if found.any() else sample.inside
        halves = [F.avg_pool3d(torch.from_numpy(x.astype(np.float32))[None, None], 2)
                  for x in (sample.truth, wrong, 0.1 + 0.9 * band)]
        sample.rounds += 1
        if sample.start.clicks and sample.rounds < rule["most_rounds"] and rng.random() < rule["go_on_share"]:
            sample.start.refine(rng, logit[0, 0].numpy(), sample.truth)
            self.pool.append(sample)
        return features, *halves


def train(net: LesionNet, states: States, recipe: dict, minutes: float) -> None:
    """Both parts, until the time is up; the rate falls with it."""
    rule = recipe["uncertainty"]
    parts = [*net.sampler.parameters(), *net.error.parameters()]
    optimiser = torch.optim.AdamW(parts, rule["learning_rate"], weight_decay=1e-4)
    generator = torch.Generator().manual_seed(recipe["seed"])
    begin, step, losses = time.monotonic(), 0, []
    while (spent := (time.monotonic() - begin) / 60 / minutes) < 1:
        rate = rule["learning_rate"] * min(1, (step + 1) / 30) * (0.02 + 0.49 * (1 + math.cos(math.pi * spent)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        for _ in range(rule["batch"]):
            features, truth, wrong, weight = states.next()
            masks = net.random_masks(rule["samples"], rule["dropout"], generator)
            first = sampler_loss(net.sampler.half(features, masks), truth, wrong, weight, rule["information_share"])
            second = error_loss(net.error(*features), wrong, weight)
            ((first + second) / rule["batch"]).backward()
            losses.append((float(first.detach()), float(second.detach())))
        torch.nn.utils.clip_grad_norm_(parts, 1.0)
        optimiser.step()
        step += 1
        if step % 25 == 0:
            print(f"step {step:5d}  sampler {np.mean(losses, 0)[0]:.3f}  error {np.mean(losses, 0)[1]:.3f}  "
                  f"{minutes * (1 - spent):.1f} min left", flush=True)
            losses = []


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--out", type=Path, required=True, help="file for the whole network's weights")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--cache", type=Path, default=here / "cache", help="what synth and negatives have written")
    parser.add_argument("--begin", type=Path, help="weights of both parts from an earlier run")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    torch.set_num_threads(args.threads)
    set_threads(1)
    torch.manual_seed(recipe["seed"])
    net = new_network(recipe)
    net.load_state_dict(torch.load(args.checkpoint, weights_only=True)["average"])
    for part in (net.sampler, net.error):
        begin_as_decoder(part, net)
    if args.begin is not None:
        begun = torch.load(args.begin, weights_only=True)["average"]
        net.load_state_dict({k: v for k, v in begun.items() if k.startswith(("sampler.", "error."))}, strict=False)
    for part in (net.encoder, net.decoder):
        part.requires_grad_(False)
    stored = stored_volumes(args.cache)
    train(net, States(net, Sampler(args.data, stored, recipe, [recipe["seed"], 3]), recipe), recipe, args.minutes)
    torch.save({"average": net.state_dict()}, args.out)


if __name__ == "__main__":
    main()
