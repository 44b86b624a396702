"""Isochrone: click-guided segmentation with uncertainty, by a server. The work is done in IsochroneLib."""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class Isochrone(ScriptedLoadableModule):
    """What Slicer shows in its list of modules."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Isochrone")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SegmentEditor", "Markups", "Volumes"]
        self.parent.contributors = ["The Isochrone authors"]
        self.parent.helpText = _(
            "Click, see, and be shown the slice to look at next. The tutorial is in the extension's README."
        )
        self.parent.acknowledgementText = _("Apache-2.0.")


class IsochroneWidget(ScriptedLoadableModuleWidget):
    """The panel's frame; see IsochroneLib.panel."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from IsochroneLib.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/Isochrone.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.panel = Panel(slicer.util.childWidgetVariables(widget))

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.panel.shut_down()


class IsochroneTest(ScriptedLoadableModuleTest):
    """Runs the whole suite of Testing/Python in this Slicer."""

    def runTest(self):
        from IsochroneLib.selftest import run

        self.assertEqual(run(), 0)
