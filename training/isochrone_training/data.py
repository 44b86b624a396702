"""Labelled cases, and random training samples cut from them as the server would cut them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from .augment import degrade
from .clicks import Clicks, first_click
from .layouts import CaseFiles, find_cases
from .region import Region, first_spacing, normalise

TRAIN_PATIENTS = {f"sts_{n:03d}" for n in range(1, 29)} | {"nsclc_petct_000991"}
VALIDATION_PATIENTS = {f"sts_{n:03d}" for n in range(29, 35)} | {"nsclc_petct_001491"}
SMALL_LESIONS = {"ms_patient07_flair"}  # training only


def patient(case: str) -> str:
    """The patient of a case's name: ``sts_001_mr_t1`` is of ``sts_001``; of other names, the whole name."""
    words = case.split("_")
    kept = {"nsclc": 3, "sts": 2}.get(words[0])
    return "_".join(words[:kept])


@dataclass
class Lesion:
    """One 26-connected component: its label and its box (slices ``k, j, i``)."""

    label: int
    box: tuple[slice, slice, slice]

    def extent_mm(self, spacing_mm) -> float:
        """The box's longest side."""
        return max((s.stop - s.start) * mm for s, mm in zip(self.box, spacing_mm))

    def middle(self) -> np.ndarray:
        """The box's centre, continuous voxel index."""
        return np.array([(s.start + s.stop - 1) / 2 for s in self.box])


@dataclass
class Case:
    """A volume ``[k, j, i]``, its spacing in mm, and its lesions, numbered in ``labels``."""

    name: str
    modality: str
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]
    lesions: list[Lesion] = field(default_factory=list)
    companions: list[np.ndarray] = field(default_factory=list)  # further channels, on the same grid
    companion_modalities: list[str] = field(default_factory=list)
    outlined: bool = True  # whatever lesion it holds is in ``labels``, and nothing else is

    def __post_init__(self) -> None:
        labels, _ = ndimage.label(self.labels > 0, np.ones((3, 3, 3)))
        self.labels = labels.astype(np.uint8 if labels.max() < 256 else np.uint16)
        boxes = ndimage.find_objects(self.labels)
        counts = np.bincount(self.labels.ravel())
        self.lesions = [Lesion(n + 1, b) for n, b in enumerate(boxes) if counts[n + 1] >= 4]

    def images(self, channels: int) -> list[np.ndarray]:
        """The image and its companions, as many as there are channels; zeros for one that is missing."""
        there = [self.image, *self.companions][:channels]
        return there + [np.zeros_like(self.image)] * (channels - len(there))


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
    labels = np.ascontiguousarray(np.asarray(mask.dataobj).T)
    modalities = list(files.modalities[1:channels])
    return Case(files.name, files.modalities[0], values, labels, spacing, [], others, modalities)


def read_cases(data: Path, patients: set[str] | None, channels: int = 1) -> list[Case]:
    """All cases of some patients, in order of name; of all patients but the held-back ones for None.

    Raises ValueError where there is no case of the patients that are named.
    """
    wanted = [f for f in find_cases(data) if f.name not in SMALL_LESIONS]
    if patients is None:
        wanted = [f for f in wanted if patient(f.name) not in VALIDATION_PATIENTS]
    else:
        wanted = [f for f in wanted if patient(f.name) in patients]
        if not wanted:
            names = ", ".join(sorted(patients))
            raise ValueError(f"{data} has no case of {names}: name your held-back patients in data.py")
    return [read_case(f, channels) for f in wanted]


def read_small_lesions(data: Path) -> list[Case]:
    """The multiple-sclerosis case."""
    return [read_case(f) for f in find_cases(data) if f.name in SMALL_LESIONS]


def read_stored(path: Path) -> Case:
    """One volume of :mod:`synth`, :mod:`structures` or :mod:`negatives`."""
    with np.load(path) as stored:
        image = stored["image"].astype(np.float32)
        spacing = tuple(float(s) for s in stored["spacing"])
        modality = str(stored["modality"]) if "modality" in stored else "OT"
        return Case(path.stem, modality, image, stored["mask"], spacing)


@dataclass
class Sample:
    """A training region: arrays ``[side]*3``, and how its clicks begin. A missing channel is 0."""

    channels: np.ndarray  # [C, …] float32, normalised
    truth: np.ndarray  # bool: the lesion
    inside: np.ndarray  # bool: within the volume
    spacing_mm: float  # of the region (the mean of a stretched one)
    start: Clicks
    rounds: int = 0  # updates it has been in

    @property
    def image(self) -> np.ndarray:
        """The first channel, in which guidance is computed."""
        return self.channels[0]


def stored_volumes(cache: Path) -> dict[str, list[Path]]:
    """What :mod:`synth`, :mod:`structures` and :mod:`negatives` have written under a folder."""
    kinds = ("synthetic", "structures", "negatives")
    return {kind: sorted(p for p in (cache / kind).glob("*.npz") if ".part" not in p.name) for kind in kinds}


def begun(out: Path, data: Path) -> bool:
    """Whether a folder of stored volumes still has to be filled from ``data``; what another run left is removed."""
    if (out / "made_of").exists() and (out / "made_of").read_text() == str(data.resolve()):
        return False
    out.mkdir(parents=True, exist_ok=True)
    for left in [*out.glob("*.npz"), *out.glob("made_of")]:
        left.unlink()
    return True


def finished(out: Path, data: Path) -> None:
    """Notes that a folder of stored volumes is complete, and of which data."""
    (out / "made_of").write_text(str(data.resolve()))


class Sampler:
    """Random regions of random lesions, by the shares of the recipe; ``stored``: see :func:`stored_volumes`."""

    def __init__(self, data: Path, stored: dict[str, list[Path]], recipe: dict, seed) -> None:
        self.recipe, self.rng = recipe, np.random.default_rng(seed)
        cases = read_cases(data, None, recipe["network"]["image_channels"])
        self.modalities: dict[str, list[Case]] = {}
        for case in cases:
            if case.lesions:
                self.modalities.setdefault(case.modality, []).append(case)
        if not self.modalities:
            raise ValueError(f"{data} has no case with a lesion that may be trained on")
        self.small = read_small_lesions(data)
        self.synthetic, self.structures = stored["synthetic"], stored["structures"]
        self.negatives = [read_stored(path) for path in stored["negatives"]]

    def case(self) -> Case:
        """Synthetic, a structure, multiple sclerosis, or a modality at random and one of its cases."""
        share, rng = self.recipe["sampling"], self.rng
        draw = rng.random()
        if self.synthetic and draw < share["synthetic_share"]:
            return read_stored(self.synthetic[rng.integers(len(self.synthetic))])
        draw -= share["synthetic_share"]
        if self.structures and 0 <= draw < share["structure_share"]:
            case = read_stored(self.structures[rng.integers(len(self.structures))])
            case.outlined = False
            return case
        draw -= share["structure_share"]
        if self.small and 0 <= draw < share["small_lesion_share"]:
            return self.small[rng.integers(len(self.small))]
        cases = self.modalities[sorted(self.modalities)[rng.integers(len(self.modalities))]]
        return cases[rng.integers(len(cases))]

    def sample(self) -> Sample:
        """One region with enough of its lesion in it."""
        while True:
            share = self.recipe["sampling"]
            if self.rng.random() < share["negative_share"]:
                healthy = self.negatives and self.rng.random() < share["healthy_share"]
                case = self.negatives[self.rng.integers(len(self.negatives))] if healthy else self.case()
                if not case.outlined:
                    continue
                return self.negative(case)
            case = self.case()
            if not case.lesions:
                continue
            sample = self.cut(case, case.lesions[self.rng.integers(len(case.lesions))])
            if sample.truth.sum() >= 4:
                return sample

    def region(self, case: Case, lesion: Lesion) -> tuple[Region, np.ndarray | None]:
        """Either round a first click at any scale, or round the lesion's box as for later ones."""
        share, rng, side = self.recipe["sampling"], self.rng, self.recipe["sampling"]["side_voxels"]
        extent = lesion.extent_mm(case.spacing_mm)
        if rng.random() < share["first_click_share"]:
            spacing = self.first_spacing(extent, side, case.spacing_mm)
            at = first_click(rng, case.labels == lesion.label, case.spacing_mm, lesion.box)
            centre, click = at + rng.uniform(-0.5, 0.5, 3), at
        else:
            spacing = extent * self.recipe["region"]["context"] / side * rng.uniform(0.75, 1.4)
            shift = rng.normal(0, 0.06, 3) * spacing * side / np.array(case.spacing_mm)
            centre, click = lesion.middle() + shift, None
        return self.cube(case, centre, spacing), click

    def cube(self, case: Case, centre, spacing: float) -> Region:
        """A region, stretched a little at random along each axis."""
        share, shape = self.recipe["sampling"], tuple(case.image.shape)
        stretch = share["stretch"] ** self.rng.uniform(-1, 1, 3)
        spacings = tuple(float(s) for s in spacing * stretch)
        return Region(tuple(map(float, centre)), spacings, share["side_voxels"], shape, case.spacing_mm)

    def first_spacing(self, extent_mm: float, side: int, voxel_mm) -> float:
        """Of a region round a first click: the server's first, one it zooms out to, or any."""
        share, rule, rng = self.recipe["sampling"], self.recipe["region"], self.rng
        draw = rng.random()
        if draw < share["first_spacing_share"] + share["zoom_share"]:
            spacing = first_spacing(rule, voxel_mm) * rule["side_voxels"] / side
            if draw < share["zoom_share"]:  # as often as the lesion may make the server look again
                wider = np.log(1.3 * extent_mm / side / spacing) / np.log(rule["zoom_out"])
                spacing *= rule["zoom_out"] ** rng.integers(0, max(0, int(np.ceil(wider))) + 1)
            return spacing * np.exp(rng.uniform(-0.25, 0.25))
        low, high = np.log(share["extent_over_side"])
        return extent_mm / side / np.exp(rng.uniform(low, high))

    def cut(self, case: Case, lesion: Lesion) -> Sample:
        """Image, truth and first prompts of one random region."""
        region, click = self.region(case, lesion)
        anything = case.outlined and self.rng.random() < self.recipe["sampling"]["no_click_share"]
        return self.look(case, region, case.labels > 0 if anything else case.labels == lesion.label, click, anything)

    def negative(self, case: Case) -> Sample:
        """A region of anywhere in the volume without a click: whatever lesion it holds, or nothing."""
        rule, rng = self.recipe["region"], self.rng
        spacing = np.exp(rng.uniform(np.log(rule["min_spacing_mm"]), np.log(0.7 * rule["max_spacing_mm"])))
        centre = rng.uniform(0, case.image.shape)
        return self.look(case, self.cube(case, centre, spacing), case.labels > 0, None, True)

    def look(self, case: Case, region: Region, target, click, silent: bool) -> Sample:
        """A region's contents, flipped and turned at random; ``silent``: without prompts."""
        rng, inside = self.rng, region.inside_volume()
        percentiles = self.recipe["region"]["percentiles"]
        channels = [
            normalise(degrade(rng, region.cut(v, 0.0), inside, m), inside, percentiles)
            for v, m in zip([case.image, *case.companions], [case.modality, *case.companion_modalities])
        ]
        channels += [np.zeros_like(channels[0])] * (self.recipe["network"]["image_channels"] - len(channels))
        for n in range(1, len(channels)):
            if rng.random() < self.recipe["sampling"]["channel_dropout"]:
                channels[n] = np.zeros_like(channels[n])
        truth = region.cut(target, 0.0) > 0.5
        at = None if click is None else region.region_from_voxel(click)
        (truth, inside, *channels), at = turn(rng, (truth, inside, *channels), at)
        if silent or (at is None and truth.sum() < 4):
            start = Clicks([], None)
        else:
            start = Clicks.begin(rng, truth, at, self.recipe["sampling"])
        return Sample(np.stack(channels), truth, inside, float(np.mean(region.spacing_mm)), start)


def turn(rng, arrays, at):
    """Permutes and flips the axes of cubes, and of a point in them (or None)."""
    order, flips = rng.permutation(3), rng.random(3) < 0.5
    axes = [a for a in range(3) if flips[a]]
    turned = tuple(np.ascontiguousarray(np.flip(x.transpose(order), axes)) for x in arrays)
    if at is not None:
        side = arrays[0].shape[0]
        at = np.array([side - 1 - at[o] if f else at[o] for o, f in zip(order, flips)])
    return turned, at
