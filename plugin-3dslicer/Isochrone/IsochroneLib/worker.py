"""One background thread for all calls; what they find is applied on the main thread."""

from __future__ import annotations

import queue
import threading
from collections import deque


class Worker:
    """Jobs in order on one thread. `pump` runs, on the main thread, what they posted.

    `failed(exception)`: called on the main thread for a job that raised; the next ones go on.
    """

    def __init__(self, failed):
        self._failed = failed
        self._jobs = deque()
        self._wake = threading.Condition()
        self._posted = queue.SimpleQueue()
        self._running = False
        self._stopped = False
        self._thread = threading.Thread(target=self._loop, name="isochrone", daemon=True)
        self._thread.start()

    def submit(self, job) -> None:
        """Append a job: something to call on the thread."""
        with self._wake:
            self._jobs.append(job)
            self._wake.notify_all()

    def join_last(self, merge) -> bool:
        """Let `merge(job)` add to the newest job that has not begun; False if there is none or it would not."""
        with self._wake:
            return bool(self._jobs) and merge(self._jobs[-1])

    def clear(self) -> list:
        """Forget the jobs that have not begun."""
        with self._wake:
            forgotten = list(self._jobs)
            self._jobs.clear()
            return forgotten

    @property
    def is_idle(self) -> bool:
        """Nothing to do, and nothing left to apply."""
        with self._wake:
            return not self._jobs and not self._running and self._posted.empty()

    def post(self, call, *args) -> None:
        """From any thread: have `call(*args)` run on the main one."""
        self._posted.put((call, args))

    def pump(self) -> int:
        """On the main thread: run what was posted. Returns how many."""
        done = 0
        while not self._posted.empty():
            call, args = self._posted.get_nowait()
            done += 1
            call(*args)
        return done

    def stop(self) -> None:
        """End the thread after its present job."""
        with self._wake:
            self._stopped = True
            self._jobs.clear()
            self._wake.notify_all()

    @property
    def stopped(self) -> bool:
        """`stop` was called."""
        return self._stopped

    def _loop(self) -> None:
        while True:
            with self._wake:
                self._running = False
                while not self._jobs and not self._stopped:
                    self._wake.wait()
                if self._stopped:
                    return
                job = self._jobs.popleft()
                self._running = True
            try:
                job()
            except Exception as error:
                self.post(self._failed, error)
