"""The keys that the panel shows do what it says; and what a study would record."""

import pytest
import slicer
from conftest import settle, wait
from IsochroneLib.panels.got import got, is_checked
from IsochroneLib.shortcuts import SHORTCUTS


@pytest.fixture
def press(lung):
    """Presses a key with Slicer's main window in front. Stand-in only: a full Slicer's window may be hidden."""
    if not hasattr(slicer, "qt_application"):
        pytest.skip("keys are pressed on the stand-in's main window")
    from PySide6.QtTest import QTest

    window = slicer.util.mainWindow()
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window)

    def pressed(key: str) -> None:
        QTest.keySequence(window, key)
        settle(lung)

    yield pressed
    window.hide()


def test_every_key_is_shown_and_works(lung, views, press):
    shown = got(lung.ui.keysLabel.text)
    assert all(key in shown and text in shown for key, (_, text) in SHORTCUTS.items())
    ui = lung.ui
    for key, button in (("S", ui.scribbleButton), ("B", ui.boxButton), ("L", ui.lassoButton), ("O", ui.clickButton)):
        press(key)
        assert is_checked(button), key
    press("T")
    assert is_checked(ui.negativeButton)
    press("T")
    assert is_checked(ui.positiveButton)
    views["Red"].click(lung.centre)
    settle(lung)
    assert len(lung.session.prompts) == 1
    wait(lambda: lung.looking.proposals.items, "proposals")
    press("N")
    assert lung.looking.proposals.current is not None
    press("A")
    assert lung.looking.proposals.accepted == 1
    for _ in range(2):  # the accepted slice, then the click
        press("Ctrl+Z")
    assert lung.session.shown_mask("tumour").voxels.sum() == 0
    press("Ctrl+Y")
    assert lung.session.shown_mask("tumour").voxels.sum() > 100
    press("R")
    assert lung.session.shown_mask("tumour").voxels.sum() == 0
    press("E")
    assert len(lung.session.segment_ids()) == 2
    press("Escape")
    lung.module.exit()
    press("S")
    assert not is_checked(ui.scribbleButton), "keys work after the module was left"


def test_one_tool_in_hand_at_a_time(lung):
    """A tool lays the Segment Editor's effect down, and an effect the tool; it listens while the module is shown."""
    editor = lung.session.editor_node
    editor.SetActiveEffectName("Paint")
    lung.ui.clickButton.click()
    assert editor.GetActiveEffectName() == "" and is_checked(lung.ui.clickButton)
    editor.SetActiveEffectName("Paint")
    assert lung.prompting.tool is None and not is_checked(lung.ui.clickButton)
    assert editor.GetActiveEffectName() == "Paint"
    if hasattr(slicer, "qt_application"):
        assert lung.ui.editor.listens
        lung.module.exit()
        assert not lung.ui.editor.listens
        lung.module.enter()
    else:
        lung.module.exit()
        lung.module.enter()
    assert editor.GetActiveEffectName() == ""


def test_study_mode_records_times_only_when_it_is_wanted(lung, views):
    study = lung.session.study
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    assert not study.events
    study.begin()
    views["Red"].click(lung.centre + [4, 0, 0])
    settle(lung)
    wait(lambda: lung.looking.proposals.items, "proposals")
    lung.ui.nextButton.click()
    lung.ui.acceptButton.click()
    settle(lung)
    names = [event for _, event, _ in study.events]
    assert names[0] == "prompt" and {"jump", "accept"} <= set(names)
    times = [ms for ms, _, _ in study.events]
    assert times == sorted(times) and times[0] >= 0
