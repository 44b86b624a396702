"""Server and image: connect, choose, begin."""

from __future__ import annotations

import threading

import qt
import slicer

from .. import install, local_server, volumes
from .got import got, is_checked

SETTINGS = "Isochrone/"
BUSY = ("connecting", "opening")


class ConnectionPanel:
    """The sections Server and Image."""

    def __init__(self, ui, session):
        self.ui, self.session = ui, session
        self._server = None
        ui.connectButton.clicked.connect(lambda *_: self.connect())
        ui.installButton.clicked.connect(lambda *_: self.install())
        ui.startServerButton.clicked.connect(lambda *_: self.start_server())
        ui.caButton.clicked.connect(lambda *_: self.choose_authority())
        ui.beginButton.clicked.connect(lambda *_: self.begin())
        ui.cancelButton.clicked.connect(lambda *_: self.cancel())
        session.listen("state", self._on_state)
        session.listen("progress", self._on_progress)
        ui.installButton.setVisible(not install.is_installed())
        ui.startServerButton.setVisible(bool(local_server.find_program()))
        ui.progressBar.setFormat("")
        for combo in (ui.modalityCombo, ui.secondModalityCombo):
            combo.addItems(["as known", *volumes.MODALITIES])

    def restore(self) -> None:
        """Address and authority as they were last time. The token is not kept."""
        settings = qt.QSettings()
        self.ui.addressEdit.setText(settings.value(SETTINGS + "address") or "localhost:50051")
        self.ui.caEdit.setText(settings.value(SETTINGS + "ca") or "")
        self.ui.sweepCheck.setChecked(settings.value(SETTINGS + "sweep") != "no")

    def install(self) -> None:
        """Install gRPC, after asking."""
        self.ui.stateLabel.setText(install.install())
        self.ui.installButton.setVisible(not install.is_installed())

    def choose_authority(self) -> None:
        """The file of a site's certificate authority."""
        path = qt.QFileDialog.getOpenFileName(None, "Certificate authority", "", "PEM (*.pem *.crt *.cer)")
        path = path if isinstance(path, str) else path[0]
        if path:
            self.ui.caEdit.setText(path)

    def connect(self) -> None:
        """Look for the server."""
        if not install.is_installed():
            self.ui.installButton.setVisible(True)
            self.ui.stateLabel.setText("gRPC is not installed yet: press Install gRPC.")
            return
        address, authority = got(self.ui.addressEdit.text), got(self.ui.caEdit.text)
        settings = qt.QSettings()
        settings.setValue(SETTINGS + "address", address)
        settings.setValue(SETTINGS + "ca", authority)
        self.session.connect(address, got(self.ui.tokenEdit.text), authority)

    def start_server(self) -> None:
        """A server on this machine, then connect to it. One that ended is started anew, and the session goes on."""
        if self._server is None:
            self._server = local_server.LocalServer(local_server.find_program())
        self.ui.stateLabel.setText("Starting the server …")
        self.ui.startServerButton.setEnabled(False)
        # Not the worker's: it may be waiting for the very server that is to be started.
        threading.Thread(target=self._start, name="isochrone server", daemon=True).start()

    def _start(self) -> None:
        server = self._server
        self.session.worker.post(self._started, server, server.start())

    def _started(self, server, trouble: str) -> None:
        self.ui.startServerButton.setEnabled(True)
        if trouble:
            self.ui.stateLabel.setText(trouble)
            return
        self.ui.addressEdit.setText(server.address)
        self.connect()

    def stop_server(self) -> None:
        """End the server that was started here."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def begin(self) -> None:
        """Send the volume and open the session."""
        volume, second = self.ui.volumeSelector.currentNode(), self.ui.secondSelector.currentNode()
        segmentation = self.ui.segmentationSelector.currentNode()
        if volume is None:
            self.ui.stateLabel.setText("Choose a volume first.")
            return
        if segmentation is None:
            segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} segments")
            segmentation.CreateDefaultDisplayNodes()
            self.ui.segmentationSelector.setCurrentNode(segmentation)
        if not segmentation.GetSegmentation().GetNumberOfSegments():
            segmentation.GetSegmentation().AddEmptySegment("", "Segment_1")
        nodes = [volume] + ([second] if second is not None and second is not volume else [])
        self.session.want_sweep = is_checked(self.ui.sweepCheck)
        qt.QSettings().setValue(SETTINGS + "sweep", "yes" if self.session.want_sweep else "no")
        told = tuple(str(got(combo.currentText)) for combo in (self.ui.modalityCombo, self.ui.secondModalityCombo))
        self.session.open(nodes, segmentation, told)
        self.ui.editor.setSegmentationNode(segmentation)
        self.ui.editor.setSourceVolumeNode(volume)
        self.ui.editor.setCurrentSegmentID(segmentation.GetSegmentation().GetNthSegmentID(0))

    def cancel(self) -> None:
        """Whatever is under way."""
        self.session.cancel()

    def _on_state(self, state: str, sentence: str) -> None:
        self.ui.stateLabel.setText(sentence)
        self.ui.beginButton.setEnabled(state in ("connected", "ready"))
        self.ui.connectButton.setEnabled(state not in BUSY)
        if state not in BUSY:
            self.ui.progressBar.setValue(0)
            self.ui.progressBar.setFormat("")

    def _on_progress(self, what: str, fraction: float) -> None:
        self.ui.progressBar.setFormat(f"{what}: %p %" if what else "")
        self.ui.progressBar.setValue(int(100 * fraction))
