"""A volume that Slicer loaded from DICOM: fetched by the server from a real PACS (Orthanc), segmented, stored there."""

import io
import json
import sys

import numpy as np
import pytest
import slicer
import vtk
from conftest import begin, lesion_centre, load_lesion, make_panel, ras_of_voxel, same_masks, settle, slicer_mask
from driver import View
from IsochroneLib.panels.got import got
from IsochroneLib.volumes import lps_from_voxel
from standin.server import BINARY, REPO, Server

pydicom = pytest.importorskip("pydicom")
sys.path.append(str(REPO / "testdata"))
import orthanc  # noqa: E402
from dicom_series import write_series  # noqa: E402

NEOPLASM = (
    "Segmentation category and type - DICOM master list"
    "~SCT^49755003^Morphologically Abnormal Structure~SCT^108369006^Neoplasm~^^"
    "~Anatomic codes - DICOM master list~SCT^39607008^Lung~^^"
)


class DicomDatabase:
    """Of `slicer.dicomDatabase`, what the plugin asks: an attribute of an instance."""

    def __init__(self, slices: list):
        self._slices = {str(ds.SOPInstanceUID): ds for ds in slices}

    def instanceValue(self, uid: str, tag: str) -> str:
        found = self._slices[uid].get(int(tag.replace(",", ""), 16)) if uid in self._slices else None
        return str(found.value) if found is not None else ""


def write_dicom(folder, name: str) -> list:
    """A lesion's image as a series of files; the data sets in the order of k, each with its `path`."""
    volume = load_lesion(name)
    voxels = np.round(slicer.util.arrayFromVolume(volume)).astype(np.int16)
    slices = write_series(folder, voxels, lps_from_voxel(volume), "CT")
    slicer.mrmlScene.RemoveNode(volume)
    for ds in slices:
        ds.path = folder / f"{ds.SOPInstanceUID[-12:]}.dcm"
    return slices


def load_dicom(slices: list):
    """The files as a volume node, as Slicer's DICOM module makes it of them."""
    files = vtk.vtkStringArray()
    for ds in slices:
        files.InsertNextValue(str(ds.path))
    node = slicer.modules.volumes.logic().AddArchetypeVolume(str(slices[0].path), "3: axial", 0, files)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(str(ds.SOPInstanceUID) for ds in slices))
    return node


@pytest.fixture(scope="module")
def pacs(tmp_path_factory, application):
    """Orthanc with the CT `lung2`; `slices` are its files, `strange` those of a series that it has not."""
    if (why := orthanc.missing()) is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("orthanc")
    slices, strange = write_dicom(folder / "series", "lung2"), write_dicom(folder / "strange", "lung2")
    with orthanc.running(folder) as running:
        for ds in slices:
            running.request("/instances", ds.path.read_bytes())
        running.slices, running.strange = slices, strange
        yield running


@pytest.fixture
def connect(pacs, tmp_path, closing, monkeypatch):
    """Connects a panel to a server that knows the PACS at an address; returns the panel."""
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    database = DicomDatabase([*pacs.slices, *pacs.strange])
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    credentials, servers = tmp_path / "credentials", []
    credentials.write_text(f"{orthanc.USER}:{orthanc.PASSWORD}\n")
    credentials.chmod(0o600)

    def connected(root: str = ""):
        named = ["--pacs", f"hospital={root}", "--pacs-auth", f"hospital={credentials}"] if root else []
        servers.append(Server(tmp_path, *named))
        closing.append(make_panel(servers[-1].address))
        return closing[-1]

    yield connected
    for server in servers:
        server.stop()


def work_on(panel, slices: list) -> np.ndarray:
    """The series in the panel, and one click into its lesion; returns Slicer's mask."""
    volume = load_dicom(slices)
    centre = lesion_centre(volume, "lung2")
    begin(panel, volume, "tumour")
    assert panel.session.state == "ready", panel.session.sentence
    red = View("Red")
    red.node.SetOrientation("Axial")
    red.show(volume)
    panel.ui.clickButton.click()
    red.click(centre)
    settle(panel)
    same_masks(panel, "tumour")
    return slicer_mask(panel, "tumour")


def test_fetched_by_series_and_stored_with_slicers_codes(pacs, connect):
    panel = connect(pacs.root)
    uploads = []
    panel.session._client.upload = lambda *_: uploads.append(1)
    mask = work_on(panel, pacs.slices)
    remote = panel.session.context.remote
    assert not uploads and remote.volume.series_uid == pacs.slices[0].SeriesInstanceUID
    assert remote.volume.frame_of_reference_uid == pacs.slices[0].FrameOfReferenceUID
    assert mask.sum() > 100
    segment = panel.session.segmentation.GetSegmentation().GetSegment("tumour")
    segment.SetName("Lung tumour")
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), NEOPLASM)
    panel.ui.storeButton.click()
    settle(panel)
    said = got(panel.ui.saveLabel.text)
    assert said.startswith("Stored in the PACS as 1 object(s); series "), said
    # Found by the server, and read as the PACS has it.
    pb = remote.client.messages.pacs
    request = pb.FindSeriesRequest(study_uid=pacs.slices[0].StudyInstanceUID, modality="SEG")
    found = remote.client.call(remote.client.services.pacs.FindSeries, request).series
    assert [series.series_uid for series in found] == [said.split()[-1].rstrip(".")]
    instance = seg_in(pacs, found[0].series_uid)
    described = instance.SegmentSequence[0]
    codes = lambda sequence: (sequence[0].CodeValue, sequence[0].CodingSchemeDesignator, sequence[0].CodeMeaning)
    assert described.SegmentLabel == "Lung tumour"
    category = codes(described.SegmentedPropertyCategoryCodeSequence)
    assert category == ("49755003", "SCT", "Morphologically Abnormal Structure")
    assert codes(described.SegmentedPropertyTypeCodeSequence) == ("108369006", "SCT", "Neoplasm")
    assert codes(described.AnatomicRegionSequence) == ("39607008", "SCT", "Lung")
    assert np.array_equal(frames(instance, pacs.slices), mask), "the PACS has another mask than Slicer"


def seg_in(pacs, series_uid: str):
    """The one instance of a series, by the PACS's own interface."""
    question = json.dumps({"Level": "Instance", "Query": {"SeriesInstanceUID": series_uid}}).encode()
    ids = json.loads(pacs.request("/tools/find", question))
    assert len(ids) == 1
    return pydicom.dcmread(io.BytesIO(pacs.get(f"/instances/{ids[0]}/file")))


def frames(instance, slices: list) -> np.ndarray:
    """The mask [k, j, i] of a BINARY segmentation of one segment, each frame put on the slice that it was drawn on."""
    bits = np.unpackbits(np.frombuffer(instance.PixelData, np.uint8), bitorder="little")
    size = instance.Rows * instance.Columns
    places = {tuple(np.round(ds.ImagePositionPatient, 3)): k for k, ds in enumerate(slices)}
    mask = np.zeros((len(slices), instance.Rows, instance.Columns), bool)
    for number, item in enumerate(instance.PerFrameFunctionalGroupsSequence):
        k = places[tuple(np.round(item.PlanePositionSequence[0].ImagePositionPatient, 3))]
        mask[k] = bits[number * size : (number + 1) * size].reshape(mask.shape[1:]) > 0
    return mask


REAL = REPO.parent / "shared" / "data" / "dicom"


@pytest.mark.parametrize("name, click", [("crlm_1004_ct", False), ("sts001_fdg_pet", True)])
def test_real_series(pacs, connect, monkeypatch, name, click):
    """Scanners' own files: the server's grid is Slicer's, and a PET is in SUV though Slicer shows Bq/mL."""
    files = sorted((REAL / name / "dicom").glob("*"))
    if not files:
        pytest.skip("the real DICOM series are not here")
    slices = []
    for path in files:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        if ds.get("ImagePositionPatient"):
            pacs.request("/instances", path.read_bytes())
            ds.path = path
            slices.append(ds)
    across = np.cross(slices[0].ImageOrientationPatient[:3], slices[0].ImageOrientationPatient[3:])
    slices.sort(key=lambda ds: across @ np.array(ds.ImagePositionPatient, float))
    monkeypatch.setattr(slicer, "dicomDatabase", DicomDatabase(slices))
    panel = connect(pacs.root)
    panel.session._client.upload = lambda *_: pytest.fail("the volume was sent")
    volume = load_dicom(slices)
    node = begin(panel, volume, "lesion")
    assert panel.session.state == "ready", panel.session.sentence
    assert panel.session.context.remote.volume.series_uid == slices[0].SeriesInstanceUID
    if not click:
        return
    values = slicer.util.arrayFromVolume(volume)
    k, j, i = np.unravel_index(values[100:120].argmax(), values[100:120].shape)
    red = View("Red")
    red.node.SetOrientation("Axial")
    red.show(volume)
    panel.ui.clickButton.click()
    red.click(ras_of_voxel(volume, (i, j, k + 100)))
    settle(panel)
    same_masks(panel, "lesion")
    assert node.GetSegmentation().GetNumberOfSegments() == 1 and slicer_mask(panel, "lesion").any()
    assert "SUVmax" in got(panel.ui.answerLabel.text), got(panel.ui.answerLabel.text)
    panel.ui.storeButton.click()
    settle(panel)
    assert got(panel.ui.saveLabel.text).startswith("Stored in the PACS"), got(panel.ui.saveLabel.text)


@pytest.mark.parametrize(
    "kind, words",
    [
        ("strange", "No PACS of the server has this series."),
        ("none", "The server has no PACS."),
        ("silent", "cannot be reached"),
    ],
)
def test_sent_where_the_pacs_cannot_help(pacs, connect, kind, words):
    panel = connect({"strange": pacs.root, "none": "", "silent": "http://127.0.0.1:9/dicom-web"}[kind])
    said = []
    panel.session.listen("warning", said.append)
    mask = work_on(panel, pacs.strange if kind == "strange" else pacs.slices)
    assert mask.sum() > 100 and not panel.session.context.remote.volume.series_uid
    assert any(words in sentence and "was sent from here" in sentence for sentence in said), said
    panel.ui.storeButton.click()
    settle(panel)
    sentence = got(panel.ui.saveLabel.text)
    assert sentence not in ("", "Storing …") and "\n" not in sentence and panel.session.state == "ready", sentence
