"""Synthetic lesions: shapes, organs, textures, noise, thick slices.

``python -m isochrone_training.synth --out cache/synthetic --count 480`` writes ``<n>.npz`` with
``image`` float16 and ``mask`` uint8 ``[k, j, i]`` (one lesion, value 1) and ``spacing`` (mm).
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

SIDE = 96  # voxels of the volumes before slices are thickened


def noise(rng: np.random.Generator, correlation: float, side: int = SIDE) -> np.ndarray:
    """A smooth random field of unit variance with the given correlation length in voxels."""
    step = max(correlation, 1.0)
    nodes = int(np.ceil(side / step)) + 4
    at = (np.arange(nodes) - 1.5) * step
    weight = np.exp(-(((np.arange(side)[:, None] - at) / (0.7 * step)) ** 2)).astype(np.float32)
    field = rng.standard_normal((nodes,) * 3, dtype=np.float32)
    for _ in range(3):
        field = np.tensordot(field, weight, (0, 1))
    return field / (field.std() + 1e-6)


def rotation(rng: np.random.Generator) -> np.ndarray:
    """A random 3×3 rotation."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return q * np.sign(np.diag(r))


def coordinates(centre: np.ndarray, side: int) -> np.ndarray:
    """Offsets of all voxels of a cube from a centre, float32 ``[3, k, j, i]``."""
    grid = np.meshgrid(*(np.arange(side, dtype=np.float32) - c for c in centre), indexing="ij")
    return np.stack(grid)


def radial(rng: np.random.Generator, centre, radii, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Radius in units of a rotated ellipsoid's, and the unit directions ``[3, k, j, i]``."""
    x = np.tensordot(rotation(rng).astype(np.float32), coordinates(centre, side), 1)
    x /= np.asarray(radii, np.float32)[:, None, None, None]
    rho = np.sqrt((x * x).sum(0))
    return rho, x / (rho + 1e-3)


def ellipsoid(rng, centre, radii, side: int = SIDE):
    """A deformed ellipsoid: level set, positive inside."""
    rho, _ = radial(rng, centre, radii, side)
    return 1 - rho + rng.uniform(0, 0.35) * noise(rng, max(3, np.mean(radii) * rng.uniform(0.4, 1)), side)


def lobulated(rng, centre, radii, side: int = SIDE):
    """A union of balls of various sizes round a centre."""
    level = np.full((side,) * 3, -9.0, np.float32)
    for _ in range(rng.integers(3, 9)):
        ball = rng.uniform(0.35, 0.75)
        offset = rng.standard_normal(3)
        offset *= rng.uniform(0.2, 0.75) / np.linalg.norm(offset) * np.asarray(radii)
        x = coordinates(np.asarray(centre) + offset, side)
        level = np.maximum(level, ball - np.sqrt((x * x).sum(0)) / np.mean(radii))
    return level + 0.06 * noise(rng, max(3, np.mean(radii) * 0.4), side)


def star(rng, centre, radii, side: int = SIDE):
    """A spiculated shape: the radius depends on the direction."""
    rho, way = radial(rng, centre, radii, side)
    outline = np.zeros_like(rho)
    for _ in range(rng.integers(4, 10)):
        axis = rng.standard_normal(3)
        axis /= np.linalg.norm(axis)
        cosine = np.tensordot(axis.astype(np.float32), way, 1)
        outline += rng.uniform(-0.5, 0.9) * np.exp((cosine - 1) * rng.uniform(3, 25))
    return 0.6 * (1 + outline) - rho


def tube(rng, centre, radii, side: int = SIDE):
    """A bent tube, as a vessel or a spread tumour."""
    points, way = [np.zeros(3)], rng.standard_normal(3)
    for _ in range(14):
        way = way / np.linalg.norm(way) + 0.35 * rng.standard_normal(3)
        points.append(points[-1] + way / np.linalg.norm(way))
    points = np.array(points) - np.mean(points, 0)
    points *= np.max(radii) / np.abs(points).max()
    thick = max(2.0, np.max(radii) * rng.uniform(0.18, 0.4))
    nearest = np.full((side,) * 3, 1e9, np.float32)
    for point in points:
        x = coordinates(np.asarray(centre) + point, side)
        nearest = np.minimum(nearest, (x * x).sum(0))
    return 1 - np.sqrt(nearest) / thick + 0.15 * noise(rng, max(3, thick), side)


SHAPES = (ellipsoid, lobulated, star, tube)


def shape(rng, centre, size, side: int = SIDE) -> np.ndarray:
    """A random level set of about ``size`` voxels across, positive inside."""
    make = SHAPES[rng.choice(len(SHAPES), p=[0.4, 0.3, 0.2, 0.1])]
    return make(rng, centre, size / 2 * np.exp(rng.uniform(-0.5, 0.15, 3)), side)


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest 26-connected component."""
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax() if count > 1 else labels > 0


def background(rng) -> np.ndarray:
    """Organs of different grey values, with texture, in a body outline or not."""
    image = np.zeros((SIDE,) * 3, np.float32)
    for _ in range(rng.integers(1, 7)):
        if rng.random() < 0.5:
            where = noise(rng, rng.uniform(12, 45)) > rng.uniform(-0.3, 1.2)
        else:
            rho, _ = radial(rng, rng.uniform(0, SIDE, 3), rng.uniform(10, 55, 3))
            where = rho < 1
        image[where] = rng.normal(0, 1)
    image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.2))
    image += rng.uniform(0.02, 0.3) * noise(rng, rng.uniform(2, 7))
    if rng.random() < 0.4:
        rho, _ = radial(rng, SIDE / 2 + rng.normal(0, 8, 3), rng.uniform(45, 85, 3))
        image[rho > 1] = rng.uniform(-4, -1.5)
    return image


def paint(rng, image, mask, value, texture: float) -> None:
    """Blends a textured object of a grey value into the image, with a soft edge."""
    alpha = ndimage.gaussian_filter(mask.astype(np.float32), rng.uniform(0.4, 1.4))
    image += alpha * (value + texture * noise(rng, rng.uniform(2, 8)) - image)


def volume(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple]:
    """One image with one lesion: float32 image, mask and spacing in mm."""
    image = background(rng)
    size = np.exp(rng.uniform(np.log(5), np.log(72)))
    reach = max(SIDE / 2 - size * 0.4, 4)
    centre = SIDE / 2 + rng.uniform(-reach, reach, 3)
    level = shape(rng, centre, size)
    lesion = largest(level > 0)
    surroundings = ndimage.binary_dilation(lesion, iterations=3) & ~lesion
    local = image[surroundings].mean() if surroundings.any() else 0.0
    contrast = np.exp(rng.uniform(np.log(0.3), np.log(2.5))) * rng.choice([-1, 1], p=[0.35, 0.65])
    value, texture = local + contrast, abs(contrast) * rng.uniform(0, 0.3)
    keep_clear = ndimage.binary_dilation(lesion, iterations=2)
    for _ in range(rng.integers(0, 6)):
        other = shape(rng, rng.uniform(0, SIDE, 3), np.exp(rng.uniform(np.log(6), np.log(50)))) > 0
        if rng.random() < 0.75:
            other &= ~keep_clear
        paint(rng, image, other, value + rng.normal(0, 0.25) * abs(contrast), texture)
    paint(rng, image, lesion, value, texture)
    if rng.random() < 0.3:  # a necrotic core, or a bright one
        depth = np.where(lesion, level, 0)
        core = depth > rng.uniform(0.3, 0.7) * depth.max()
        paint(rng, image, core, value - contrast * rng.uniform(0.3, 1.2), texture)
    image, lesion = scan(rng, image, lesion, abs(contrast))
    return thicken(rng, image, lesion)


def scan(rng, image, lesion, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Point spread, bias field, noise: broad and noisy as in PET in a quarter of the cases."""
    if rng.random() < 0.25:
        image = np.exp(0.6 * (image - image.min()))
        image = ndimage.gaussian_filter(image, rng.uniform(1.2, 2.6))
        grain = rng.standard_normal(image.shape, dtype=np.float32) * np.sqrt(image)
        image = image + rng.uniform(0.1, 0.8) * ndimage.gaussian_filter(grain, rng.uniform(0.7, 1.3))
        return image, lesion
    image = ndimage.gaussian_filter(image, rng.uniform(0, 0.8))
    if rng.random() < 0.3:
        image = image + contrast * rng.uniform(0.1, 0.7) * noise(rng, 48)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    return image + contrast * rng.uniform(0.03, 0.5) * grain, lesion


def thicken(rng, image, lesion) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Averages slices along one axis (partial volume) in most cases."""
    scale = rng.uniform(0.6, 2.5)
    factor = int(rng.choice([1, 2, 3, 4, 6], p=[0.35, 0.2, 0.2, 0.15, 0.1]))
    axis = int(rng.integers(3))
    spacing = [scale] * 3
    spacing[axis] *= factor
    count = SIDE // factor

    def mean(array):
        parts = np.moveaxis(array, axis, 0)[: count * factor]
        parts = parts.reshape(count, factor, *parts.shape[1:]).mean(1)
        return np.moveaxis(parts, 0, axis)

    return mean(image), mean(lesion.astype(np.float32)) >= 0.5, tuple(spacing)


def main() -> None:
    """Command line; volumes that exist are kept, and each has a seed of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("cache/synthetic"))
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=20261123)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number in range(args.count):
        path = args.out / f"{number:04d}.npz"
        if path.exists():
            continue
        image, mask, spacing = volume(np.random.default_rng([args.seed, number]))
        part = path.with_suffix(".part.npz")
        np.savez(part, image=image.astype(np.float16), mask=mask.astype(np.uint8), spacing=spacing)
        part.rename(path)
        if number % 20 == 19:
            print(f"{number + 1} of {args.count} volumes", flush=True)


if __name__ == "__main__":
    main()
