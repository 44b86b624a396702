"""Prefetching: one background process that cuts samples while the network trains."""

import multiprocessing
import os
from pathlib import Path


def fill(queue, data: Path, stored: dict[str, list[Path]], recipe: dict, seed) -> None:
    """The background process: puts batches into the queue until it is ended."""
    from .data import Sampler
    from .kernels import set_threads

    set_threads(1)
    sampler = Sampler(data, stored, recipe, seed)
    while True:
        queue.put([sampler.sample() for _ in range(recipe["optimiser"]["batch"])])


class Feed:
    """Batches of samples from one background process."""

    def __init__(self, data: Path, stored: dict[str, list[Path]], recipe: dict, seed) -> None:
        context = multiprocessing.get_context("spawn")
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited; torch's own count is set apart
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self.queue = context.Queue(8)
        self.process = context.Process(
            target=fill, args=(self.queue, data, stored, recipe, seed), daemon=True
        )
        self.process.start()

    def next(self) -> list:
        """The next batch, in an order that depends on the seed alone."""
        return self.queue.get(timeout=300)

    def close(self) -> None:
        """Ends the process."""
        self.process.terminate()
        self.process.join(10)
