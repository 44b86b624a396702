"""Where to look before the first click: the volume is looked over in the background."""

from conftest import begin, lesion_centre, load_lesion, same_masks, settle, wait
from IsochroneLib.panels.got import got


def swept(panel, volume):
    """Begin with the sweep; what the progress bar said until it was over."""
    seen = []
    bar = panel.ui.progressBar
    panel.session.listen("progress", lambda what, fraction: seen.append((what, fraction, got(bar.value))))
    done = []
    panel.session.listen("swept", done.append)
    panel.ui.sweepCheck.setChecked(True)
    begin(panel, volume, "tumour")
    wait(lambda: done, "the sweep", 300)
    settle(panel)
    return [entry for entry in seen if entry[0] == "Looking the volume over"], done[0]


def test_proposals_before_the_first_click(panel, views):
    volume = load_lesion("brain2")
    centre = lesion_centre(volume, "brain2")
    panel.ui.overlayCheck.setChecked(True)
    progress, result = swept(panel, volume)
    assert [f for _, f, _ in progress] == sorted(f for _, f, _ in progress) and progress[-1][1] > 0.5
    assert any(value > 0 for _, _, value in progress), "the bar stood still"
    assert got(panel.ui.progressBar.value) == 0
    looking = panel.looking
    assert looking.proposals.items and got(panel.ui.proposalList.count) == len(looking.proposals.items)
    assert not got(panel.ui.barLabel.pixmap).isNull(), "no bar of the slices"
    assert looking.overlay.node is not None and result.windows > 0
    for view in views.values():
        view.show(volume)
    panel.ui.nextButton.click()
    assert looking.proposals.current is looking.proposals.items[0]
    # A slice without a lesion may be accepted before there is any prompt.
    panel.ui.acceptButton.click()
    settle(panel)
    assert looking.proposals.accepted == 1
    panel.ui.clickButton.click()
    views["Red"].click(centre)
    settle(panel)
    wait(lambda: looking.proposals.segment == "tumour", "the proposals of the click")
    same_masks(panel, "tumour")


def test_a_click_goes_first_and_cancel_ends_the_sweep(panel, views):
    volume = load_lesion("lung2")
    centre = lesion_centre(volume, "lung2")
    done = []
    panel.session.listen("swept", done.append)
    panel.ui.sweepCheck.setChecked(True)
    begin(panel, volume, "tumour")
    wait(lambda: panel.session.context.sweeping, "the sweep")
    panel.ui.nextButton.click()
    settle(panel)
    assert "still being looked over" in got(panel.ui.readerLabel.text)
    for view in views.values():
        view.show(volume)
    panel.ui.clickButton.click()
    views["Red"].click(centre)
    settle(panel)
    assert not done, "the sweep was over before the click: this test needs a longer one"
    same_masks(panel, "tumour")
    panel.ui.cancelButton.click()
    wait(lambda: done, "the end of the sweep", 120)
    assert done == [None]
