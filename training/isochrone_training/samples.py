"""Random training samples, annotations, structures, supervoxels, made lesions, or none."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from .augment import degrade
from .clicks import Clicks, deep_voxel, false_blobs, first_click
from .data import NEIGHBOURS
from .paste import paste
from .region import Region, first_spacings, normalise
from .supervoxels import Basins
from .volumes import Target, Volume, stored

KEPT, USED = 16, 8  # watersheds at hand, and targets taken of each


@dataclass
class Sample:
    """A training region: arrays ``[side]*3``, and how its clicks begin. A missing channel is 0."""

    channels: np.ndarray  # [C, …] float32, normalised
    truth: np.ndarray  # bool: what is asked for
    inside: np.ndarray  # bool: within the volume
    spacing_mm: float  # of the region (the mean of a stretched one)
    start: Clicks
    whole: float  # voxels that the target would have if the region held all of it
    name: int = 0  # of the recipe's names; 0: none
    fully_annotated: bool = True  # nothing else in the region is of the target's kind
    rounds: int = 0  # updates it has been in

    @property
    def image(self) -> np.ndarray:
        """The first channel, in which guidance is computed."""
        return self.channels[0]


class Sampler:
    """Random regions by the shares of the recipe's ``[sampling]``, of :func:`volumes.read_volumes`'s volumes.

    ``files``: see :func:`volumes.stored_files`.
    """

    def __init__(self, volumes: list[Volume], files: dict[str, list[Path]], recipe: dict, seed) -> None:
        self.recipe, self.rng = recipe, np.random.default_rng(seed)
        self.files, self.basins = files, []
        weight = recipe["sampling"].get("weights", {})
        self.kinds = dict(recipe["sampling"]["kinds"])
        self.groups: dict[str, dict] = {"annotated": {}, "all": {}}
        for v in volumes:
            key = f"{v.group} {v.modalities[0]}".strip()
            self.groups["all"].setdefault(key, []).append(v)
            if v.targets:
                self.groups["annotated"].setdefault(key, []).append(v)
        if not self.groups["annotated"]:
            raise ValueError("no volume with a target that may be trained on")
        self.chances = {}
        for kind, groups in self.groups.items():
            chance = np.array([weight.get(k, 1.0) for k in sorted(groups)])
            self.chances[kind] = sorted(groups), chance / chance.sum()

    def volume(self, kind: str) -> Volume:
        """A group by its weight, and one of its volumes."""
        names, chance = self.chances[kind]
        of = self.groups[kind][names[self.rng.choice(len(names), p=chance)]]
        return of[self.rng.integers(len(of))]

    def sample(self) -> Sample:
        """One sample of a random kind."""
        names = list(self.kinds)
        chance = np.array(list(self.kinds.values()))
        while True:
            kind = names[self.rng.choice(len(names), p=chance / chance.sum())]
            found = getattr(self, kind)()
            if found is not None:
                return found

    # -- kinds ---------------------------------------------------------------------------------------------------

    def annotated(self) -> Sample | None:
        """An annotated target: a part or the whole, small ones not drowned by large ones."""
        return self.of(self.volume("annotated"))

    def synthetic(self) -> Sample | None:
        """A synthetic shape in a synthetic body."""
        return self.of_file("synthetic")

    def structure(self) -> Sample | None:
        """A structure of a real image that stands out by itself."""
        return self.of_file("structures")

    def of_file(self, kind: str) -> Sample | None:
        """A stored volume's target."""
        paths = self.files.get(kind, [])
        v = stored(paths[self.rng.integers(len(paths))]) if paths else None
        return self.of(v) if v is not None and v.targets else None

    def of(self, v: Volume) -> Sample | None:
        """A target of a volume, in a region of a first or of a later click."""
        rng, share = self.rng, self.recipe["sampling"]
        size = np.array([t.ml for t in v.targets]) ** 0.3
        target = v.targets[rng.choice(len(v.targets), p=size / size.sum())]
        wide = tuple(slice(max(0, s.start - 2), min(n, s.stop + 2)) for s, n in zip(target.box, v.image.shape[1:]))
        mask = np.asarray(v.planes[target.plane][wide]) == target.number
        first = np.array([s.start for s in wide])
        extent = max((s.stop - s.start) * mm for s, mm in zip(target.box, v.spacing_mm))
        click, side = None, share["side_voxels"]
        if rng.random() < share["first_click_share"]:
            inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(target.box, wide))
            click = first_click(rng, mask, v.spacing_mm, inner) + first
            spacing, centre = self.first_spacing(extent, side, v.spacing_mm), click + rng.uniform(-0.5, 0.5, 3)
        else:
            spacing = extent * self.recipe["region"]["context"] / side * rng.uniform(0.75, 1.4)
            middle = np.array([(s.start + s.stop - 1) / 2 for s in target.box])
            centre = middle + rng.normal(0, 0.06, 3) * spacing * side / np.array(v.spacing_mm)
        region = self.cube(v, centre, spacing)
        truth = region.cut_part(mask, first) > 0.5
        if truth.sum() < 4:
            return None
        whole = target.ml * 1000 / float(np.prod(region.spacing_mm))
        return self.look(v, region, region_images(v, region), truth, click, whole, self.named(target))

    def supervoxel(self) -> Sample | None:
        """A supervoxel, mostly with a prompt that gives its scale; after one click it is one of three answers."""
        rng, share = self.rng, self.recipe["sampling"]
        while len(self.basins) < KEPT:
            v = self.volume("all")
            region = self.anywhere(v)
            images, inside = region_images(v, region), region.inside_volume()
            if inside.mean() < 0.2 or images[0][inside].std() < 1e-6:
                continue
            self.basins.append([v, region, images, Basins(rng, images[0], inside), USED])
        n = int(rng.integers(len(self.basins)))
        v, region, images, basins, left = self.basins[n]
        mask = basins.target(rng)
        self.basins[n][-1] = left = left - (USED / 2 if mask is None else 1)
        if left <= 0:
            self.basins.pop(n)
        if mask is None:
            return None
        at = None
        if rng.random() < share["supervoxel_first_click_share"]:
            at = region.voxel_from_region(deep_voxel(rng, mask))
        return self.look(v, region, images, mask, at, float(mask.sum()), 0, fully_annotated=True)

    def pasted(self) -> Sample | None:
        """A made lesion in a real region."""
        rng, v = self.rng, self.volume("all")
        region = self.anywhere(v)
        images, inside = region_images(v, region), region.inside_volume()
        if inside.mean() < 0.2 or images[0][inside].std() < 1e-6:
            return None
        made = paste(rng, images[0], inside, v.modalities[0])
        if made is None:
            return None
        images[0], mask = made
        at = None
        if rng.random() < self.recipe["sampling"]["first_click_share"]:
            at = region.voxel_from_region(deep_voxel(rng, mask))
        return self.look(v, region, images, mask, at, float(mask.sum()), 0, fully_annotated=True)

    def empty(self) -> Sample | None:
        """A region without what is asked for: nothing was clicked, or a false part was clicked away."""
        v = self.volume("all")
        region = self.anywhere(v)
        if v.planes is not None and any((region.cut(p, 0.0) > 0.01).any() for p in v.planes):
            return None
        side = self.recipe["sampling"]["side_voxels"]
        return self.look(v, region, region_images(v, region), np.zeros((side,) * 3, bool), None, 0.0, 0)

    # -- parts of them -------------------------------------------------------------------------------------------

    def named(self, target: Target) -> int:
        """The target's name, in half of the samples."""
        names = self.recipe["names"]
        return names.index(target.name) + 1 if target.name in names and self.rng.random() < 0.5 else 0

    def anywhere(self, v: Volume) -> Region:
        """A region of any spacing that the server may take, at a random voxel that is not air."""
        rule, rng = self.recipe["region"], self.rng
        low = max(rule["min_spacing_mm"], 0.4 * min(v.spacing_mm))
        spacing = np.exp(rng.uniform(np.log(low), np.log(0.8 * rule["max_spacing_mm"])))
        least, most = v.range
        for _ in range(12):
            at = np.array([rng.integers(n) for n in v.image.shape[1:]])
            near = np.asarray(v.image[(0, *(slice(max(0, a - 2), a + 3) for a in at))], np.float32)
            if near.mean() > least + 0.05 * (most - least):
                break
        return self.cube(v, at, spacing)

    def cube(self, v: Volume, centre, spacing: float) -> Region:
        """A region, stretched a little at random along each axis."""
        share, shape, rule = self.recipe["sampling"], tuple(v.image.shape[1:]), self.recipe["region"]
        spacing = np.clip(spacing, rule["min_spacing_mm"], rule["max_spacing_mm"])
        stretch = share["stretch"] ** self.rng.uniform(-1, 1, 3)
        spacings = tuple(float(s) for s in spacing * stretch)
        return Region(tuple(map(float, centre)), spacings, share["side_voxels"], shape, v.spacing_mm)

    def first_spacing(self, extent_mm: float, side: int, voxel_mm) -> float:
        """Of a region round a first click: one of the server's first ones, one it zooms out to, or any."""
        share, rule, rng = self.recipe["sampling"], self.recipe["region"], self.rng
        draw = rng.random()
        if draw < share["first_spacing_share"] + share["zoom_share"]:
            spacing = rng.choice(first_spacings(rule, voxel_mm)) * rule["side_voxels"] / side
            if draw < share["zoom_share"]:  # as often as the lesion may make the server look again
                wider = np.log(1.3 * extent_mm / side / spacing) / np.log(rule["zoom_out"])
                spacing *= rule["zoom_out"] ** rng.integers(0, max(0, int(np.ceil(wider))) + 1)
            return spacing * np.exp(rng.uniform(-0.25, 0.25))
        low, high = np.log(share["extent_over_side"])
        return extent_mm / side / np.exp(rng.uniform(low, high))

    def look(
        self, v: Volume, region: Region, images: list[np.ndarray], truth, click, whole: float, name: int,
        fully_annotated: bool | None = None,
    ) -> Sample:
        """A region's contents, degraded, flipped and turned at random, and the first prompts."""
        rng, inside, share = self.rng, region.inside_volume(), self.recipe["sampling"]
        percentiles, wanted = self.recipe["region"]["percentiles"], self.recipe["network"]["image_channels"]
        channels = [
            normalise(degrade(rng, image, inside, m), inside, percentiles) for image, m in zip(images, v.modalities)
        ][:wanted]
        channels += [np.zeros_like(channels[0])] * (wanted - len(channels))
        for n in range(1, wanted):
            if rng.random() < share["channel_dropout"]:
                channels[n] = np.zeros_like(channels[n])
        at = None if click is None else region.region_from_voxel(click)
        (truth, inside, *channels), at = turn(rng, (truth, inside, *channels), at)
        if truth.any():
            start, wanted_mask = Clicks.begin(rng, truth, at, share)
        else:
            start, wanted_mask = nothing_there(rng, truth), truth
        seen = float(wanted_mask.sum())
        return Sample(np.stack(channels), wanted_mask, inside, float(np.mean(region.spacing_mm)), start,
                      max(whole, seen) if wanted_mask is truth else seen, name,
                      v.fully_annotated if fully_annotated is None else fully_annotated)


def nothing_there(rng, empty: np.ndarray) -> Clicks:
    """No prompt at all, or negative ones on something that was taken for a lesion."""
    if rng.random() < 0.33:
        return Clicks([], None)
    seed = np.zeros_like(empty)
    seed[tuple(rng.integers(12, n - 12) for n in empty.shape)] = True
    previous = false_blobs(rng, seed, empty) & ~seed
    if not previous.any():
        return Clicks([], None)
    parts, count = ndimage.label(previous, NEIGHBOURS)
    clicks = [(tuple(int(x) for x in deep_voxel(rng, parts == n)), False) for n in range(1, count + 1)]
    return Clicks(clicks, previous, [clicks[-1][0]])


def region_images(v: Volume, region: Region) -> list[np.ndarray]:
    """Each channel's values in a region, 0 outside of the volume."""
    return [region.cut(image, 0.0) for image in v.image]


def turn(rng, arrays, at):
    """Permutes and flips the axes of cubes, and of a point in them (or None)."""
    order, flips = rng.permutation(3), rng.random(3) < 0.5
    axes = [a for a in range(3) if flips[a]]
    turned = tuple(np.ascontiguousarray(np.flip(x.transpose(order), axes)) for x in arrays)
    if at is not None:
        side = arrays[0].shape[0]
        at = np.array([side - 1 - at[o] if f else at[o] for o, f in zip(order, flips)])
    return turned, at
