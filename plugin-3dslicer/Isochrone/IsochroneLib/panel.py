"""The panel: joins the form, the session and the tools."""

from __future__ import annotations

import qt
import slicer
import vtk

from . import shortcuts
from .panels.connection import ConnectionPanel
from .panels.looking import LookingPanel
from .panels.markups import MarkupsPanel
from .panels.prompting import PromptingPanel
from .panels.saving import SavingPanel
from .session import Session

PUMP_MS = 10


class Panel:
    """Made by the module's widget; `ui` holds the form's widgets by name."""

    def __init__(self, ui):
        self.ui = ui
        self.session = Session()
        self._effect_observed = None
        self.session.before_write = ui.editor.saveStateForUndo
        self.connection = ConnectionPanel(ui, self.session)
        self.prompting = PromptingPanel(ui, self.session)
        self.markups = MarkupsPanel(ui, self.session, self.prompting)
        self.looking = LookingPanel(ui, self.session)
        self.saving = SavingPanel(ui, self.session)
        self._take_editor_node()
        self.session.listen("ended", self._take_editor_node)
        self._keys: list = []
        ui.keysLabel.setText("\n".join(f"{key}\t{text}" for key, (_, text) in shortcuts.SHORTCUTS.items()))
        self.timer = qt.QTimer()
        self.timer.setInterval(PUMP_MS)
        self.timer.timeout.connect(self.session.pump)
        self.timer.start()
        self.connection.restore()

    def _take_editor_node(self) -> None:
        """The Segment Editor's settings for this module; after the scene was closed, new ones."""
        node = slicer.mrmlScene.GetSingletonNode("Isochrone", "vtkMRMLSegmentEditorNode")
        if node is None:
            fresh = slicer.vtkMRMLSegmentEditorNode()
            fresh.SetSingletonTag("Isochrone")
            fresh.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments)
            node = slicer.mrmlScene.AddNode(fresh)
        if node is self.session.editor_node:
            return
        self._leave_editor_node()
        self.session.editor_node = node
        self.ui.editor.setMRMLSegmentEditorNode(node)
        self._effect_observed = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_editor_modified)

    def _leave_editor_node(self) -> None:
        if self._effect_observed is not None:
            self.session.editor_node.RemoveObserver(self._effect_observed)
            self._effect_observed = None

    def _on_editor_modified(self, node, _event) -> None:
        if node.GetActiveEffectName():
            self.prompting.stop_tool()  # one tool in hand at a time

    def enter(self) -> None:
        """The module is shown: keys and tools work."""
        self._take_editor_node()
        self.ui.editor.setupViewObservations()
        actions = {**self.prompting.actions(), **self.looking.actions(), "cancel": self.connection.cancel}
        for key, (name, _text) in shortcuts.SHORTCUTS.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow())
            shortcut.activated.connect(actions[name])
            self._keys.append(shortcut)

    def exit(self) -> None:
        """Another module is shown: nothing listens any more."""
        for shortcut in self._keys:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
        self._keys = []
        self.prompting.stop_tool()
        self.session.editor_node.SetActiveEffectName("")
        self.ui.editor.removeViewObservations()

    def shut_down(self) -> None:
        """At the end."""
        self.exit()
        self._leave_editor_node()
        self.timer.stop()
        self.markups.stop()
        self.prompting.marks.clear()
        self.looking.overlay.remove()
        self.session.shut_down()
        self.connection.stop_server()
