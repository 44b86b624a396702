"""What `isochrone demo` wrote, on arrays whose axes are superior, posterior, left."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

# Array axis [k, j, i] of a volume in LPS order, across which the slices of a plane are stacked.
ARRAY_AXIS = {"axial": 0, "coronal": 1, "sagittal": 2}


@dataclass
class Volume:
    """An array [k, j, i]: k grows to superior, j to posterior, i to left."""

    array: np.ndarray
    image: sitk.Image

    @classmethod
    def read(cls, path: Path) -> "Volume":
        """Reads a file and turns its axes, never its voxels."""
        image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
        return cls(sitk.GetArrayFromImage(image), image)

    @property
    def spacing(self) -> np.ndarray:
        """Voxel sides in mm, [k, j, i]."""
        return np.array(self.image.GetSpacing()[::-1])

    def voxel(self, lps_mm) -> np.ndarray:
        """Fractional voxel [k, j, i] of a place."""
        return np.array(self.image.TransformPhysicalPointToContinuousIndex([float(v) for v in lps_mm])[::-1])

    def spread(self, part: "Volume") -> np.ndarray:
        """A part of this volume's grid, put where it belongs; 0 around it."""
        first = np.rint(self.voxel(part.image.GetOrigin())).astype(int)
        whole = np.zeros(self.array.shape, part.array.dtype)
        whole[tuple(slice(f, f + n) for f, n in zip(first, part.array.shape, strict=True))] = part.array
        return whole


@dataclass
class Case:
    """One lesion: its image, its truth, and what came of the first click."""

    name: str
    title: str
    modality: str
    image: Volume
    truth: np.ndarray
    mask: np.ndarray
    uncertainty: np.ndarray
    turns: list[dict]
    random: np.ndarray
    anywhere: np.ndarray
    scores: dict[str, tuple[np.ndarray, np.ndarray]]
    geodesic: np.ndarray

    @property
    def first(self) -> dict:
        """The click in the lesion's centre."""
        return self.turns[0]

    @property
    def next(self) -> dict | None:
        """The first click on a proposed slice."""
        return self.turns[1] if len(self.turns) > 1 else None


def carried(scores: list[float], clicks: int) -> np.ndarray:
    """A reader who stopped early keeps their last score."""
    return np.array(scores + scores[-1:] * (clicks - len(scores)))[:clicks]


def slice_positions(volume: Volume, original: sitk.Image, axis: str, plane: str, indices) -> np.ndarray:
    """Slice numbers along the plane's patient direction, for slice indices along an axis of the original."""
    positions = []
    for index in indices:
        corner = [0, 0, 0]
        corner["ijk".index(axis)] = int(index)
        positions.append(volume.voxel(original.TransformIndexToPhysicalPoint(corner))[ARRAY_AXIS[plane]])
    return np.array(positions)


def read_case(folder: Path, entry: dict) -> Case:
    """Reads a lesion's files."""
    image = Volume.read(Path(entry["image"]))
    original = sitk.ReadImage(entry["image"])
    part = folder / entry["figure"]["folder"]
    clicks = max(len(entry["proposed"]), *(len(r) for r in entry["random_dice"] or [[]]), 1)
    scores = {}
    for axis, pairs in entry["figure"]["clicks"][0]["scores"].items():
        plane = entry["planes"][axis]
        positions = slice_positions(image, original, axis, plane, [index for index, _ in pairs])
        order = np.argsort(positions)
        scores[plane] = positions[order], np.array([score for _, score in pairs])[order]
    return Case(
        name=entry["name"],
        title=entry["title"],
        modality=entry["modality"],
        image=image,
        truth=Volume.read(Path(entry["truth"])).array > 0,
        mask=image.spread(Volume.read(part / "click_01_mask.nii.gz")) > 0,
        uncertainty=image.spread(Volume.read(part / "click_01_uncertainty.nii.gz")),
        turns=entry["proposed"],
        random=np.array([carried(r, clicks) for r in entry["random_dice"]]),
        anywhere=carried(entry["anywhere_dice"]["network"], clicks),
        geodesic=carried(entry["anywhere_dice"]["geodesic"], clicks),
        scores=scores,
    )


def read(folder: Path) -> tuple[dict, list[Case]]:
    """Reads `demo.json` and what it names."""
    document = json.loads((folder / "demo.json").read_text())
    return document, [read_case(folder, entry) for entry in document["cases"]]
