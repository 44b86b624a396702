"""The button that starts a server on this machine: the real program, with a folder that keeps the sessions."""

import os

import numpy as np
import pytest
from conftest import begin, end_panel, lesion_centre, load_lesion, new_panel, same_masks, settle, slicer_mask, wait
from driver import View
from IsochroneLib.panels.got import got
from standin.server import BINARY


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """The program is on the machine; the folder of its state is the test's."""
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    monkeypatch.setenv("ISOCHRONE_BINARY", str(BINARY))
    monkeypatch.setenv("ISOCHRONE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ISOCHRONE_PACS", "hospital=http://127.0.0.1:9/dicom-web")
    return tmp_path / "state"


def answered(panel):
    """Press the button; until the panel says how it went."""
    panel.ui.startServerButton.click()
    busy = lambda: got(panel.ui.stateLabel.text) in ("Starting the server …", "Looking for the server …")
    wait(lambda: not busy(), "the server")
    return got(panel.ui.stateLabel.text)


def test_start_work_crash_start_again_and_end(machine):
    panel = new_panel()
    try:
        assert not panel.ui.startServerButton.isHidden()
        sentence = answered(panel)
        assert panel.session.state == "connected", sentence
        address = got(panel.ui.addressEdit.text)
        assert address.startswith("127.0.0.1:") and not address.endswith(":50051"), "a free port"
        client = panel.session._client
        known = client.call(client.services.pacs.ListPacs, client.messages.pacs.ListPacsRequest())
        assert list(known.names) == ["hospital"], "what the environment says of a PACS"
        assert machine.stat().st_mode & 0o777 == 0o700
        volume = load_lesion("lung2")
        centre = lesion_centre(volume, "lung2")
        begin(panel, volume, "tumour")
        red = View("Red")
        red.node.SetOrientation("Axial")
        red.show(volume)
        panel.ui.clickButton.click()
        red.click(centre)
        settle(panel)
        first = slicer_mask(panel, "tumour")
        process = panel.connection._server._process
        process.kill()
        process.wait()
        red.click(centre + [6, 0, 0], control=True)
        wait(lambda: panel.session.state == "lost", "the panel's notice")
        answered(panel)
        wait(lambda: panel.session.state == "ready", "the session")
        settle(panel)
        assert got(panel.ui.addressEdit.text) == address
        assert len(panel.session.prompts) == 2 and first.any()
        same_masks(panel, "tumour")
        # The very same session: its first click can be undone.
        panel.ui.undoButton.click()
        settle(panel)
        assert np.array_equal(first, slicer_mask(panel, "tumour"))
        panel.ui.undoButton.click()
        settle(panel)
        assert not slicer_mask(panel, "tumour").any()
        process = panel.connection._server._process
        assert process.poll() is None
    finally:
        end_panel(panel)
    assert process.poll() is not None, "the server outlives Slicer"


def test_a_program_that_does_not_start_says_why(machine, monkeypatch, tmp_path):
    broken = tmp_path / "isochrone"
    broken.write_text("#!/bin/sh\necho 'The model cannot be read. Copy it again' >&2\nexit 64\n")
    broken.chmod(0o755)
    monkeypatch.setenv("ISOCHRONE_BINARY", str(broken))
    panel = new_panel()
    assert answered(panel) == "The server did not start: The model cannot be read. Copy it again"
    end_panel(panel)


def test_without_the_program_there_is_no_button(monkeypatch):
    monkeypatch.delenv("ISOCHRONE_BINARY", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    panel = new_panel()
    assert panel.ui.startServerButton.isHidden()
    end_panel(panel)
