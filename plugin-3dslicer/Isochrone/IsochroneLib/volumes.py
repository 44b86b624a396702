"""A volume node of Slicer as the server wants it."""

from __future__ import annotations

import hashlib

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from .errors import Fault, ServerError
from .geometry import LPS_FROM_RAS

NRRD_TYPES = {
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "float32": "float",
    "float64": "double",
}


def matrix_of(vtk_matrix) -> np.ndarray:
    """A vtkMatrix4x4 as an array."""
    return np.array([[vtk_matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def lps_from_voxel(node) -> np.ndarray:
    """The node's own 4×4 matrix, without parent transforms, LPS mm."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return LPS_FROM_RAS @ matrix_of(matrix)


def size_of(node) -> tuple:
    """Voxels along (i, j, k)."""
    return tuple(node.GetImageData().GetDimensions())


def node_from_world(node) -> np.ndarray:
    """4×4 matrix from what the views show (RAS) to the node's own RAS, for volumes under a rigid transform.

    Raises ServerError where the transform bends or scales: prompts would not be round any more.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    linear = bool(parent.IsTransformToWorldLinear()) and parent.GetMatrixTransformFromWorld(matrix)
    array = matrix_of(matrix)
    if not linear or np.abs(array[:3, :3].T @ array[:3, :3] - np.eye(3)).max() > 1e-3:
        sentence = f"{node.GetName()} is under a transform that bends or scales it: harden the transform first."
        raise ServerError(Fault.REFUSED, sentence)
    return array


def check(node) -> None:
    """Raises ServerError for a volume that cannot be worked on, and says why."""
    image = node.GetImageData() if node else None
    if image is None or not image.GetNumberOfPoints():
        raise ServerError(Fault.REFUSED, "Choose a volume with an image.")
    if image.GetNumberOfScalarComponents() != 1:
        raise ServerError(Fault.REFUSED, f"{node.GetName()} is in colour: choose a volume with one value a voxel.")
    node_from_world(node)


class NrrdSource:
    """A volume node as a .nrrd file that is never written: the header here, the voxels where Slicer has them."""

    def __init__(self, node):
        check(node)
        image = node.GetImageData()
        self._voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        matrix = lps_from_voxel(node)
        vector = lambda v: "(" + ",".join(repr(float(x)) for x in v) + ")"
        kind = self._voxels.dtype.name
        if kind not in NRRD_TYPES:
            self._voxels = self._voxels.astype(np.float64)
            kind = "float64"
        header = [
            "NRRD0004",
            f"type: {NRRD_TYPES[kind]}",
            "dimension: 3",
            "space: left-posterior-superior",
            "sizes: " + " ".join(map(str, size_of(node))),
            "space directions: " + " ".join(vector(matrix[:3, axis]) for axis in range(3)),
            "kinds: domain domain domain",
            "endian: little",
            "encoding: raw",
            "space origin: " + vector(matrix[:3, 3]),
        ]
        self._header = ("\n".join(header) + "\n\n").encode()
        self._bytes = memoryview(np.ascontiguousarray(self._voxels)).cast("B")
        self.size_bytes = len(self._header) + len(self._bytes)
        self.upload_id = ""

    def chunk(self, offset: int, size: int) -> bytes:
        """Bytes of the file."""
        if offset < len(self._header):
            return self._header[offset : offset + size]
        start = offset - len(self._header)
        return bytes(self._bytes[start : start + size])

    def sha256(self) -> bytes:
        """Of the whole file."""
        digest = hashlib.sha256(self._header)
        digest.update(self._bytes)
        return digest.digest()


def series_uid(node) -> str:
    """The DICOM series that a volume was loaded from; empty if it was not."""
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return database.instanceValue(uids[0], "0020,000E") if uids and database else ""


MODALITIES = {"CT": "CT", "MR": "MR", "PET": "PT", "Other": "OTHER"}


def modality(node, messages, told: str = "") -> int:
    """The scanner's kind: as `told` (one of MODALITIES), else as Slicer knows it; the server infers what is unknown."""
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    known = database.instanceValue(uids[0], "0008,0060") if uids and database else ""
    name = MODALITIES.get(told) or (known if known in MODALITIES.values() else "UNSPECIFIED")
    return getattr(messages.volumes, f"MODALITY_{name}")
