"""Prefetching: one background process that cuts samples while the network trains."""

import multiprocessing
import os
import queue
from pathlib import Path


def fill(batches, data: Path, stored: dict[str, list[Path]], recipe: dict, seed) -> None:
    """The background process: puts batches into the queue until it is ended."""
    from .data import Sampler
    from .kernels import set_threads

    set_threads(1)
    try:
        sampler = Sampler(data, stored, recipe, seed)
        while True:
            batches.put([sampler.sample() for _ in range(recipe["optimiser"]["batch"])])
    except Exception as reason:  # whatever it is, the training must hear of it
        batches.put(f"{type(reason).__name__}: {reason}")


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
        """The next batch, in an order that depends on the seed alone.

        Raises RuntimeError with the reason where no sample can be cut.
        """
        while True:
            try:
                found = self.queue.get(timeout=10)
            except queue.Empty:
                if self.process.is_alive():
                    continue  # reading many cases takes its time
                raise RuntimeError("the process that cuts samples has ended; was there memory enough?") from None
            if isinstance(found, str):
                raise RuntimeError(f"no sample can be cut: {found}")
            return found

    def close(self) -> None:
        """Ends the process."""
        self.process.terminate()
        self.process.join(10)
