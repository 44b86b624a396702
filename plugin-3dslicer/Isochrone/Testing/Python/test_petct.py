"""A PET and the CT of the same patient, through the panel; real data that is not part of the project."""

import hashlib

import numpy as np
import pytest
import slicer
from conftest import PICTURES, begin, make_panel, ras_of_voxel, same_masks, settle, slicer_mask, wait
from driver import View
from IsochroneLib.panels.got import got
from IsochroneLib.volumes import lps_from_voxel
from standin.server import BINARY, REPO, Server

LABELLED = REPO.parent / "shared" / "data" / "labelled"
PAIR = "sts_031_pet", "sts_031_ct"
# Logits are PET − CT + positive prompts: it marks what takes up more than the window of the CT says.
TOY = REPO / "server" / "crates" / "network" / "tests" / "data" / "two_channels.onnx"
BUNDLE = """
format = 1
name = "pet-ct-toy"
version = "0.1"
licence = "Apache-2.0"
[[channel]]
modalities = ["PT"]
normalisation = { kind = "window", low = 0.0, high = 2.0 }
[[channel]]
modalities = ["CT"]
normalisation = { kind = "window", low = -160.0, high = 240.0 }
[region]
size = [64, 64, 64]
first_spacing_mm = 4.0
min_spacing_mm = 2.0
max_spacing_mm = 6.0
[guidance.positive]
encoding = { kind = "disk", radius_voxels = 2.0 }
[guidance.negative]
encoding = { kind = "disk", radius_voxels = 2.0 }
[[graph]]
role = "network"
file = "two_channels.onnx"
sha256 = "@"
inputs = { image = "image", positive = "positive" }
outputs = { logits = "logits" }
"""


@pytest.fixture
def pair(application):
    """PET, CT, and the reader's mask on the PET, as Slicer loads them."""
    if not all((LABELLED / name).is_dir() for name in PAIR):
        pytest.skip("the labelled PET/CT is not here")
    logic = slicer.modules.volumes.logic()
    pet, ct = (logic.AddArchetypeVolume(str(LABELLED / name / "image.nii.gz"), name, 0) for name in PAIR)
    label = logic.AddArchetypeVolume(str(LABELLED / PAIR[0] / "mask.nii.gz"), "label", 1)
    truth = slicer.util.arrayFromVolume(label) > 0
    slicer.mrmlScene.RemoveNode(label)
    return pet, ct, truth


@pytest.fixture
def work(pair, tmp_path, closing):
    """Begins on PET and CT, on a server with a model or the usual one, and clicks the tumour's hottest voxel."""
    if not BINARY.exists():
        pytest.skip("target/release/isochrone is missing: make build")
    pet, ct, truth = pair
    servers = []

    def begun(*arguments):
        servers.append(Server(tmp_path, *arguments))
        panel = make_panel(servers[-1].address)
        closing.append(panel)
        said = []
        panel.session.listen("warning", said.append)
        for combo, name in ((panel.ui.modalityCombo, "PET"), (panel.ui.secondModalityCombo, "CT")):
            combo.setCurrentIndex(combo.findText(name))
        begin(panel, pet, "tumour", second=ct)
        assert panel.session.state == "ready", panel.session.sentence
        values = np.where(truth, slicer.util.arrayFromVolume(pet), -1)
        k, j, i = np.unravel_index(values.argmax(), values.shape)
        red = View("Red")
        red.node.SetOrientation("Axial")
        red.show(pet)
        panel.ui.clickButton.click()
        panel.spot = ras_of_voxel(pet, (i, j, k))
        red.click(panel.spot)
        settle(panel)
        same_masks(panel, "tumour")
        return panel, red, said

    yield begun
    for server in servers:
        server.stop()


def test_the_usual_model_takes_the_pet_alone_and_says_so(work, pair, tmp_path):
    panel, red, said = work()
    pet, ct, truth = pair
    assert any("has no channel for it" in text and "The first image is worked on alone." in text for text in said), said
    mask = slicer_mask(panel, "tumour")
    dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    print(f"Dice of one click {dice:.2f}; {got(panel.ui.answerLabel.text)}")
    assert dice > 0.3
    assert "SUVmax" in got(panel.ui.answerLabel.text) and "MTV" in got(panel.ui.answerLabel.text)
    # Fused in the views, with the uncertainty over both: nobody's layer is taken.
    composite = red.widget.sliceLogic().GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(ct.GetID())
    composite.SetForegroundVolumeID(pet.GetID())
    composite.SetForegroundOpacity(0.5)
    for node, window, level in ((ct, 400, 40), (pet, 8, 4)):
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevel(window, level)
    pet.GetDisplayNode().SetAndObserveColorNodeID(slicer.mrmlScene.GetFirstNodeByName("PET-Heat").GetID())
    panel.session.segmentation.GetSegmentation().GetSegment("tumour").SetColor(0.3, 1.0, 0.4)
    red.widget.sliceLogic().FitSliceToAll()
    red.node.JumpSliceByOffsetting(*panel.spot)
    fused = red.picture(None).copy()
    # Cold colours, as the PET is red and yellow.
    panel.ui.colourCombo.setCurrentIndex(panel.ui.colourCombo.findText("Cool1"))
    panel.ui.overlayCheck.setChecked(True)
    settle(panel)
    wait(lambda: panel.looking.overlay.node is not None, "the uncertainty")
    over = red.picture((PICTURES or tmp_path) / "7-pet-and-ct.png")
    assert (over != fused).any(axis=1).sum() > 50, "the uncertainty is not to be seen"
    assert composite.GetForegroundVolumeID() == pet.GetID() and composite.GetBackgroundVolumeID() == ct.GetID()


def test_a_model_with_two_channels_gets_both(work, pair, tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / TOY.name).write_bytes(TOY.read_bytes())
    digest = hashlib.sha256(TOY.read_bytes()).hexdigest()
    (folder / "bundle.toml").write_text(BUNDLE.replace("@", digest))
    panel, _red, _said = work("--model", str(folder))
    remote = panel.session.context.remote
    pb = remote.client.messages
    request = pb.segmentation.GetSessionRequest(session_id=remote.session_id)
    session = remote.client.call(remote.client.services.segmentation.GetSession, request)
    kinds = [volume.modality for volume in remote._volumes]
    assert list(session.volume_ids) == [volume.volume_id for volume in remote._volumes] and len(kinds) == 2
    assert kinds == [pb.volumes.MODALITY_PT, pb.volumes.MODALITY_CT]
    # The toy's answer, worked out here from both images: more uptake than the window of the CT says.
    pet, ct, _truth = pair
    mask, uptake = slicer_mask(panel, "tumour"), slicer.util.arrayFromVolume(pet)
    density = at_voxels_of(pet, ct)
    more = np.clip(uptake / 2, 0, 1) - np.clip((density + 160) / 400, 0, 1)
    sure = np.isfinite(density) & (np.abs(more) > 0.2)
    agree, alone = (mask == (more > 0))[sure].mean(), (mask == (uptake > 0))[sure].mean()
    print(f"{sure.sum()} voxels, {100 * agree:.1f} % as worked out here; {100 * alone:.1f} % as of the PET alone")
    assert sure.sum() > 5000 and agree > 0.9 and alone < 0.7


def at_voxels_of(pet, ct) -> np.ndarray:
    """The CT's nearest value at every voxel of the PET; NaN beyond its border."""
    matrices = [np.diag([-1, -1, 1, 1]) @ lps_from_voxel(node) for node in (pet, ct)]
    k, j, i = np.indices(slicer.util.arrayFromVolume(pet).shape)
    voxels = np.stack([i, j, k, np.ones_like(i)]).reshape(4, -1)
    i, j, k = np.round(np.linalg.inv(matrices[1]) @ matrices[0] @ voxels).astype(int)[:3]
    values = slicer.util.arrayFromVolume(ct)
    inside = np.logical_and.reduce([(0 <= x) & (x < n) for x, n in zip((k, j, i), values.shape)])
    found = np.full(i.shape, np.nan)
    found[inside] = values[k[inside], j[inside], i[inside]]
    return found.reshape(slicer.util.arrayFromVolume(pet).shape)
