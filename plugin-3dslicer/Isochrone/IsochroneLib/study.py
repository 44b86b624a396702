"""The seam for study mode: times of what the reader does, kept only when the server asks for it."""

from __future__ import annotations

import time


class Study:
    """A list of (ms since it began, event, what). Not recording until `begin` is called."""

    def __init__(self):
        self.recording = False
        self.events: list = []
        self._zero = 0.0

    def begin(self) -> None:
        """Start anew."""
        self.recording, self.events, self._zero = True, [], time.monotonic()

    def note(self, event: str, **what) -> None:
        """Something happened now."""
        if self.recording:
            self.events.append(((time.monotonic() - self._zero) * 1e3, event, what))


def is_wanted(description) -> bool:
    """True if the server's description asks for a study. No server does yet: the protocol has no field for it."""
    return bool(getattr(description, "study", ""))
