"""The public lesions, and what a reader would draw round them on the slice where each is largest."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from skimage.measure import approximate_polygon, find_contours


@dataclass
class Lesion:
    """One lesion; arrays [k, j, i] as in the file."""

    name: str
    modality: str
    window: tuple[float, float] | None
    image: sitk.Image
    values: np.ndarray
    truth: np.ndarray
    slice: int = field(init=False)

    def __post_init__(self) -> None:
        self.slice = int(self.truth.sum((1, 2)).argmax())

    @classmethod
    def read(cls, folder: Path, name: str, modality: str, window=None) -> "Lesion":
        """From `NAME_image.nrrd` and `NAME_label.nrrd`."""
        image = sitk.ReadImage(str(folder / f"{name}_image.nrrd"))
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}_label.nrrd"))) > 0
        return cls(name, modality, window, image, sitk.GetArrayFromImage(image).astype(float), truth)

    @property
    def file(self) -> str:
        """What the server calls it."""
        return f"{self.name}_image.nrrd"

    @property
    def spacing(self) -> tuple[float, float]:
        """Pixel sides on the slice, mm: along j and i."""
        return self.image.GetSpacing()[1], self.image.GetSpacing()[0]

    def place(self, j: float, i: float, k: float | None = None) -> np.ndarray:
        """LPS mm of a fractional voxel, on the lesion's slice unless `k` is given."""
        index = [float(i), float(j), float(self.slice if k is None else k)]
        return np.array(self.image.TransformContinuousIndexToPhysicalPoint(index))

    def voxel(self, lps_mm) -> np.ndarray:
        """Fractional voxel (k, j, i) of a place."""
        return np.array(self.image.TransformPhysicalPointToContinuousIndex([float(v) for v in lps_mm])[::-1])

    @property
    def on_slice(self) -> np.ndarray:
        """The largest part of the truth on the slice, [j, i]."""
        labels, n = ndimage.label(self.truth[self.slice])
        sizes = ndimage.sum_labels(self.truth[self.slice], labels, range(1, n + 1))
        return labels == 1 + int(np.argmax(sizes))

    def middle(self) -> tuple[int, int]:
        """The pixel (j, i) deepest inside."""
        depth = ndimage.distance_transform_edt(np.pad(self.on_slice, 1), sampling=self.spacing)[1:-1, 1:-1]
        return tuple(int(v) for v in np.unravel_index(depth.argmax(), depth.shape))

    def outline(self, wider_mm: float, step_mm: float = 0.6) -> np.ndarray:
        """A curve (n, 2) of (j, i) round the lesion, `wider_mm` outside of its border."""
        inside = ndimage.distance_transform_edt(self.on_slice, sampling=self.spacing)
        outside = ndimage.distance_transform_edt(~self.on_slice, sampling=self.spacing)
        curves = find_contours(outside - inside, wider_mm)
        return approximate_polygon(max(curves, key=len), step_mm / max(self.spacing))[:-1]

    def long_axis(self, share: float) -> np.ndarray:
        """The ends (2, 2) of (j, i) of a stroke along the lesion, `share` of its length."""
        points = np.argwhere(self.on_slice) * self.spacing
        centre = points.mean(0)
        axis = np.linalg.svd(points - centre, full_matrices=False)[2][0]
        along = (points - centre) @ axis
        return (centre + np.outer([along.min() * share, along.max() * share], axis)) / self.spacing
