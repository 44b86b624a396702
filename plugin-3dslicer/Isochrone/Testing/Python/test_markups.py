"""Slicer's own markups as prompts: points that are there, points placed later, curves, an ROI."""

import numpy as np
import slicer
import vtk
from conftest import same_masks, settle
from IsochroneLib.geometry import ras_from_lps
from IsochroneLib.panels.got import got


def node_of(kind: str, *points):
    """A markups node with points at RAS places."""
    node = slicer.mrmlScene.AddNewNodeByClass(f"vtkMRMLMarkups{kind}Node", kind)
    node.CreateDefaultDisplayNodes()
    for point in points:
        node.AddControlPoint(*[float(x) for x in point])
    return node


def prompts(panel) -> list:
    """Kind and message, as the server keeps them, in order."""
    placed = [panel.session.prompts[number][0].prompt for number in sorted(panel.session.prompts)]
    return [(p.WhichOneof("kind"), getattr(p, p.WhichOneof("kind"))) for p in placed]


def test_points_that_are_there_and_points_placed_later(lung, views):
    node = node_of("Fiducial", lung.centre, lung.centre + [4, 0, 0])
    lung.ui.markupsSelector.setCurrentNode(node)
    lung.ui.markupsButton.click()
    settle(lung)
    assert [kind for kind, _ in prompts(lung)] == ["click", "click"]
    assert np.allclose(ras_from_lps(prompts(lung)[1][1].position), lung.centre + [4, 0, 0], atol=1e-6)
    # Sent once; only the one that was moved goes again.
    lung.ui.markupsButton.click()
    assert "holds nothing that was not sent" in got(lung.ui.answerLabel.text)
    node.SetNthControlPointPosition(0, *[float(x) for x in lung.centre + [0, 5, 0]])
    # With Slicer's own Place tool, in a view.
    lung.ui.negativeButton.setChecked(True)
    node.AddControlPoint(*[float(x) for x in lung.centre + [30, 0, 0]])
    settle(lung)
    found = prompts(lung)
    assert len(found) == 4 and [click.polarity for _, click in found] == [1, 1, 2, 2]
    lung.ui.positiveButton.setChecked(True)
    same_masks(lung, "tumour")
    # Another node is chosen: this one is no longer listened to.
    lung.ui.markupsSelector.setCurrentNode(None)
    node.AddControlPoint(*[float(x) for x in lung.centre])
    settle(lung)
    assert len(prompts(lung)) == 4


def test_roi_is_a_3d_box(lung, views):
    roi = node_of("ROI")
    roi.SetCenter(*[float(x) for x in lung.centre])
    roi.SetSize(40.0, 44.0, 36.0)
    lung.ui.markupsSelector.setCurrentNode(roi)
    lung.ui.markupsButton.click()
    settle(lung)
    ((kind, box),) = prompts(lung)
    assert kind == "box_3d" and "3D box" in lung.ui.promptList.item(0).text()
    corners = np.array([ras_from_lps(box.corner), ras_from_lps(box.opposite)])
    assert np.allclose(corners.mean(axis=0), lung.centre) and np.allclose(np.ptp(corners, axis=0), [40, 44, 36])
    same_masks(lung, "tumour")
    turn = vtk.vtkTransform()
    turn.RotateZ(30)
    turned = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turned.SetMatrixTransformToParent(turn.GetMatrix())
    roi.SetAndObserveTransformNodeID(turned.GetID())
    lung.ui.markupsButton.click()
    assert "turned against the patient" in got(lung.ui.answerLabel.text)


def test_curves_are_scribbles_and_lassos(lung, views):
    ring = [lung.centre + 14 * np.array([np.cos(t), np.sin(t), 0]) for t in np.linspace(0, 6, 12)]
    for kind, expected in (("ClosedCurve", "lasso"), ("Curve", "scribble")):
        points = ring if kind == "ClosedCurve" else [lung.centre, lung.centre + [3, 0, 0], lung.centre + [3, 3, 1]]
        lung.ui.markupsSelector.setCurrentNode(node_of(kind, *points))
        lung.ui.markupsButton.click()
        settle(lung)
        assert prompts(lung)[-1][0] == expected
    same_masks(lung, "tumour")
    lung.ui.markupsSelector.setCurrentNode(node_of("Curve", lung.centre))
    lung.ui.markupsButton.click()
    assert "fewer than two points" in got(lung.ui.answerLabel.text)
