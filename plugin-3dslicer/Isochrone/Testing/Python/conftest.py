"""Slicer's core with stand-ins for its application, a real server, and a session between the two."""

import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: make test-slicer installs it")

from standin import core  # noqa: E402
from standin.server import BINARY, REPO, Server  # noqa: E402

LESIONS = REPO / "build" / "lesions"


@pytest.fixture(scope="session", autouse=True)
def application():
    """Scene and views; a full Slicer has its own."""
    core.start()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server for all tests."""
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    server = Server(tmp_path_factory.mktemp("root"))
    yield server
    server.stop()


def load_lesion(name: str):
    """A real image of the demo's as a volume node, and the path of its label."""
    path = LESIONS / f"{name}_image.nrrd"
    if not path.exists():
        pytest.skip("the real images are not here: make lesions")
    return slicer.modules.volumes.logic().AddArchetypeVolume(str(path), name, 0)


def new_segmentation(*segment_ids: str):
    """A segmentation node with empty segments."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    for segment_id in segment_ids:
        node.GetSegmentation().AddEmptySegment(segment_id, segment_id)
    return node


def wait(session, until, seconds: float = 60.0) -> None:
    """Pump the session until something holds."""
    end = time.monotonic() + seconds
    while not until():
        session.pump()
        assert time.monotonic() < end, f"waited in vain; the panel says: {session.state}: {session.sentence}"
        time.sleep(0.002)


def settle(session, seconds: float = 60.0) -> None:
    """Pump until nothing is left to do."""
    wait(session, lambda: session.worker.is_idle, seconds)
    session.pump()


@pytest.fixture
def connected(server):
    """A session that knows the server; its warnings are in `session.warnings`."""
    from IsochroneLib.session import Session

    session = Session()
    session.warnings = []
    session.listen("warning", session.warnings.append)
    session.connect(server.address)
    wait(session, lambda: session.state != "connecting")
    assert session.state == "connected", session.sentence
    yield session
    session.shut_down()
    for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode", "vtkMRMLTransformNode"):
        for node in list(slicer.util.getNodesByClass(kind)):
            slicer.mrmlScene.RemoveNode(node)


@pytest.fixture
def lung(connected):
    """A session opened on lung2, with a segment `tumour`."""
    volume = load_lesion("lung2")
    connected.open([volume], new_segmentation("tumour"))
    wait(connected, lambda: connected.state in ("ready", "connected"))
    assert connected.state == "ready", connected.sentence
    return connected
