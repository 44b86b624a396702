"""Slicer's application, as far as the extension needs it, on the `slicer-core` wheel: scene, logics, slice views."""

from types import SimpleNamespace

import slicer
import vtk

DISPLAY_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
)
SIZE = 400


class SliceView:
    """A slice view off the screen, with real interaction and display managers."""

    def __init__(self, application, name: str, orientation: str):
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetOrientation(orientation)
        application.GetSliceLogics().AddItem(self.logic)
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(SIZE, SIZE)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        for manager in DISPLAY_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.Initialize(factory, self.renderer)
        self.managers.SetMRMLDisplayableNode(self.node)
        self.style = slicer.vtkMRMLSliceViewInteractorStyle()
        self.style.SetDisplayableManagers(self.managers)
        self.style.SetSliceLogic(self.logic)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.style.SetInteractor(self.interactor)
        self.interactor.SetSize(SIZE, SIZE)
        self.interactor.Enable()
        self.node.SetDimensions(SIZE, SIZE, 1)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self.logic.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: mapper.SetInputConnection(self.logic.GetImageDataConnection())
        )
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self._image)

    # As qMRMLSliceWidget and its view have it.
    def mrmlSliceNode(self):
        return self.node

    def sliceLogic(self):
        return self.logic

    def sliceView(self):
        return SimpleNamespace(interactor=lambda: self.interactor, renderWindow=lambda: self.window)


class LayoutManager:
    """The three slice views."""

    def __init__(self, application):
        names = (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal"))
        self._views = {name: SliceView(application, name, orientation) for name, orientation in names}

    def sliceViewNames(self):
        return tuple(self._views)

    def sliceWidget(self, name):
        return self._views[name]


def start() -> None:
    """Sets up `slicer.mrmlScene`, `slicer.modules` and `slicer.app` once."""
    if hasattr(slicer, "mrmlScene"):
        return
    scene = slicer.mrmlScene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    colours = application.GetColorLogic()
    colours.SetMRMLScene(scene)
    colours.AddDefaultColorNodes()
    application.SetModuleLogic("Colors", colours)
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    modules = {}
    for name, kind in (
        ("Volumes", slicer.vtkSlicerVolumesLogic),
        ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic),
        ("Markups", slicer.vtkSlicerMarkupsLogic),
        ("SubjectHierarchy", slicer.vtkSlicerSubjectHierarchyModuleLogic),
    ):
        logic = kind()
        application.SetModuleLogic(name, logic)
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        modules[name.lower()] = SimpleNamespace(logic=lambda logic=logic: logic)
    slicer.modules = SimpleNamespace(**modules)
    layout = LayoutManager(application)
    from . import widgets

    slicer.app = SimpleNamespace(processEvents=widgets.start().processEvents, layoutManager=lambda: layout)
