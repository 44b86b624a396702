"""Prefetching: one background process that cuts samples while the network trains."""

import multiprocessing
import os
import queue
import time
from pathlib import Path


def fill(batches, cache: Path, recipe: dict, seed) -> None:
    """The background process: puts batches, each with the processor's seconds that it cost, until it is ended."""
    from .kernels import set_threads
    from .samples import Sampler
    from .volumes import read_volumes, stored_files

    set_threads(1)
    try:
        sampler = Sampler(read_volumes(cache / "volumes"), stored_files(cache), recipe, seed)
        spent = 0.0
        while True:
            batch = [sampler.sample() for _ in range(recipe["optimiser"]["batch"])]
            now = time.process_time()
            batches.put((batch, now - spent))
            spent = now
    except Exception as reason:  # whatever it is, the training must hear of it
        batches.put(f"{type(reason).__name__}: {reason}")


class Feed:
    """Batches of samples from one background process; ``core_seconds``: what it has cost so far."""

    def __init__(self, cache: Path, recipe: dict, seed) -> None:
        context = multiprocessing.get_context("spawn")
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited; torch's own count is set apart
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self.core_seconds = 0.0
        self.queue = context.Queue(6)
        self.process = context.Process(target=fill, args=(self.queue, cache, recipe, seed), daemon=True)
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
                    continue  # a busy machine takes its time
                raise RuntimeError("the process that cuts samples has ended; was there memory enough?") from None
            if isinstance(found, str):
                raise RuntimeError(f"no sample can be cut: {found}")
            batch, seconds = found
            self.core_seconds += seconds
            return batch

    def close(self) -> None:
        """Ends the process."""
        self.process.terminate()
        self.process.join(10)
