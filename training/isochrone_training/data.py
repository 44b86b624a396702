"""Labelled cases: their files, what they are used for, and the targets in their masks."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .layouts import CaseFiles, find_cases

NEIGHBOURS = np.ones((3, 3, 3), bool)
USES = ("train", "validate", "validate_unseen")
KEPT_APART = 5  # without a split file, every so manyth patient is for validation


def meta(files: CaseFiles) -> dict:
    """A case's ``meta.json``; empty where there is none."""
    path = files.mask.parent / "meta.json"
    return json.loads(path.read_text()) if path.exists() else {}


def patient(files: CaseFiles) -> str:
    """The patient that a case is of, or the case's name where none is given."""
    return str(meta(files).get("patient", files.name))


def read_split(data: Path, recipe: dict) -> dict[str, list[str]]:
    """Names of cases by use, from the file that the recipe's ``[data]`` names in the data's folder.

    Without that file every fifth patient, in order of name, is kept for validation. Raises ValueError where one
    patient is on two sides.
    """
    cases = find_cases(data)
    path = data / recipe["data"]["split"]
    if path.exists():
        description = tomllib.loads(path.read_text())
        split = {use: list(description.get(use, [])) for use in USES}
    else:
        patients = sorted({patient(f) for f in cases})
        held = set(patients[KEPT_APART - 1 :: KEPT_APART])
        split = {use: [] for use in USES}
        for f in cases:
            split["validate" if patient(f) in held else "train"].append(f.name)
    sides = {use: {patient(f) for f in cases if f.name in names} for use, names in split.items()}
    both = sides["train"] & (sides["validate"] | sides["validate_unseen"])
    if both:
        raise ValueError(f"{path}: patients both trained on and held back: {', '.join(sorted(both))}")
    return split


@dataclass
class Case:
    """A volume ``[k, j, i]``, its spacing in mm, and its mask: each value of ``labels`` is a target."""

    name: str
    modality: str
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]
    companions: list[np.ndarray] = field(default_factory=list)  # further channels, on the same grid
    companion_modalities: list[str] = field(default_factory=list)
    group: str = ""
    patient: str = ""

    def images(self, channels: int) -> list[np.ndarray]:
        """The image and its companions, as many as there are channels; zeros for one that is missing."""
        there = [self.image, *self.companions][:channels]
        return there + [np.zeros_like(self.image)] * (channels - len(there))

    def targets(self, least_ml: float = 0.0) -> list[tuple[str, np.ndarray]]:
        """Each label of a size that counts, as (name, bool mask); a mask of one label has the case's name."""
        values = [v for v in np.unique(self.labels) if v > 0]
        voxel_ml = float(np.prod(self.spacing_mm)) / 1000
        masks = [(v, self.labels == v) for v in values]
        kept = [(v, m) for v, m in masks if m.sum() * voxel_ml >= least_ml]
        return [(self.name if len(values) == 1 else f"{self.name}/{v}", m) for v, m in kept]


def read_case(files: CaseFiles, channels: int = 1) -> Case:
    """A case with its first ``channels`` images; the others are brought onto the first one's grid.

    Raises ValueError where the mask does not lie on it.
    """
    import nibabel
    from nibabel.processing import resample_from_to

    first, mask = nibabel.load(files.images[0]), nibabel.load(files.mask)
    if mask.shape != first.shape or not np.allclose(mask.affine, first.affine, atol=0.1):
        raise ValueError(f"{files.name}: the mask lies on another grid than the image: resample it onto the image's")
    spacing = tuple(float(s) for s in first.header.get_zooms()[2::-1])
    others = []
    for path in files.images[1:channels]:
        other = nibabel.load(path)
        if other.shape != first.shape or not np.allclose(other.affine, first.affine, atol=1e-3):
            other = resample_from_to(other, first, order=1)
        others.append(np.ascontiguousarray(np.asarray(other.dataobj, np.float32).T))
    values = np.ascontiguousarray(np.asarray(first.dataobj, np.float32).T)
    labels = np.ascontiguousarray(np.asarray(mask.dataobj).T).astype(np.uint8)
    description = meta(files)
    return Case(files.name, files.modalities[0], values, labels, spacing, others, list(files.modalities[1:channels]),
                str(description.get("group", "")), patient(files))


def read_cases(data: Path, use: str, recipe: dict) -> list[Case]:
    """All cases of one use (see :data:`USES`), in order of name.

    Raises ValueError where there is none.
    """
    names = set(read_split(data, recipe)[use])
    wanted = [f for f in find_cases(data) if f.name in names]
    if not wanted:
        raise ValueError(f"{data} has no case to {use.replace('_', ', ')}: {recipe['data']['split']} says which are")
    return [read_case(f, recipe["network"]["image_channels"]) for f in wanted]
