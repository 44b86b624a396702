"""Trains the network: ``python -m isochrone_training.train --data DIR --minutes N --out runs/x``.

On a busy machine ``--processes 2`` (one thread each, weights averaged every few steps) is quicker than
two threads that wait for one another after every operation.

Each step is a round of interactive segmentation: what the network predicts in an update is what the
simulated reader corrects before the sample's next one, up to ``most_rounds`` prompts, so that later clicks
cost no passes of their own; a pool of samples keeps consecutive steps apart. Stops after ``--minutes``;
called again with the same ``--out`` it resumes.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch

from .data import stored_volumes
from .feed import Feed
from .kernels import gaussian
from .loss import total
from .net import LesionNet
from .recipe import new_network, read_recipe
from .region import guidance, points_of
from .validate import curve_picture, validate
from .warm import warm_start


def tensors(batch: list, encoding: dict) -> tuple[torch.Tensor, ...]:
    """Samples to network inputs ``[N, C or 1, D, H, W]``: image, previous, positive, negative."""
    columns = []
    for s in batch:
        empty = np.zeros_like(s.truth, np.float32)
        previous = empty if s.start.previous is None else s.start.previous.astype(np.float32)
        maps = [guidance(s.image, s.start.clicks, sign, encoding, s.spacing_mm) for sign in (True, False)]
        columns.append((s.channels, previous[None], *(m[None] for m in maps)))
    return tuple(
        torch.from_numpy(np.stack(x)).to(memory_format=torch.channels_last_3d)
        for x in zip(*columns)
    )


def weights(batch: list, rule: dict) -> torch.Tensor:
    """Of a voxel's cross-entropy: more under every click, and in a wide ball round the newest prompt."""
    maps = []
    for s in batch:
        shape, unit = s.truth.shape, (1.0, 1.0, 1.0)
        every = points_of(shape[0], s.start.clicks, True), points_of(shape[0], s.start.clicks, False)
        newest = points_of(shape[0], [(v, True) for v in s.start.newest], True)
        maps.append(
            1 + rule["click_weight"] * gaussian(shape, np.concatenate(every), unit, 2.0)
            + rule["newest_weight"] * gaussian(shape, newest, unit, rule["newest_sigma_voxels"])
        )
    return torch.from_numpy(np.stack(maps)[:, None])


class Trainer:
    """Network, optimiser, averaged weights and the clock."""

    def __init__(
        self, recipe: dict, out: Path, minutes: float, start: Path | None = None, rank: int = 0, ranks: int = 1
    ) -> None:
        self.rank, self.ranks = rank, ranks
        torch.manual_seed(recipe["seed"])
        self.recipe, self.out, self.minutes = recipe, out, minutes
        self.net = new_network(recipe).to(memory_format=torch.channels_last_3d)
        self.pool, self.waiting = [], []  # samples to correct further, and new ones
        rule = recipe["optimiser"]
        self.optimiser = torch.optim.AdamW(
            self.net.main_parameters(), rule["learning_rate"], weight_decay=rule["weight_decay"]
        )
        if not (out / "last.pt").exists() and start is not None:
            warm_start(self.net, start, recipe["guidance"]["kind"])
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.seconds, self.history = 0, 0.0, []
        if (out / "last.pt").exists():
            self.load(out / "last.pt")
            if rank == 0:
                print(f"going on from step {self.step} of {out / 'last.pt'}: whatever was to begin from is not read; "
                      "another folder begins anew", flush=True)

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
        net = new_network(self.recipe)
        net.load_state_dict(self.average)
        return net.eval()

    def batch(self, feed: Feed) -> list:
        """Samples whose last prediction is to be corrected, while the pool is full, else new ones."""
        size = self.recipe["optimiser"]["batch"]
        rng = np.random.default_rng([self.recipe["seed"], self.step, self.rank, 1])
        spare = max(0, len(self.pool) - self.recipe["sampling"]["pool"])
        old = [self.pool.pop(int(rng.integers(len(self.pool)))) for _ in range(min(size, spare))]
        while len(self.waiting) < size - len(old):
            self.waiting.extend(feed.next())
        return old + [self.waiting.pop(0) for _ in range(size - len(old))]

    def update(self, batch: list) -> float:
        """One step of the optimiser; its own predictions become masks to correct. Returns the loss."""
        rule, encoding = self.recipe["optimiser"], self.recipe["region"]["encoding"]
        rng = np.random.default_rng([self.recipe["seed"], self.step, self.rank])
        inputs = tensors(batch, encoding)
        truth = torch.from_numpy(np.stack([s.truth for s in batch])[:, None].astype(np.float32))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        masks = self.net.random_masks(len(batch), self.recipe["network"]["dropout"], generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=rule["bfloat16"]):
            fine, coarse = self.net(inputs, masks)
        fine, coarse = fine.float(), coarse.float()
        loss = total(fine, coarse, truth, weights(batch, rule), rule["coarse_loss"])
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.main_parameters(), rule["gradient_norm"])
        self.optimiser.step()
        self.step += 1
        if self.ranks > 1 and self.step % rule["share_every"] == 0:
            self.share()
        keep = min(rule["average"], self.step / (self.step + 10))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        self.go_on(rng, batch, fine.detach().numpy())
        return float(loss.detach())

    def go_on(self, rng, batch: list, logits: np.ndarray) -> None:
        """Corrects what was predicted, and keeps it for a later step unless it has had its clicks."""
        rule = self.recipe["sampling"]
        for sample, logit in zip(batch, logits[:, 0]):
            sample.rounds += 1
            more = rng.random() < rule["go_on_share"] and sample.rounds < rule["most_rounds"]
            if more and sample.start.clicks:
                sample.start.refine(rng, logit, sample.truth)
                self.pool.append(sample)

    def share(self) -> None:
        """Averages the weights over the processes; all take the first one's clock."""
        parts = self.net.main_parameters()
        clock = torch.tensor([self.seconds if self.rank == 0 else 0.0])
        flat = torch.cat([p.detach().reshape(-1) for p in parts] + [clock])
        torch.distributed.all_reduce(flat)
        self.seconds = float(flat[-1])
        flat /= self.ranks
        at = 0
        with torch.no_grad():
            for p in parts:
                p.copy_(flat[at : at + p.numel()].view(p.shape))
                at += p.numel()


def run(trainer: Trainer, feed: Feed, data: Path) -> None:
    """Until the time is up: steps, progress lines, checkpoints and validation (first process)."""
    recipe, losses, limit = trainer.recipe, [], 60 * trainer.minutes
    every = 60 * recipe["validation"]["every_minutes"]
    next_save, next_look = trainer.seconds + 120, trainer.seconds + every
    last, done = time.monotonic(), trainer.seconds >= limit
    while not done:
        losses.append(trainer.update(trainer.batch(feed)))
        # Decided by the shared clock, when it has just been shared and before it moves on.
        together = trainer.ranks == 1 or trainer.step % recipe["optimiser"]["share_every"] == 0
        done = together and trainer.seconds >= limit
        if trainer.rank > 0:
            continue
        if trainer.step % 50 == 0 and losses:
            print(f"step {trainer.step:6d}  loss {np.mean(losses):.3f}  rate {trainer.rate():.1e}  "
                  f"{trainer.seconds / trainer.step:.2f} s a step  "
                  f"{trainer.minutes - trainer.seconds / 60:.1f} min left", flush=True)
            trainer.history.append({"step": trainer.step, "loss": float(np.mean(losses))})
            losses = []
        if together and (done or trainer.seconds >= next_save):
            trainer.save()
            next_save = trainer.seconds + 120
        if together and (done or trainer.seconds >= next_look):
            look(trainer, data)
            next_look = trainer.seconds + every
        now = time.monotonic()
        trainer.seconds, last = trainer.seconds + now - last, now


def look(trainer: Trainer, data: Path) -> None:
    """Validation, its line and its picture."""
    try:
        scores = validate(trainer.averaged(), data, trainer.recipe)
    except ValueError as reason:
        print(f"no validation: {reason}", flush=True)
        return
    print("validation  " + "  ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)
    trainer.history.append({"step": trainer.step, "validation": scores})
    curve_picture(trainer.history, trainer.out / "curve.png")
    (trainer.out / "history.json").write_text(json.dumps(trainer.history, indent=1))
    trainer.save()


def worker(rank: int, args: argparse.Namespace) -> None:
    """One of the processes that train together."""
    torch.set_num_threads(2 if args.processes == 1 else 1)
    recipe = read_recipe(args.recipe)
    recipe["optimiser"]["batch"] //= args.processes
    if args.processes > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{args.out.resolve()}/meeting", rank=rank,
            world_size=args.processes,
        )
    trainer = Trainer(recipe, args.out, args.minutes, args.start, rank, args.processes)
    feed = Feed(args.data, stored_volumes(args.cache), recipe, [recipe["seed"], trainer.step, rank])
    try:
        run(trainer, feed, args.data)
    finally:
        feed.close()


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases, see layouts.py")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=here / "runs" / "latest")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--cache", type=Path, default=here / "cache", help="what synth and negatives have written")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--start", type=Path, help="bundle or checkpoint whose weights to begin from")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "meeting").unlink(missing_ok=True)
    if not stored_volumes(args.cache)["synthetic"]:
        parser.error(f"no volumes in {args.cache}: run python -m isochrone_training.synth first")
    if args.processes == 1:
        worker(0, args)
    else:
        torch.multiprocessing.spawn(worker, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
