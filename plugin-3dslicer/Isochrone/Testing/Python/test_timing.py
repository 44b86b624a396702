"""The plugin's own share of a click, and Qt's loop while the server works.

The limits hold on a machine with nothing else to do: set ISOCHRONE_QUIET=1 there. Elsewhere, such as in CI, the
best click must keep them, and the median may take three times as long.
"""

import os
import time

import numpy as np
from conftest import settle, wait

CLICKS = 6
LIMIT_MS = 50.0
MARGIN = 1.0 if os.environ.get("ISOCHRONE_QUIET") else 3.0


def rest(seconds: float) -> None:
    """Let Qt's loop run."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, "the time to pass")


def test_share_of_a_click_and_stalls_of_the_loop(lung, views):
    """Click → segment written and shown, less the server's own time; and the longest gap between two ticks."""
    import qt

    panel, red = lung, views["Red"]
    panel.ui.clickButton.click()
    red.click(panel.centre)
    settle(panel)
    red.node.JumpSliceByCentering(*panel.centre)
    red.window.Render()
    ticks: list = []
    timer = qt.QTimer()
    timer.setInterval(1)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    answers: list = []
    panel.session.listen("changed", lambda change: answers.append((time.perf_counter(), change)))
    shares, stalls, drawn = [], [], []
    for number in range(CLICKS):
        settle(panel)
        rest(0.5)
        answers.clear()
        ticks.clear()
        place = red.xy(panel.centre + [3 * (number % 3) - 3, 3 * (number // 3), 0])
        timer.start()
        start = time.perf_counter()
        red.drag([place], control=number % 2 == 1)
        wait(lambda: answers, "the answer")
        shown, change = answers[0]
        rest(0.2)
        timer.stop()
        shares.append((shown - start) * 1e3 - change.elapsed_ms)
        stalls.append(np.diff([start, *ticks]).max() * 1e3)
        before = time.perf_counter()
        red.window.Render()
        drawn.append((time.perf_counter() - before) * 1e3)
    line = "added to the server's time {} ms; longest stall {} ms; drawing a slice view {} ms"
    text = line.format(*(", ".join(f"{ms:.0f}" for ms in values) for values in (shares, stalls, drawn)))
    print(text)
    for values in (shares, stalls):
        assert min(values) <= LIMIT_MS and np.median(values) <= MARGIN * LIMIT_MS, text
