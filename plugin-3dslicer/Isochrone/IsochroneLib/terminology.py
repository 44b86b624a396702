"""Codes of a segment, as Slicer keeps them."""

from __future__ import annotations

import slicer
import vtk

from .remote import LabelInfo


def _tag(segment, name: str) -> str:
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""


def codes(serialized: str) -> tuple:
    """(category, type, anatomic region) of a serialised terminology entry, each (value, scheme, meaning) or ()."""
    fields = serialized.split("~") + [""] * 6
    found = []
    for field in (fields[1], fields[2], fields[5]):
        parts = field.split("^")
        found.append((parts[1], parts[0], parts[2]) if len(parts) == 3 and all(parts) else ())
    return tuple(found)


def label_info(segment) -> LabelInfo:
    """What the server is to know of a segment. A segment whose state is "completed" is locked."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    category, kind, anatomy = codes(_tag(segment, slicer.vtkSegment.GetTerminologyEntryTagName()))
    colour = tuple(int(round(255 * part)) for part in segment.GetColor())
    name = (segment.GetName() or "Segment").strip()[:64]
    return LabelInfo(name, colour, logic.GetSegmentStatus(segment) == logic.Completed, category, kind, anatomy)


def apply(segment, info: LabelInfo) -> None:
    """Makes a segment look like a label that came from the server; the contrary of `label_info`."""
    segment.SetName(info.name)
    segment.SetColor(*(part / 255 for part in info.colour))
    if info.category or info.type or info.anatomy:
        entry = lambda code: f"{code[1]}^{code[0]}^{code[2]}" if code else "^^"
        kind = f"{entry(info.category)}~{entry(info.type)}~^^"
        text = f"Segmentation category and type~{kind}~Anatomic codes~{entry(info.anatomy)}~^^"
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
    if info.locked:
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        logic.SetSegmentStatus(segment, logic.Completed)
