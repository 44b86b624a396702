"""Scribble, box and lasso on straight and oblique slices; clicks on any grid."""

import numpy as np
import pytest
import slicer
import vtk
from conftest import begin, same_masks, server_mask, settle, slicer_mask
from IsochroneLib.geometry import ras_from_lps
from IsochroneLib.panels.got import got

GRIDS = 5
CLICKS = 100


def placed(panel, kind: str):
    """The newest prompt of a kind as the server keeps it."""
    found = [p for p, _ in panel.session.prompts.values() if p.prompt.WhichOneof("kind") == kind]
    assert found, f"no {kind} arrived: {panel.session.prompts}"
    return found[-1]


def test_oblique_scribble(lung, views):
    view = views["Red"]
    view.turn("X", 30)
    view.turn("Y", -20)
    view.node.JumpSliceByCentering(*lung.centre)
    lung.ui.scribbleButton.click()
    x, y = view.xy(lung.centre)
    places = [(x + d, y + d // 2) for d in range(-8, 9, 2)]
    view.drag(places)
    settle(lung)
    stroke = placed(lung, "scribble").prompt.scribble
    assert np.allclose(ras_from_lps(stroke.points[0]), view.ras(places[0]), atol=1e-6)
    normal = np.cross(*[ras_from_lps(p) for p in (stroke.plane.u, stroke.plane.v)])
    matrix = view.node.GetSliceToRAS()
    assert abs(normal @ [matrix.GetElement(row, 2) for row in range(3)]) > 0.9999
    assert 0.2 < abs(matrix.GetElement(2, 0)) < 0.99  # oblique indeed
    assert server_mask(lung, "tumour").sum() > 100
    same_masks(lung, "tumour")


@pytest.mark.parametrize("degrees", [0, 35])
@pytest.mark.parametrize("kind, name", [("box_2d", "Yellow"), ("lasso", "Green")])
def test_box_and_lasso(lung, views, kind, name, degrees):
    view = views[name]
    view.turn("X", degrees)
    view.turn("Y", degrees / 2)
    view.node.JumpSliceByCentering(*lung.centre)
    (lung.ui.boxButton if kind == "box_2d" else lung.ui.lassoButton).click()
    x, y = view.xy(lung.centre)
    ring = [(x + round(12 * np.cos(t)), y + round(12 * np.sin(t))) for t in np.linspace(0, 6, 20)]
    view.drag([(x - 12, y - 12), (x, y), (x + 12, y + 12)] if kind == "box_2d" else ring)
    settle(lung)
    assert placed(lung, kind).voxels > 0
    plane = getattr(placed(lung, kind).prompt, kind).plane
    normal = np.cross(ras_from_lps(plane.u), ras_from_lps(plane.v))
    assert abs(normal @ [view.node.GetSliceToRAS().GetElement(row, 2) for row in range(3)]) > 0.9999
    assert server_mask(lung, "tumour").sum() > 0
    same_masks(lung, "tumour")


def strange_volume(rng, number: int):
    """Oblique, flipped and anisotropic by turns."""
    size = [int(n) for n in rng.integers(24, 50, 3)]
    turn, r = np.linalg.qr(rng.normal(size=(3, 3)))
    turn = turn * np.sign(np.diag(r)) if number % 3 else np.eye(3)[rng.permutation(3)]
    if number % 2:
        turn = turn @ np.diag([1, -1, 1])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * rng.uniform(0.5, 4.0, 3)
    matrix[:3, 3] = rng.uniform(-200, 200, 3)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"strange{number}")
    image = vtk.vtkImageData()
    image.SetDimensions(*size)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    node.SetAndObserveImageData(image)
    slicer.util.arrayFromVolume(node)[:] = rng.normal(0, 100, size[::-1])
    node.CreateDefaultDisplayNodes()
    to_ras = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            to_ras.SetElement(row, column, matrix[row, column])
    node.SetIJKToRASMatrix(to_ras)
    return node


@pytest.mark.parametrize("number", range(GRIDS))
def test_clicks_land_where_slicer_says(panel, views, number):
    """500 clicks at random pixels of random views: the server's voxel is that of Slicer's own RAS→IJK."""
    rng = np.random.default_rng(number)
    volume = strange_volume(rng, number)
    begin(panel, volume, "a")
    assert panel.session.state == "ready", panel.session.sentence
    panel.ui.clickButton.click()
    to_ijk = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(to_ijk)
    size = np.array(volume.GetImageData().GetDimensions())
    expected, sent = [], []
    # The server is not needed for each: what the tool sends is collected, and goes in one request.
    panel.session.add_prompt = lambda _segment, prompt: sent.append(prompt)
    names = list(views)
    while len(expected) < CLICKS:
        view = views[names[rng.integers(3)]]
        view.show(volume)
        if rng.random() < 0.5:
            view.turn("XYZ"[rng.integers(3)], float(rng.uniform(-60, 60)))
        middle = rng.uniform(0, size - 1)
        to_ras = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(to_ras)
        view.node.JumpSliceByCentering(*to_ras.MultiplyPoint([*middle, 1])[:3])
        xy = tuple(int(n) for n in rng.integers(-25, 26, 2) + view.xy(to_ras.MultiplyPoint([*middle, 1])[:3]))
        ijk = np.array(to_ijk.MultiplyPoint([*view.ras(xy), 1])[:3])
        if (ijk < -0.45).any() or (ijk > size - 0.55).any():
            continue
        view.drag([xy])
        expected.append(tuple(int(np.floor(x + 0.5)) for x in ijk))
    assert len(sent) == CLICKS
    del panel.session.add_prompt
    from IsochroneLib.actions import AddPrompts

    panel.session._submit(AddPrompts(segment="a", prompts=sent), "a")
    settle(panel)
    got = [(p.voxel.i, p.voxel.j, p.voxel.k) for p, _ in panel.session.prompts.values()]
    wrong = sum(a != b for a, b in zip(got, expected))
    assert len(got) == CLICKS and wrong == 0, f"{wrong} of {CLICKS} clicks at another voxel"


def test_rigid_transform_is_followed_and_others_are_refused(lung, views):
    session = lung.session
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    straight = slicer_mask(lung, "tumour")
    lung.ui.undoButton.click()
    settle(lung)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.Translate(15, -40, 8)
    turn.RotateZ(25)
    node.SetMatrixTransformToParent(turn.GetMatrix())
    for moved in (session.volume, session.segmentation):
        moved.SetAndObserveTransformNodeID(node.GetID())
    views["Red"].click(np.array(turn.TransformPoint(*lung.centre)))
    settle(lung)
    both = np.logical_and(straight, slicer_mask(lung, "tumour")).sum() * 2
    assert both / (straight.sum() + slicer_mask(lung, "tumour").sum()) > 0.8
    turn.Scale(1.5, 1, 1)
    node.SetMatrixTransformToParent(turn.GetMatrix())
    views["Red"].click(lung.centre)
    assert "harden the transform" in got(lung.ui.answerLabel.text)
