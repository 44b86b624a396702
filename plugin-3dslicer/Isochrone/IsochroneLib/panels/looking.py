"""Where to look next: uncertainty, proposals, and the reader's progress."""

from __future__ import annotations

import numpy as np
import qt
import slicer

from .. import volumes
from ..errors import ServerError
from ..overlay import Overlay
from ..proposals import Proposals, describe, jump, slice_nodes
from .got import got, is_checked

COLOUR_MAPS = ("Iron", "Cool1", "Inferno", "Viridis", "Magma", "Plasma", "Warm1")
BAR = (300, 28)


class LookingPanel:
    """The section Where to look next."""

    def __init__(self, ui, session):
        self.ui, self.session = ui, session
        self.overlay = Overlay()
        self.proposals = Proposals()
        ui.colourCombo.addItems([name for name in COLOUR_MAPS if slicer.mrmlScene.GetFirstNodeByName(name)])
        ui.overlayCheck.setEnabled(Overlay.is_possible())
        ui.overlayCheck.toggled.connect(self._toggle_overlay)
        ui.opacitySlider.valueChanged.connect(lambda *_: self._restyle())
        ui.colourCombo.currentIndexChanged.connect(lambda *_: self._restyle())
        ui.nextButton.clicked.connect(lambda *_: self.next_slice())
        ui.acceptButton.clicked.connect(lambda *_: self.accept())
        ui.proposalList.currentRowChanged.connect(self._chosen)
        session.listen("proposals", self._on_proposals)
        session.listen("map", self._on_map)
        session.listen("accepted", self._on_accepted)
        session.listen("changed", self._on_changed)
        session.listen("opened", lambda *_: self._begun())
        session.listen("ended", self._begun)
        session.listen("nothing", ui.readerLabel.setText)
        self._filling = False
        self._awaited = False

    def actions(self) -> dict:
        """For the keys."""
        return {"next_slice": self.next_slice, "accept": self.accept}

    def next_slice(self) -> None:
        """Go to the next proposal; where there are none, ask for some and go there when they come."""
        item = self.proposals.step()
        self._awaited = item is None
        if item is None:
            self.session.propose(self._segment)
            return
        self._go(item)

    def _go(self, item) -> None:
        try:
            matrix = np.linalg.inv(volumes.node_from_world(self.session.volume))
        except ServerError as error:
            self.ui.readerLabel.setText(error.sentence)
            return
        self.session.study.note("jump", axis=item.axis, index=item.index)
        jump(item, slice_nodes(), matrix)
        self._filling = True
        self.ui.proposalList.setCurrentRow(self.proposals.row)
        self._filling = False
        self._draw_bar()

    def accept(self) -> None:
        """The proposed slice is right as it is."""
        item = self.proposals.current
        if item is None:
            self.ui.readerLabel.setText("Go to a proposed slice first (N), then accept it.")
            return
        self.session.accept(self.proposals.segment or self._segment, item.axis, item.index)

    @property
    def _segment(self) -> str:
        return self.session.segment_or_first(self.ui.editor.currentSegmentID())

    def _chosen(self, row: int) -> None:
        if not self._filling and 0 <= row < len(self.proposals.items):
            self._go(self.proposals.choose(row))

    def _on_proposals(self, message, segment: str) -> None:
        self.proposals.take(message, segment)
        self._filling = True
        self.ui.proposalList.clear()
        best = max((item.score for item in self.proposals.items), default=1.0) or 1.0
        for number, item in enumerate(self.proposals.items, 1):
            bar = "▮" * max(1, round(8 * item.score / best))
            name = describe(item, self.session.volume)
            self.ui.proposalList.addItem(f"{number}. {name}  {item.score:.2f}  {bar}")
        self._filling = False
        self.ui.readerLabel.setText(self.proposals.sentence())
        self._draw_bar()
        if self.proposals.items and (self._awaited or is_checked(self.ui.autoCheck)):
            self.next_slice()

    def _begun(self) -> None:
        """Another volume: nothing is known of it yet."""
        self.proposals.clear()
        self.ui.proposalList.clear()
        self.overlay.remove()
        self.ui.readerLabel.setText(self.proposals.sentence())
        self._draw_bar()

    def _on_accepted(self, _segment: str, _axis: int, _index: int) -> None:
        self.proposals.accepted += 1

    def _on_changed(self, change) -> None:
        if change.deltas and not change.prompts:
            self.ui.readerLabel.setText("The mask has changed: press N for new proposals.")
            accepted, segment = self.proposals.accepted, self.proposals.segment
            self.proposals.clear()
            self.proposals.accepted, self.proposals.segment = accepted, segment
            self.ui.proposalList.clear()
            self._draw_bar()

    # Uncertainty

    def _toggle_overlay(self, shown: bool) -> None:
        self.session.want_map = bool(shown)
        if not shown:
            self.overlay.hide()
        elif self.session.context is not None:
            self.session.propose(self.proposals.segment or self._segment)

    def _on_map(self, values, matrix, _segment: str, _revision: int) -> None:
        if is_checked(self.ui.overlayCheck):
            self.overlay.show(values, matrix, self.session.volume.GetTransformNodeID())

    def _restyle(self) -> None:
        opacity = float(got(self.ui.opacitySlider.value)) / 100
        self.overlay.restyle(opacity, str(got(self.ui.colourCombo.currentText)))

    # The bar

    def _draw_bar(self) -> None:
        """Every slice's score along the axis of the present proposal, with a mark at it."""
        item = self.proposals.current or next(iter(self.proposals.items), None)
        if item is None or item.axis not in self.proposals.scores:
            self.ui.barLabel.clear()
            return
        first, scores = self.proposals.scores[item.axis]
        width, height = BAR
        picture = qt.QPixmap(width, height)
        picture.fill(qt.QColor(40, 40, 40))
        painter = qt.QPainter(picture)
        top = float(scores.max()) or 1.0
        step = width / max(len(scores), 1)
        for number, score in enumerate(scores):
            tall = int(round((height - 2) * float(score) / top))
            here = first + number == item.index
            colour = qt.QColor(255, 220, 60) if here else qt.QColor(200, 90, 60)
            if here:
                tall = height
            painter.fillRect(int(number * step), height - tall, max(1, int(step)), tall, colour)
        painter.end()
        self.ui.barLabel.setPixmap(picture)
