"""A volume on its way to the server: how far it is, a connection that breaks, and cancelling."""

import socket
import threading
import time

import pytest
from conftest import begin, load_lesion, make_panel, settle, wait
from IsochroneLib.panels.got import got
from IsochroneLib.volumes import NrrdSource


class Cable:
    """Between the panel and the server; `cut` breaks what is connected, until `mend`."""

    def __init__(self, address: str):
        host, port = address.rsplit(":", 1)
        self._server = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list = []
        self._broken = False
        self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
                if self._broken:
                    end.close()
                    continue
                other = socket.create_connection(self._server)
            except OSError:
                return
            self._ends += [end, other]
            for pair, counted in (((end, other), True), ((other, end), False)):
                threading.Thread(target=self._carry, args=(*pair, counted), daemon=True).start()

    def _carry(self, source, target, counted: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if self._broken:
                    break
                target.sendall(data)
                self.sent += len(data) if counted else 0
                if counted:
                    time.sleep(0.0005)  # some megabytes a second: long enough to be cut
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def cut(self) -> None:
        self._broken = True
        ends, self._ends = self._ends, []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self) -> None:
        self._broken = False


@pytest.fixture
def cable(server):
    made = Cable(server.address)
    yield made
    made.cut()
    made._listener.close()


def begun(panel, volume):
    """Begin, until a part of the volume is there; what the progress bar showed since."""
    seen, bar = [], panel.ui.progressBar
    panel.session.listen("progress", lambda what, fraction: seen.append((what, fraction, got(bar.value))))
    segmentation = panel.ui.segmentationSelector
    segmentation.setCurrentNode(None)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.ui.secondSelector.setCurrentNode(None)
    panel.ui.beginButton.click()
    wait(lambda: seen and seen[-1][1] > 0.2, "a part of the volume")
    return seen


def test_an_upload_goes_on_after_a_broken_connection(cable, closing):
    panel = make_panel(cable.address)
    closing.append(panel)
    volume = load_lesion("lung2")
    size = NrrdSource(volume).size_bytes
    seen = begun(panel, volume)
    assert panel.session.state == "opening"
    cable.cut()
    wait(lambda: panel.session.state == "lost", "the panel's notice")
    before = cable.sent
    assert before < size
    cable.mend()
    wait(lambda: panel.session.state == "ready", "the session")
    # Not from the beginning: what had arrived counts, but for the chunk under way.
    assert cable.sent < size + (3 << 20), f"{cable.sent} bytes were sent of a file of {size}"
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any(0 < value < 100 for _, _, value in seen)


def test_an_upload_can_be_cancelled_and_begun_again(cable, closing):
    panel = make_panel(cable.address)
    closing.append(panel)
    volume = load_lesion("lung2")
    begun(panel, volume)
    panel.ui.cancelButton.click()
    wait(lambda: panel.session.state == "connected", "the end of the upload")
    assert got(panel.ui.stateLabel.text) == "Cancelled." and panel.session.context is None
    begin(panel, volume, "tumour")
    assert panel.session.state == "ready", panel.session.sentence
    settle(panel)
