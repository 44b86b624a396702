"""Slicer's core with stand-ins for its application (or a full Slicer), a real server, and the plugin's panel."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: make test-slicer installs it")

import vtk  # noqa: E402
from driver import View  # noqa: E402
from standin import core  # noqa: E402
from standin.server import BINARY, REPO, Server  # noqa: E402

# Where pictures go, for the documentation.
PICTURES = Path(os.environ["ISOCHRONE_PICTURES"]) if os.environ.get("ISOCHRONE_PICTURES") else None
LESIONS = REPO / "build" / "lesions"
KINDS = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode", "vtkMRMLTransformNode")


@pytest.fixture(scope="session", autouse=True)
def application():
    """Scene and views; a full Slicer has its own."""
    core.start()


@pytest.fixture
def server(tmp_path_factory):
    """A server of the test's own: sessions and images of others do not count against its limits."""
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    server = Server(tmp_path_factory.mktemp("root"))
    yield server
    server.stop()


def load_lesion(name: str):
    """A real image of the demo's as a volume node."""
    path = LESIONS / f"{name}_image.nrrd"
    if not path.exists():
        pytest.skip("the real images are not here: make lesions")
    volume = slicer.modules.volumes.logic().AddArchetypeVolume(str(path), name, 0)
    volume.SetName(name)  # not lung2_1, as the scene would have it
    return volume


def lesion_centre(volume, name: str) -> np.ndarray:
    """RAS mm of the middle of the reader's own label, from its file."""
    label = slicer.modules.volumes.logic().AddArchetypeVolume(str(LESIONS / f"{name}_label.nrrd"), "label", 1)
    k, j, i = np.median(np.argwhere(slicer.util.arrayFromVolume(label) > 0), axis=0).round()
    slicer.mrmlScene.RemoveNode(label)
    return ras_of_voxel(volume, (i, j, k))


def ras_of_voxel(volume, voxel) -> np.ndarray:
    """RAS mm of a voxel's (i, j, k) centre."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array(matrix.MultiplyPoint([*(float(x) for x in voxel), 1.0])[:3])


def wait(until, what: str = "", seconds: float = 180.0) -> None:
    """Let Qt's loop run until something holds."""
    end = time.monotonic() + seconds
    while not until():
        slicer.app.processEvents()
        assert time.monotonic() < end, f"waited in vain for {what or until}"
        time.sleep(0.001)


def settle(panel, seconds: float = 180.0) -> None:
    """Until all calls are done and applied."""
    wait(lambda: panel.session.worker.is_idle, f"the worker; the panel says: {panel.session.sentence}", seconds)


def server_mask(panel, segment_id: str) -> np.ndarray:
    """The whole mask as the server has it, by a call of its own, in the volume's order."""
    from IsochroneLib.masks import Box, unpack

    remote = panel.session.context.remote
    pb = remote.client.messages.segmentation
    whole = np.zeros(panel.session.volume.GetImageData().GetDimensions()[::-1], bool)
    if segment_id not in remote.label_ids:
        return whole
    request = pb.GetMaskRequest(session_id=remote.session_id, label_id=remote.label_ids[segment_id])
    for delta in remote.client.call(remote.client.services.segmentation.GetMask, request).deltas:
        low, high = delta.box.min, delta.box.max
        box = Box((low.i, low.j, low.k), (high.i, high.j, high.k))
        if not box.is_empty:
            whole[box.slices()] = unpack(delta.zlib_bits, box)
    return remote.flips.array(whole)


def slicer_mask(panel, segment_id: str) -> np.ndarray:
    """The whole mask as Slicer exports it."""
    array = slicer.util.arrayFromSegmentBinaryLabelmap(panel.session.segmentation, segment_id, panel.session.volume)
    return np.zeros(panel.session.volume.GetImageData().GetDimensions()[::-1], bool) if array is None else array > 0


def same_masks(panel, *segment_ids: str) -> None:
    """Slicer's masks are the server's, voxel by voxel."""
    for segment_id in segment_ids:
        assert np.array_equal(slicer_mask(panel, segment_id), server_mask(panel, segment_id)), segment_id


def begin(panel, volume, *segment_ids: str, second=None):
    """Choose a volume and press Begin; returns the segmentation node."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    for segment_id in segment_ids:
        node.GetSegmentation().AddEmptySegment(segment_id, segment_id)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.ui.secondSelector.setCurrentNode(second)
    panel.ui.segmentationSelector.setCurrentNode(node)
    panel.ui.beginButton.click()
    wait(lambda: panel.session.state != "opening", "the session")
    return node


def new_panel():
    """The module's panel as it opens; the volume is not looked over, as most tests need no sweep."""
    import qt
    from Isochrone import IsochroneWidget

    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    module = IsochroneWidget(parent)
    module.setup()
    panel = module.panel
    panel.module, panel.parent = module, parent
    panel.ui.sweepCheck.setChecked(False)
    module.enter()
    return panel


def make_panel(address: str, token: str = "", ca_file: str = ""):
    """The module's panel, after Connect was pressed and answered."""
    panel = new_panel()
    panel.ui.addressEdit.setText(address)
    panel.ui.tokenEdit.setText(token)
    panel.ui.caEdit.setText(ca_file)
    panel.ui.connectButton.click()
    wait(lambda: panel.session.state != "connecting", "the server")
    return panel


def end_panel(panel) -> None:
    """Close it and empty the scene."""
    panel.module.cleanup()
    for kind in KINDS:
        for node in list(slicer.util.getNodesByClass(kind)):
            slicer.mrmlScene.RemoveNode(node)


@pytest.fixture
def closing():
    """Panels made by a test, closed at its end."""
    made = []
    yield made
    for panel in made:
        end_panel(panel)


@pytest.fixture
def panel(server):
    """The panel, connected."""
    panel = make_panel(server.address)
    assert panel.session.state == "connected", panel.session.sentence
    yield panel
    end_panel(panel)


@pytest.fixture
def views(panel):
    """The three slice views in their usual orientations."""
    found = {name: View(name) for name in ("Red", "Yellow", "Green")}
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
        found[name].node.SetOrientation(orientation)
    return found


@pytest.fixture
def lung(panel, views):
    """The panel at work on lung2, with a segment `tumour`; `panel.centre` lies inside the tumour."""
    volume = load_lesion("lung2")
    panel.centre = lesion_centre(volume, "lung2")
    begin(panel, volume, "tumour")
    assert panel.session.state == "ready", panel.session.sentence
    for view in views.values():
        view.show(volume)
    return panel
