"""The plugin's own share of a click, and Qt's loop while the server works.

On a machine with nothing else to do (ISOCHRONE_QUIET=1) no click and no part of the session may pass the limit.
Elsewhere, such as in CI, the best must keep it, and the median may take three times as long.
"""

import os
import time

import numpy as np
from conftest import begin, lesion_centre, load_lesion, settle, wait
from IsochroneLib import segments
from IsochroneLib.masks import Box

CLICKS = 6
LIMIT_MS = 50.0
QUIET = bool(os.environ.get("ISOCHRONE_QUIET"))


def keeps_the_limit(values) -> bool:
    """All of them in quiet; elsewhere the best, and about the median."""
    return max(values) <= LIMIT_MS if QUIET else min(values) <= LIMIT_MS and np.median(values) <= 3 * LIMIT_MS


class Watch:
    """Ticks every millisecond while Qt's loop runs; `longest_ms` between two ticks since `start`."""

    def __init__(self):
        import qt

        self._ticks: list = []
        self._timer = qt.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(lambda: self._ticks.append(time.perf_counter()))

    def start(self) -> float:
        self._ticks = [time.perf_counter()]
        self._timer.start()
        return self._ticks[0]

    def longest_ms(self) -> float:
        self._timer.stop()
        return float(np.diff([*self._ticks, time.perf_counter()]).max()) * 1e3


def rest(seconds: float) -> None:
    """Let Qt's loop run."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, "the time to pass")


def test_share_of_a_click_and_stalls_of_the_loop(lung, views):
    """Click → segment written and shown, less the server's own time; and the longest gap between two ticks."""
    panel, red, watch = lung, views["Red"], Watch()
    panel.ui.clickButton.click()
    red.click(panel.centre)
    settle(panel)
    red.node.JumpSliceByCentering(*panel.centre)
    red.window.Render()
    answers: list = []
    panel.session.listen("changed", lambda change: answers.append((time.perf_counter(), change)))
    shares, stalls, drawn = [], [], []
    for number in range(CLICKS):
        settle(panel)
        rest(0.5)
        answers.clear()
        place = red.xy(panel.centre + [3 * (number % 3) - 3, 3 * (number // 3), 0])
        start = watch.start()
        red.drag([place], control=number % 2 == 1)
        wait(lambda: answers, "the answer")
        shown, change = answers[0]
        rest(0.2)
        stalls.append(watch.longest_ms())
        shares.append((shown - start) * 1e3 - change.elapsed_ms)
        before = time.perf_counter()
        red.window.Render()
        drawn.append((time.perf_counter() - before) * 1e3)
    line = "added to the server's time {} ms; longest stall {} ms; drawing a slice view {} ms"
    text = line.format(*(", ".join(f"{ms:.0f}" for ms in values) for values in (shares, stalls, drawn)))
    print(text)
    assert keeps_the_limit(shares) and keeps_the_limit(stalls), text


def test_stalls_of_the_loop_in_a_whole_session(panel, views):
    """From Begin to an accepted slice, with uncertainty and paint: the longest gap of each part."""
    volume = load_lesion("lung2")
    centre = lesion_centre(volume, "lung2")
    for view in views.values():
        view.show(volume)
    panel.ui.overlayCheck.setChecked(True)
    ui, red, watch, stalls = panel.ui, views["Red"], Watch(), {}
    box = Box((60, 60, 2), (400, 400, 58))

    def part(name: str, act, until=lambda: True) -> None:
        settle(panel)
        rest(0.3)
        watch.start()
        act()
        settle(panel)
        wait(until, name)
        rest(0.3)
        stalls[name] = watch.longest_ms()

    part("Begin", lambda: begin(panel, volume, "tumour"))
    ui.clickButton.click()
    red.node.JumpSliceByCentering(*centre)
    place = red.xy(centre)
    part("click, with map", lambda: red.drag([place]), lambda: panel.looking.overlay.node is not None)
    part("next slice", ui.nextButton.click)
    part("accept", ui.acceptButton.click)
    part("undo of accept", ui.undoButton.click)
    part("undo of click", ui.undoButton.click)
    part("redo of click", ui.redoButton.click)
    # 3 million voxels scattered over half of the volume, as by the effect Threshold.
    segments.write(panel.session.segmentation, "tumour", volume, box, np.indices(box.shape).sum(axis=0) % 2 > 0)
    part("click after paint", lambda: red.drag([place]))
    text = ", ".join(f"{name} {ms:.0f} ms" for name, ms in stalls.items())
    print(f"longest stalls: {text}")
    assert keeps_the_limit(list(stalls.values())), text
