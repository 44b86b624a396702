"""Trains the network: ``python -m isochrone_training.train --data DIR --minutes N --out runs/x``.

On a busy machine ``--processes 2`` (one thread each, gradients averaged once a step) is quicker than
two threads that wait for one another after every operation.

Each step is the loop of interactive segmentation: a first click, predictions without gradient and
clicks on their largest errors, then one update after the last click. Stops after ``--minutes``;
called again with the same ``--out`` it resumes.
"""

import argparse
import json
import math
import os
import time
import tomllib
from pathlib import Path

import numpy as np
import torch

from .feed import Feed
from .loss import total
from .net import LesionNet
from .region import guidance
from .validate import curve_picture, validate


def tensors(batch: list, sigma: float) -> tuple[torch.Tensor, ...]:
    """Samples to network inputs ``[N, 1, D, H, W]``: image, previous, positive, negative."""
    side = batch[0].image.shape[0]
    columns = []
    for s in batch:
        empty = np.zeros_like(s.image)
        previous = empty if s.start.previous is None else s.start.previous.astype(np.float32)
        maps = [guidance(side, s.start.clicks, sign, sigma) for sign in (True, False)]
        columns.append((s.image, previous, *maps))
    return tuple(
        torch.from_numpy(np.stack(x)[:, None]).to(memory_format=torch.channels_last_3d)
        for x in zip(*columns)
    )


class Trainer:
    """Network, optimiser, averaged weights and the clock."""

    def __init__(self, recipe: dict, out: Path, minutes: float, rank: int = 0, ranks: int = 1) -> None:
        self.rank, self.ranks = rank, ranks
        torch.manual_seed(recipe["seed"])
        self.recipe, self.out, self.minutes = recipe, out, minutes
        self.net = LesionNet(1, recipe["network"]["width"]).to(memory_format=torch.channels_last_3d)
        rule = recipe["optimiser"]
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), rule["learning_rate"], weight_decay=rule["weight_decay"]
        )
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.seconds, self.history = 0, 0.0, []
        if (out / "last.pt").exists():
            self.load(out / "last.pt")

    def load(self, path: Path) -> None:
        """Continues from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = state["average"]
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all."""
        state = {
            "net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(),
            "average": self.average, "step": self.step, "seconds": self.seconds,
            "history": self.history,
        }
        torch.save(state, self.out / "last.part")
        (self.out / "last.part").rename(self.out / "last.pt")

    def rate(self) -> float:
        """Learning rate: a short warm-up, then a cosine over the time that was given."""
        rule = self.recipe["optimiser"]
        warm = min(1.0, (self.step + 1) / rule["warm_up_steps"])
        progress = min(1.0, self.seconds / (60 * self.minutes))
        return rule["learning_rate"] * warm * (0.01 + 0.495 * (1 + math.cos(math.pi * progress)))

    def averaged(self) -> LesionNet:
        """The network with the averaged weights."""
        net = LesionNet(1, self.recipe["network"]["width"])
        net.load_state_dict(self.average)
        return net.eval()

    def update(self, batch: list) -> float:
        """Simulated rounds, then one step of the optimiser; returns the loss."""
        rule, sigma = self.recipe["optimiser"], self.recipe["region"]["sigma_voxels"]
        rng = np.random.default_rng([self.recipe["seed"], self.step])  # alike in all processes
        rounds = rng.choice([0, 1, 2, 4], p=self.recipe["sampling"]["extra_rounds"])
        rng = np.random.default_rng([self.recipe["seed"], self.step, self.rank])
        for _ in range(rounds):
            with torch.no_grad():
                logits, _ = self.net(tensors(batch, sigma), self.net.ones(len(batch)))
            for sample, logit in zip(batch, logits.numpy()):
                if sample.start.clicks:
                    sample.start.refine(rng, logit[0] > 0, sample.truth)
        inputs = tensors(batch, sigma)
        truth = torch.from_numpy(np.stack([s.truth for s in batch])[:, None].astype(np.float32))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        masks = self.net.random_masks(len(batch), self.recipe["network"]["dropout"], generator)
        fine, coarse = self.net(inputs, masks)
        loss = total(fine, coarse, truth, torch.maximum(inputs[2], inputs[3]), rule)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.share()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), rule["gradient_norm"])
        self.optimiser.step()
        self.step += 1
        keep = min(rule["average"], self.step / (self.step + 10))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    def share(self) -> None:
        """Averages gradients over the processes; all take the first one's clock."""
        if self.ranks == 1:
            return
        parts = [p.grad for p in self.net.parameters()]
        clock = torch.tensor([self.seconds if self.rank == 0 else 0.0])
        flat = torch.cat([p.reshape(-1) for p in parts] + [clock])
        torch.distributed.all_reduce(flat)
        self.seconds = float(flat[-1])
        flat /= self.ranks
        at = 0
        for p in parts:
            p.copy_(flat[at : at + p.numel()].view(p.shape))
            at += p.numel()


def run(trainer: Trainer, feed: Feed, data: Path) -> None:
    """Until the time is up: steps, progress lines, checkpoints and validation (first process)."""
    recipe, losses, limit = trainer.recipe, [], 60 * trainer.minutes
    every = 60 * recipe["validation"]["every_minutes"]
    next_save, next_look = trainer.seconds + 120, trainer.seconds + every
    last, done = time.monotonic(), False
    while not done:
        losses.append(trainer.update(feed.next()))
        done = trainer.seconds >= limit  # decided by the shared clock, before it moves on
        if trainer.rank > 0:
            continue
        if trainer.step % 50 == 0 and losses:
            print(f"step {trainer.step:6d}  loss {np.mean(losses):.3f}  rate {trainer.rate():.1e}  "
                  f"{trainer.seconds / trainer.step:.2f} s a step  "
                  f"{trainer.minutes - trainer.seconds / 60:.1f} min left", flush=True)
            trainer.history.append({"step": trainer.step, "loss": float(np.mean(losses))})
            losses = []
        if done or trainer.seconds >= next_save:
            trainer.save()
            next_save = trainer.seconds + 120
        if done or trainer.seconds >= next_look:
            look(trainer, data)
            next_look = trainer.seconds + every
        now = time.monotonic()
        trainer.seconds, last = trainer.seconds + now - last, now


def look(trainer: Trainer, data: Path) -> None:
    """Validation, its line and its picture."""
    scores = validate(trainer.averaged(), data, trainer.recipe)
    print("validation  " + "  ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)
    trainer.history.append({"step": trainer.step, "validation": scores})
    curve_picture(trainer.history, trainer.out / "curve.png")
    (trainer.out / "history.json").write_text(json.dumps(trainer.history, indent=1))
    trainer.save()


def worker(rank: int, args: argparse.Namespace) -> None:
    """One of the processes that train together."""
    torch.set_num_threads(2 if args.processes == 1 else 1)
    recipe = tomllib.loads(args.recipe.read_text())
    recipe["optimiser"]["batch"] //= args.processes
    if args.processes > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{args.out.resolve()}/meeting", rank=rank,
            world_size=args.processes,
        )
    trainer = Trainer(recipe, args.out, args.minutes, rank, args.processes)
    synthetic = sorted(args.synthetic.glob("[0-9][0-9][0-9][0-9].npz"))
    feed = Feed(args.data, synthetic, recipe, [recipe["seed"], trainer.step, rank])
    try:
        run(trainer, feed, args.data)
    finally:
        feed.close()


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=here / "runs" / "lesion-1")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--synthetic", type=Path, default=here / "cache" / "synthetic")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "meeting").unlink(missing_ok=True)
    if not any(args.synthetic.glob("[0-9][0-9][0-9][0-9].npz")):
        parser.error(f"no volumes in {args.synthetic}: run python -m isochrone_training.synth first")
    if args.processes == 1:
        worker(0, args)
    else:
        torch.multiprocessing.spawn(worker, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
