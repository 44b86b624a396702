"""Trains the network: ``python -m isochrone_training.train --cache cache --steps N --out runs/x``.

On a busy machine ``--processes 2`` (one thread each, weights averaged every few steps) is quicker than two threads that
wait for one another after every operation. Each step is a round of interactive segmentation: what the network predicts
in an update is what the simulated reader corrects before the sample's next one, up to ``most_rounds`` prompts, so that
later clicks cost no passes of their own; a pool of samples keeps consecutive steps apart.

The learning rate follows the steps, and falls at the end of ``--steps``. The run ends there, or earlier after
``--minutes``; called again with the same ``--out`` it goes on. Looking at validation cases is another command's.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

from . import checkpoint
from .feed import Feed
from .kernels import gaussian
from .loss import total
from .muon import Muon
from .net import LesionNet
from .norm import quicken
from .recipe import new_network, read_recipe
from .region import guidance, points_of
from .validate import curve_picture


def tensors(batch: list, encoding: dict) -> tuple[torch.Tensor, ...]:
    """Samples to network inputs ``[N, C or 1, D, H, W]``: image, previous, positive, negative; then names ``[N]``."""
    columns = []
    for s in batch:
        empty = np.zeros_like(s.truth, np.float32)
        previous = empty if s.start.previous is None else s.start.previous.astype(np.float32)
        maps = [guidance(s.image, s.start.clicks, sign, encoding, s.spacing_mm) for sign in (True, False)]
        columns.append((s.channels, previous[None], *(m[None] for m in maps)))
    arrays = (torch.from_numpy(np.stack(x)).to(memory_format=torch.channels_last_3d) for x in zip(*columns))
    return (*arrays, torch.tensor([s.name for s in batch]))


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
    """Network, optimiser, averaged weights and the counts of steps and processor time."""

    def __init__(
        self, recipe: dict, out: Path, steps: int, device: str = "cpu", rank: int = 0, ranks: int = 1
    ) -> None:
        self.rank, self.ranks, self.device = rank, ranks, torch.device(device)
        torch.manual_seed(recipe["seed"])
        self.recipe, self.out, self.steps = recipe, out, steps
        self.net = new_network(recipe).to(self.device, memory_format=torch.channels_last_3d)
        self.rng = np.random.default_rng([recipe["seed"], rank])
        self.pool, self.waiting = [], []  # samples to correct further, and new ones
        rule = recipe["optimiser"]
        self.optimiser = Muon(
            self.net, self.net.main_parameters(), rule["learning_rate"], rule["weight_decay"], rule["kernels"] == "muon"
        )
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.core_seconds, self.voxels, self.history = 0, 0.0, 0, []
        if checkpoint.resume(self, out):
            if rank > 0:  # the file holds the first process's randomness
                self.rng = np.random.default_rng([recipe["seed"], rank, self.step])
            else:
                print(f"going on from step {self.step} of {out / checkpoint.LAST}", flush=True)
        if self.device.type == "cpu":
            quicken(self.net)

    def rate(self) -> float:
        """Learning rate: a short warm-up, a long plain, and a straight way down at the end."""
        rule = self.recipe["optimiser"]
        warm = min(1.0, (self.step + 1) / rule["warm_up_steps"])
        left = (self.steps - self.step) / max(1.0, rule["cool_down_share"] * self.steps)
        return rule["learning_rate"] * warm * min(1.0, max(0.02, left))

    def averaged(self) -> LesionNet:
        """The network with the averaged weights."""
        net = new_network(self.recipe)
        net.load_state_dict({k: v.cpu() for k, v in self.average.items()})
        return net.eval()

    def batch(self, feed: Feed) -> list:
        """Samples whose last prediction is to be corrected, while the pool is full, else new ones."""
        size = self.recipe["optimiser"]["batch"]
        spare = max(0, len(self.pool) - self.recipe["sampling"]["pool"])
        old = [self.pool.pop(int(self.rng.integers(len(self.pool)))) for _ in range(min(size, spare))]
        while len(self.waiting) < size - len(old):
            self.waiting.extend(feed.next())
        return old + [self.waiting.pop(0) for _ in range(size - len(old))]

    def update(self, batch: list) -> float:
        """One step of the optimiser; its own predictions become masks to correct. Returns the loss."""
        rule, encoding = self.recipe["optimiser"], self.recipe["region"]["encoding"]
        inputs = tuple(x.to(self.device) for x in tensors(batch, encoding))
        truth = torch.from_numpy(np.stack([s.truth for s in batch])[:, None].astype(np.float32)).to(self.device)
        whole = torch.tensor([s.whole for s in batch], dtype=torch.float32, device=self.device)
        unambiguous = torch.tensor([s.start.unambiguous() for s in batch], device=self.device)
        generator = torch.Generator().manual_seed(int(self.rng.integers(2**31)))
        masks = self.net.random_masks(len(batch), self.recipe["network"]["dropout"], generator)
        masks = tuple(m.to(self.device) for m in masks)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=rule["bfloat16"]):
            fine, coarse, quality = self.net(inputs, masks)
        fine, coarse, quality = fine.float(), coarse.float(), quality.float()
        weight = weights(batch, rule).to(self.device)
        loss, dice = total(fine, coarse, quality, truth, weight, whole, unambiguous, rule)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.main_parameters(), rule["gradient_norm"])
        self.optimiser.step()
        self.step += 1
        self.voxels += truth.numel() * self.ranks
        if self.ranks > 1 and self.step % rule["share_every"] == 0:
            self.share()
        keep = min(rule["average"], self.step / (self.step + 10))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        by_guess = self.rng.random(len(batch)) < 0.7
        chosen = np.where(by_guess, quality.argmax(1).cpu().numpy(), dice.argmax(1).cpu().numpy())
        self.go_on(batch, fine.detach().cpu().numpy()[np.arange(len(batch)), chosen])
        return float(loss.detach())

    def go_on(self, batch: list, logits: np.ndarray) -> None:
        """Corrects what was predicted, and keeps it for a later step unless it has had its clicks."""
        rule = self.recipe["sampling"]
        for sample, logit in zip(batch, logits):
            sample.rounds += 1
            more = self.rng.random() < rule["go_on_share"] and sample.rounds < rule["most_rounds"]
            start, truth = sample.start, sample.truth
            if more and start.clicks and start.refine(self.rng, logit, truth, sample.fully_annotated):
                self.pool.append(sample)

    def share(self) -> None:
        """Averages the weights over the processes."""
        parts = self.net.main_parameters()
        flat = torch.cat([p.detach().reshape(-1) for p in parts])
        torch.distributed.all_reduce(flat)
        flat /= self.ranks
        at = 0
        with torch.no_grad():
            for p in parts:
                p.copy_(flat[at : at + p.numel()].view(p.shape))
                at += p.numel()


class Clock:
    """Wall and processor time of a call of this program; the processor's over all of its processes."""

    def __init__(self, trainer: Trainer, feed: Feed) -> None:
        self.trainer, self.feed = trainer, feed
        self.begun, self.counted = time.monotonic(), 0.0

    def minutes(self) -> float:
        """Since the call began."""
        return (time.monotonic() - self.begun) / 60

    def count(self, over: bool) -> bool:
        """Adds every process's seconds since the last count; whether the first process says that time is over."""
        spent = time.process_time() + self.feed.core_seconds
        counts = torch.tensor([spent - self.counted, float(over and self.trainer.rank == 0)], dtype=torch.float64)
        self.counted = spent
        if self.trainer.ranks > 1:
            torch.distributed.all_reduce(counts)
        self.trainer.core_seconds += float(counts[0])
        return bool(counts[1])


def run(trainer: Trainer, feed: Feed, minutes: float) -> None:
    """Until the steps are done or the time is up: steps, progress lines and checkpoints (first process)."""
    rule, losses, clock = trainer.recipe["checkpoint"], [], Clock(trainer, feed)
    together = trainer.recipe["optimiser"]["share_every"] * 10  # steps between looks at the clock
    saved, begun, over = clock.minutes(), trainer.step, False
    while trainer.step < trainer.steps and not over:
        losses.append(trainer.update(trainer.batch(feed)))
        if trainer.step % together:
            continue
        over = clock.count(clock.minutes() >= minutes)
        if trainer.rank > 0:
            continue
        if trainer.step % (5 * together) == 0:
            print(f"step {trainer.step:6d}  loss {np.mean(losses):.4f}  rate {trainer.rate():.1e}  "
                  f"{60 * clock.minutes() / (trainer.step - begun):.2f} s a step  "
                  f"{trainer.core_seconds / 3600:.2f} core-hours  {trainer.voxels / 1e9:.2f} Gvoxel", flush=True)
            trainer.history.append({"step": trainer.step, "loss": float(np.mean(losses)),
                                    "core_hours": trainer.core_seconds / 3600})
            losses = []
        if trainer.step % rule["snapshot_steps"] == 0:
            metadata = {"step": trainer.step, "core_hours": trainer.core_seconds / 3600}
            checkpoint.save_average(trainer.average, trainer.out / f"average_{trainer.step:06d}.pt", metadata)
        if over or clock.minutes() - saved >= rule["every_minutes"]:
            checkpoint.save(trainer, trainer.out)
            saved = clock.minutes()
    if trainer.rank == 0:
        checkpoint.save(trainer, trainer.out)
        (trainer.out / "history.json").write_text(json.dumps(trainer.history, indent=1))
        curve_picture(trainer.history, trainer.out / "curve.png")


def worker(rank: int, args: argparse.Namespace) -> None:
    """One of the processes that train together."""
    if args.device == "cpu":
        torch.set_num_threads(2 if args.processes == 1 else 1)
    recipe = read_recipe(args.recipe)
    recipe["optimiser"]["batch"] //= args.processes
    if args.processes > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{args.out.resolve()}/meeting", rank=rank,
            world_size=args.processes,
        )
    trainer = Trainer(recipe, args.out, args.steps, args.device, rank, args.processes)
    feed = Feed(args.cache, recipe, [recipe["seed"], trainer.step, rank])
    try:
        run(trainer, feed, args.minutes)
    finally:
        feed.close()


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=here / "cache", help="what volumes, structures, synth wrote")
    parser.add_argument("--steps", type=int, default=4000, help="of the whole training")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of this call")
    parser.add_argument("--out", type=Path, default=here / "runs" / "latest")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "meeting").unlink(missing_ok=True)
    if not (args.cache / "volumes" / "index.json").exists():
        parser.error(f"no volumes in {args.cache}: run python -m isochrone_training.volumes first")
    if args.processes == 1:
        worker(0, args)
    else:
        torch.multiprocessing.spawn(worker, (args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
