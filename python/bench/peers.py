"""Peers of the guidance kernels: how to install them, and how to call them, each on one thread."""

import importlib.util
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

PLAIN = {"edt": "edt", "SimpleITK": "SimpleITK", "scipy": "scipy", "monai": "monai", "torch": "torch", "nilearn": "nilearn"}


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True, stdout=subprocess.DEVNULL)


def have(module):
    return importlib.util.find_spec(module) is not None


def install():
    """Installs what is missing; what cannot be built is left out with a message."""
    recipes = {module: lambda package=package: pip("install", package) for module, package in PLAIN.items()}
    recipes["FastGeodis"] = install_fastgeodis
    recipes["GeodisTK"] = install_geodistk
    for module, recipe in recipes.items():
        if have(module):
            continue
        print(f"installing {module} …", flush=True)
        try:
            recipe()
        except (subprocess.CalledProcessError, OSError, StopIteration) as error:
            print(f"  skipped: {error}")


def install_fastgeodis():
    # Its build needs torch, and a setuptools that still has pkg_resources.
    pip("install", "setuptools<81", "wheel")
    pip("install", "--no-build-isolation", "--no-deps", "FastGeodis==1.0.5")


def install_geodistk():
    # Its source uses a name that NumPy 2 dropped.
    pip("install", "setuptools<81", "wheel")
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", folder, "GeodisTK==0.1.7")
        archive = next(Path(folder).glob("*.tar.gz"))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        source = next(p for p in Path(folder).iterdir() if p.is_dir())
        for file in source.rglob("*.cpp"):
            text = file.read_text(errors="surrogateescape")
            fixed = text.replace("NPY_IN_ARRAY", "NPY_ARRAY_IN_ARRAY")
            file.write_text(fixed, errors="surrogateescape")
        pip("install", "--no-build-isolation", "--no-deps", str(source))


def euclidean(shape, points, spacing):
    """Peers that measure the distance to points: name → call."""
    away = np.ones(shape, np.uint8)
    away[tuple(np.transpose(points))] = 0
    return dense(away, spacing)


def dense(mask, spacing):
    """Peers' distance transforms of a mask: name → call."""
    calls = {}
    if have("edt"):
        import edt

        calls["edt"] = lambda: edt.edt(mask, anisotropy=spacing, parallel=1)
    if have("SimpleITK"):
        import SimpleITK as sitk

        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        image = sitk.GetImageFromArray((mask == 0).astype(np.uint8))
        image.SetSpacing([float(s) for s in spacing[::-1]])
        calls["SimpleITK Maurer"] = lambda: sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
        )
    if have("scipy"):
        from scipy import ndimage

        calls["SciPy"] = lambda: ndimage.distance_transform_edt(mask, sampling=spacing)
    if have("monai"):
        import torch
        from monai.transforms.utils import distance_transform_edt

        tensor = torch.from_numpy(mask)[None]
        calls["MONAI"] = lambda: distance_transform_edt(tensor, sampling=spacing)[0].numpy()
    return calls


def geodesic(image, points, spacing, lam, quick):
    """Peers' geodesic maps: name → call."""
    calls = {}
    if have("FastGeodis"):
        import FastGeodis
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(image)[None, None]
        seeds = torch.ones_like(tensor)
        seeds[(0, 0, *np.transpose(points))] = 0
        for passes in (2,) if quick else (2, 4):
            calls[f"FastGeodis, {passes} passes"] = lambda passes=passes: FastGeodis.generalised_geodesic3d(
                tensor, seeds, list(spacing), 1e10, lam, passes
            )[0, 0].numpy()
        if not quick:
            calls["FastGeodis Toivanen, 2 passes"] = lambda: FastGeodis.generalised_geodesic3d_toivanen(
                tensor, seeds, list(spacing), 1e10, lam, 2
            )[0, 0].numpy()
    if have("GeodisTK") and not quick:
        import GeodisTK

        seeds_u8 = np.zeros(image.shape, np.uint8)
        seeds_u8[tuple(np.transpose(points))] = 1
        calls["GeodisTK raster, 2 passes"] = lambda: GeodisTK.geodesic3d_raster_scan(image, seeds_u8, list(spacing), lam, 2)
    return calls


def bump(shape, points, sigma):
    """MONAI's Gaussian signal: a filter over a map of points."""
    if not have("monai"):
        return {}
    import torch
    from monai.networks.layers import GaussianFilter

    torch.set_num_threads(1)
    mask = torch.zeros((1, 1, *shape))
    mask[(0, 0, *np.transpose(points))] = 1
    smooth = GaussianFilter(3, sigma)
    return {"MONAI GaussianFilter": lambda: smooth(mask)[0, 0].numpy()}
