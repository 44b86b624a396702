"""Slicer's markups as prompts: sent by the button, points also as they are placed."""

from __future__ import annotations

import slicer

from .. import markups, volumes
from ..errors import ServerError
from .prompting import BEGIN


class MarkupsPanel:
    """The row Markups of the section Prompts."""

    def __init__(self, ui, session, prompting):
        self.ui, self.session, self.prompting = ui, session, prompting
        self._sent: set = set()
        self._observed = None
        ui.markupsButton.clicked.connect(lambda *_: self.send())
        ui.markupsSelector.currentNodeIDChanged.connect(lambda *_: self._watch())
        session.listen("opened", lambda *_: self._sent.clear())

    def _watch(self) -> None:
        """From now on a point placed in the chosen node is a prompt at once."""
        self.stop()
        node = self.ui.markupsSelector.currentNode()
        if node is not None and node.IsA("vtkMRMLMarkupsFiducialNode"):
            tag = node.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, lambda *_: self.send())
            self._observed = node, tag

    def stop(self) -> None:
        """Listen no more."""
        if self._observed is not None:
            node, tag = self._observed
            node.RemoveObserver(tag)
            self._observed = None

    def send(self) -> None:
        """Whatever the chosen node holds that was not sent before."""
        node = self.ui.markupsSelector.currentNode()
        if node is None:
            self.ui.answerLabel.setText("Choose markups first: points, a curve or an ROI.")
            return
        if self.session.volume is None:
            self.ui.answerLabel.setText(BEGIN)
            return
        try:
            found = markups.drawings(node, volumes.node_from_world(self.session.volume))
        except ServerError as error:
            self.ui.answerLabel.setText(error.sentence)
            return
        fresh = [entry for entry in found if entry[0] not in self._sent]
        if not fresh:
            self.ui.answerLabel.setText(f"{node.GetName()} holds nothing that was not sent already.")
        for key, kind, drawing in fresh:
            if self.prompting.send(kind, drawing, self.prompting.is_positive):
                self._sent.add(key)
