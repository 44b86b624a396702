"""Tools, polarity, undo, and the list of prompts."""

from __future__ import annotations

import numpy as np
import qt
import slicer

from .. import volumes
from ..effects.tool import SliceView
from ..effects.tools import TOOLS
from ..errors import ServerError
from ..marks import Marks
from ..prompts import Prompts, thinned
from .got import got, is_checked

KINDS = {"click": "Point", "scribble": "Scribble", "box_2d": "Box", "box_3d": "3D box", "lasso": "Lasso"}
BEGIN = "Choose a volume and press Begin first."
SURFACE_MS = 400


class PromptingPanel:
    """The section Prompts."""

    def __init__(self, ui, session):
        self.ui, self.session = ui, session
        self.marks = Marks()
        self.tool = None
        self._ids: list = []
        self._buttons = {
            "click": ui.clickButton,
            "scribble": ui.scribbleButton,
            "box_2d": ui.boxButton,
            "lasso": ui.lassoButton,
        }
        for kind, button in self._buttons.items():
            button.clicked.connect(lambda *_, kind=kind: self.choose(kind))
        for button, call in (
            (ui.undoButton, session.undo),
            (ui.redoButton, session.redo),
            (ui.resetButton, self.reset),
            (ui.newSegmentButton, self.new_segment),
            (ui.removeButton, self.remove),
        ):
            button.clicked.connect(lambda *_, call=call: call())
        ui.marksCheck.toggled.connect(self.marks.set_visible)
        session.listen("changed", self._on_changed)
        session.listen("opened", lambda *_: self._begun())
        session.listen("prompts", lambda _prompts: self._show_prompts())
        session.listen("ended", self._ended)
        session.listen("warning", ui.answerLabel.setText)
        session.listen("state", self._on_state)
        # 3D surfaces follow when the reader pauses: they may take longer than a click.
        self._surfaces = qt.QTimer()
        self._surfaces.setSingleShot(True)
        self._surfaces.setInterval(SURFACE_MS)
        self._surfaces.timeout.connect(session.update_surfaces)

    def actions(self) -> dict:
        """For the keys."""
        chosen = {kind: (lambda kind=kind: self.choose(kind)) for kind in TOOLS}
        session = {"undo": self.session.undo, "redo": self.session.redo}
        own = {"toggle": self.toggle, "new_segment": self.new_segment, "reset": self.reset}
        return {**chosen, **session, **own}

    @property
    def segment(self) -> str:
        """The Segment Editor's current one; the first where it has none."""
        return self.session.segment_or_first(self.ui.editor.currentSegmentID())

    # Tools

    def choose(self, kind: str) -> None:
        """Take up a tool, or lay it down if it is in hand."""
        same = self.tool is not None and self.tool.kind == kind
        self.stop_tool()
        if not same:
            if self.session.editor_node is not None:
                self.session.editor_node.SetActiveEffectName("")  # one tool in hand at a time
            self.tool = TOOLS[kind](self._drawn)
            layout = slicer.app.layoutManager()
            widgets = [layout.sliceWidget(name) for name in layout.sliceViewNames()]
            self.tool.start([slice_view(widget) for widget in widgets])
        for name, button in self._buttons.items():
            button.setChecked(self.tool is not None and name == self.tool.kind)

    def stop_tool(self) -> None:
        """Lay the tool down."""
        if self.tool is not None:
            self.tool.stop()
            self.tool = None
        for button in self._buttons.values():
            button.setChecked(False)

    def toggle(self) -> None:
        """From positive to negative and back."""
        (self.ui.negativeButton if self.is_positive else self.ui.positiveButton).setChecked(True)

    @property
    def is_positive(self) -> bool:
        """What the reader chose."""
        return is_checked(self.ui.positiveButton)

    def _drawn(self, kind: str, drawing, inverted: bool) -> None:
        if self.session.volume is None:
            self.ui.answerLabel.setText(BEGIN)
            return
        try:
            placed = drawing.moved(volumes.node_from_world(self.session.volume))
        except ServerError as error:
            self.ui.answerLabel.setText(error.sentence)
            return
        self.send(kind, placed._replace(points=thinned(placed.points)), self.is_positive != inverted)

    def send(self, kind: str, drawing, positive: bool) -> bool:
        """A drawing in the RAS of the volume as a prompt of the current segment; False if there is no session yet."""
        session = self.session
        if session.context is None or not session.context.remote.session_id:
            self.ui.answerLabel.setText(BEGIN)
            return False
        prompts = Prompts(session.context.remote.client.messages)
        session.add_prompt(self.segment, prompts.make(kind, drawing, positive, float(got(self.ui.radiusSpin.value))))
        return True

    # Segments

    def new_segment(self) -> None:
        """Add one and go on with it."""
        if self.session.segmentation is not None:
            segmentation = self.session.segmentation.GetSegmentation()
            name = f"Segment_{segmentation.GetNumberOfSegments() + 1}"
            self.ui.editor.setCurrentSegmentID(segmentation.AddEmptySegment("", name))

    def reset(self) -> None:
        """Empty the current segment."""
        if self.segment:
            self.session.reset(self.segment)

    def remove(self) -> None:
        """Take the chosen prompt back."""
        row = got(self.ui.promptList.currentRow)
        if 0 <= row < len(self._ids):
            self.session.remove_prompt(self._ids[row])

    # Answers

    def _begun(self) -> None:
        self._ended()
        self.marks.prepare()

    def _ended(self) -> None:
        self.marks.clear()
        self.ui.promptList.clear()
        self._ids = []

    def _on_changed(self, change) -> None:
        self._surfaces.start()
        self._show_prompts()
        if change.prompts or change.measures or change.warnings:
            self.ui.answerLabel.setText(answer(change))

    def _on_state(self, state: str, _sentence: str) -> None:
        ready = state in ("ready", "lost")
        for button in (*self._buttons.values(), self.ui.undoButton, self.ui.redoButton, self.ui.resetButton):
            button.setEnabled(ready)

    def _show_prompts(self) -> None:
        session = self.session
        try:
            matrix = np.linalg.inv(volumes.node_from_world(session.volume))
        except ServerError:
            matrix = np.eye(4)
        self.marks.show(session.prompts, matrix)
        self.ui.promptList.clear()
        self._ids = sorted(session.prompts)
        for prompt_id in self._ids:
            placed, segment = session.prompts[prompt_id]
            self.ui.promptList.addItem(prompt_name(placed, segment))


def slice_view(widget) -> SliceView:
    """What a tool needs of a slice widget."""
    view = widget.sliceView()
    return SliceView(widget.mrmlSliceNode(), view.interactor(), view.renderWindow())


def prompt_name(placed, segment: str) -> str:
    """A prompt in the list."""
    kind = placed.prompt.WhichOneof("kind")
    sign = "−" if getattr(getattr(placed.prompt, kind), "polarity", 0) == 2 else "+"
    return f"{sign} {KINDS.get(kind, kind.replace('_', ' '))} in {segment}"


def answer(change) -> str:
    """What the server did: time and engine, of PET in SUV with measures; and below it, what it warns of."""
    parts = [f"{change.elapsed_ms:.0f} ms ({change.engine})"] if change.prompts else []
    for segment, m in change.measures:
        if segment and m.HasField("lesion_glycolysis"):
            parts.append(f"{segment}: MTV {m.volume_ml:.1f} mL, SUVmax {m.maximum:.1f}, TLG {m.lesion_glycolysis:.0f}")
    return "\n".join(["; ".join(parts)] * bool(parts) + change.warnings)
