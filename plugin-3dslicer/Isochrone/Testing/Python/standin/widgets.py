"""Qt, ctk and qMRML widgets of Slicer on PySide6: as much of them as the extension uses."""

import os
import re
import sys
import types

import slicer
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets


class CollapsibleButton(QtWidgets.QGroupBox):
    def __init__(self, parent=None):
        super().__init__(parent)
        self._collapsed = False

    def setText(self, text):
        self.setTitle(text)

    text = QtCore.Property(str, lambda self: self.title(), setText)
    collapsed = QtCore.Property(bool, lambda self: self._collapsed, lambda self, v: setattr(self, "_collapsed", v))


class MrmlWidget(QtWidgets.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)

    def setMRMLScene(self, scene):
        self.mrmlSceneChanged.emit(scene)


class NodeComboBox(QtWidgets.QComboBox):
    """Holds a node; lists none."""

    nodeTypes = QtCore.Property("QStringList", lambda self: [], lambda self, v: None)
    noneEnabled = QtCore.Property(bool, lambda self: False, lambda self, v: None)
    addEnabled = QtCore.Property(bool, lambda self: False, lambda self, v: None)
    removeEnabled = QtCore.Property(bool, lambda self: False, lambda self, v: None)
    currentNodeIDChanged = QtCore.Signal(str)
    _node = None

    def setMRMLScene(self, scene):
        pass

    def currentNode(self):
        return self._node

    def setCurrentNode(self, node):
        self._node = node
        self.clear()
        if node is not None:
            self.addItem(node.GetName())
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")


class SegmentEditorWidget(QtWidgets.QLabel):
    """The undo of Slicer's Segment Editor (its own history class), its node, the current segment, and if it listens."""

    listens = False

    def __init__(self, parent=None):
        super().__init__("(Slicer's Segment Editor)", parent)
        self._current = ""
        self._history = slicer.vtkSegmentationHistory()

    def setMRMLScene(self, scene):
        pass

    def setMRMLSegmentEditorNode(self, node):
        self.node = node

    def setSegmentationNode(self, node):
        self._history.SetSegmentation(node.GetSegmentation() if node else None)

    def setSourceVolumeNode(self, node):
        pass

    def setCurrentSegmentID(self, segment_id):
        self._current = segment_id

    def currentSegmentID(self):
        return self._current

    def setupViewObservations(self):
        self.listens = True

    def removeViewObservations(self):
        self.listens = False

    def saveStateForUndo(self):
        self._history.SaveState()

    def undo(self):
        self._history.RestorePreviousState()


STAND_INS = {
    "qMRMLWidget": MrmlWidget,
    "ctkCollapsibleButton": CollapsibleButton,
    "qMRMLNodeComboBox": NodeComboBox,
    "qMRMLSegmentEditorWidget": SegmentEditorWidget,
}


class Loader(QtUiTools.QUiLoader):
    def createWidget(self, kind, parent=None, name=""):
        if kind in STAND_INS:
            widget = STAND_INS[kind](parent)
            widget.setObjectName(name)
            return widget
        return super().createWidget(kind, parent, name)


def load_ui(path):
    # PySide cannot make signals and slots of C++ types; the stand-ins need no scene.
    from PySide6.QtCore import QBuffer, QByteArray

    text = open(path).read()
    text = re.sub(r"<connections>.*</connections>", "", text, flags=re.S)
    buffer = QBuffer()
    buffer.setData(QByteArray(text.encode()))
    buffer.open(QBuffer.OpenModeFlag.ReadOnly)
    return Loader().load(buffer)


def child_variables(widget):
    found = widget.findChildren(QtWidgets.QWidget)
    return types.SimpleNamespace(**{child.objectName(): child for child in found if child.objectName()})


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent):
        self.parent = parent
        self.layout = parent.layout()

    def setup(self):
        pass

    def resourcePath(self, name):
        from pathlib import Path

        return str(Path(__file__).resolve().parents[3] / "Resources" / name)


def start():
    """The application, the module `qt`, and what `slicer` lacks."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    application.setOrganizationName("isochrone-tests")
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    qt = types.ModuleType("qt")
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            if name.startswith("Q"):
                setattr(qt, name, getattr(module, name))
    sys.modules["qt"] = qt
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    i18n.translate = lambda context, text: text
    scripted = types.ModuleType("slicer.ScriptedLoadableModule")
    scripted.ScriptedLoadableModule = ScriptedLoadableModule
    scripted.ScriptedLoadableModuleWidget = ScriptedLoadableModuleWidget
    scripted.ScriptedLoadableModuleTest = object
    sys.modules["slicer.i18n"], sys.modules["slicer.ScriptedLoadableModule"] = i18n, scripted
    window = QtWidgets.QMainWindow()
    slicer.util.loadUI = load_ui
    slicer.util.childWidgetVariables = child_variables
    slicer.util.mainWindow = lambda: window
    slicer.qt_application = application
    return application
