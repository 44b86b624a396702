"""Guidance maps against their peers, in one process on the same arrays.

    python python/bench/guidance.py [--quick] [--size 128|pet|both] [--images synthetic pet head] …

All of it takes two hours (peers need up to 90 s a map); --quick, with the quickest peers alone on one
image, 5 minutes.

Makes `build/bench-venv` on the first run, installs the peers there (leaving out what cannot be
built) and the newest wheel of `build/wheels`. Every call runs on one thread; ours also on two.
Prints medians, CPU seconds, peak memory beyond the inputs, error, and the ratio to ours.
"""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "bench-venv"


def enter_venv():
    """Starts again inside the benchmark's own environment."""
    python = VENV / "bin" / "python"
    if not python.exists():
        venv.create(VENV, with_pip=True)
        # A torch that is already there saves gigabytes.
        for found in (ROOT / "training" / ".venv").glob("lib/python*/site-packages/torch"):
            site = next(VENV.glob("lib/python*/site-packages"))
            (site / "zz-torch.pth").write_text(f"{found.parent}\n")
    wheels = sorted((ROOT / "build" / "wheels").glob("isochrone-*.whl"), key=lambda p: p.stat().st_mtime)
    if not wheels:
        sys.exit("No wheel in build/wheels: run `cd python && maturin build --release -o ../build/wheels` first")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "numpy"], check=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", wheels[-1]], check=True)
    os.execv(python, [str(python), __file__, *sys.argv[1:], "--inside"])


def peak_kb():
    status = Path("/proc/self/status").read_text()
    value = lambda key: int(status.split(key + ":")[1].split()[0])
    return value("VmHWM"), value("VmRSS")


def measure(call, budget_s):
    """Median wall and CPU seconds, peak memory in MB beyond what was there, and the result."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    rest = peak_kb()[1]
    wall, cpu, result = [], [], None
    while not wall or (sum(wall) < budget_s and len(wall) < 7):
        result = None
        t, c = time.perf_counter(), time.process_time()
        result = call()
        wall.append(time.perf_counter() - t)
        cpu.append(time.process_time() - c)
    return statistics.median(wall), statistics.median(cpu), (peak_kb()[0] - rest) / 1024, result


def images(shape, wanted):
    import numpy as np

    rng = np.random.default_rng(0)
    grid = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
    radius = sum(g.reshape([-1 if a == b else 1 for b in range(3)]) ** 2 for a, g in enumerate(grid))
    if "synthetic" in wanted:
        yield "synthetic", (20 * (radius < 0.7) + 10 * rng.random(shape, np.float32)).astype(np.float32)
    if "pet" in wanted:
        from scipy import ndimage

        hot = ndimage.gaussian_filter((rng.random(shape, np.float32) > 0.9999).astype(np.float32), 2) * 900
        yield "PET-like", (hot + (radius < 0.8) * (1 + 0.3 * rng.random(shape, np.float32))).astype(np.float32)
    if "head" in wanted:
        try:
            from nilearn.datasets import load_mni152_template
            from scipy import ndimage

            head = load_mni152_template(resolution=1).get_fdata().astype(np.float32)
            head = ndimage.zoom(head, [n / m for n, m in zip(shape, head.shape)], order=1)
            yield "MNI152 head", np.ascontiguousarray(head * (100 / head.max()))
        except ImportError:
            print("head skipped: nilearn is not installed in build/bench-venv")


class Table:
    """A table of ours (the first row) and peers; `short` gathers one line a table."""

    short = []

    def __init__(self, title):
        self.ours, self.exact = None, None
        Table.short.append([title])
        print(f"\n### {title}\n\n| | median s | CPU s | peak MB | off by > 1 % | max error | s ÷ ours | CPU s ÷ ours |\n|{8 * '---|'}")

    def row(self, name, measured):
        import numpy as np

        wall, cpu, peak, result = measured
        if self.ours is None:
            self.ours, self.exact = (wall, cpu), result
            print(f"| {name} | {wall:.4g} | {cpu:.3g} | {peak:.0f} | | | | |", flush=True)
            Table.short[-1].append(f"{wall:.3g} s")
            return
        difference = np.abs(np.asarray(result) - self.exact)
        off = f"{100 * float((difference > 0.01 * np.maximum(self.exact, 1e-6)).mean()):.2f} %"
        error = f"{float(difference.max()):.2g}"
        ratios = wall / self.ours[0], cpu / max(self.ours[1], 1e-9)
        print(f"| {name} | {wall:.4g} | {cpu:.3g} | {peak:.0f} | {off} | {error} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)
        Table.short[-1].append(f"{name} {wall:.3g} s (× {ratios[0]:.1f})")


def compare(title, ours, rivals, budget, two_threads=True):
    import isochrone

    isochrone.set_threads(1)
    table = Table(title)
    table.row("isochrone", measure(ours, budget))
    if two_threads:
        isochrone.set_threads(2)
        table.row("isochrone, 2 threads", measure(ours, budget))
        isochrone.set_threads(1)
    for name, call in rivals.items():
        table.row(name, measure(call, budget))
    return table


def clicks(image, spacing, cutoff):
    """Median ms to put one click in and to take it out again."""
    import isochrone
    import numpy as np

    isochrone.set_threads(1)
    field = isochrone.GeodesicField(image, spacing, 0.5, cutoff)
    rng, put, out = np.random.default_rng(2), [], []
    for _ in range(15):
        point = tuple(int(rng.integers(n // 4, 3 * n // 4)) for n in image.shape)
        for action, times in ((field.insert, put), (field.remove, out)):
            t = time.perf_counter()
            action(point)
            times.append(1000 * (time.perf_counter() - t))
    reached = f"cut-off {cutoff:g} ({cutoff / 0.5:g} mm in flat tissue)"
    print(f"| {reached} | {statistics.median(put):.2f} | {statistics.median(out):.2f} |", flush=True)


def busy(image, points, spacing, lam):
    """Median s on one thread and on two, turn by turn, while another program keeps one core busy."""
    import isochrone

    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    times = {1: [], 2: []}
    try:
        for _ in range(5):
            for threads, taken in times.items():
                isochrone.set_threads(threads)
                t = time.perf_counter()
                isochrone.geodesic_distance(image, points, spacing, lam)
                taken.append(time.perf_counter() - t)
    finally:
        neighbour.kill()
        neighbour.wait()
    one, two = (statistics.median(taken) for taken in times.values())
    print(f"| λ = {lam:g} | {one:.3g} | {two:.3g} | {one / two:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["128", "pet", "both"], default="both")
    parser.add_argument("--images", nargs="+", choices=["synthetic", "pet", "head"], default=["synthetic", "pet", "head"])
    parser.add_argument("--only", nargs="+", choices=["euclidean", "dense", "geodesic", "clicks", "local", "busy"])
    parser.add_argument("--lam", nargs="+", type=float, default=[0.5, 1.0])
    parser.add_argument("--points", nargs="+", choices=["1", "10", "scribble"], default=["1", "10", "scribble"])
    parser.add_argument("--peers", nargs="+", help="only peers whose name contains one of these words")
    parser.add_argument("--quick", action="store_true", help="the quickest peers, one image, 10 clicks")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.images, options.points = ["synthetic"], ["10"]
    if not options.inside:
        enter_venv()
    sys.path.insert(0, str(Path(__file__).parent))
    import peers

    peers.install()
    import isochrone
    import numpy as np

    part = lambda name: not options.only or name in options.only
    sizes = {"128": [((128, 128, 128), (1.0, 1.0, 1.0))], "pet": [((326, 400, 400), (3.0, 2.04, 2.04))]}
    sizes["both"] = sizes["128"] + sizes["pet"]
    for shape, spacing in sizes[options.size]:
        budget = 1.0 if options.quick else 3.0
        print(f"\n## {shape[2]}×{shape[1]}×{shape[0]}, spacing {spacing} mm (k, j, i), one thread; load {os.getloadavg()[0]:.1f}")
        rng = np.random.default_rng(1)
        ten = [tuple(int(rng.integers(n // 8, n - n // 8)) for n in shape) for _ in range(10)]
        scribble = [(shape[0] // 2, shape[1] // 4 + n // 2, shape[2] // 4 + n % (shape[2] // 2)) for n in range(200)]
        scribble = [(k, min(j, shape[1] - 1), i) for k, j, i in scribble]
        seeds = {"1": ("1 click", ten[:1]), "10": ("10 clicks", ten), "scribble": ("200-voxel scribble", scribble)}
        seeds = dict(seeds[name] for name in options.points)
        chosen = lambda rivals: {
            name: call
            for name, call in rivals.items()
            if not options.peers or any(word.lower() in name.lower() for word in options.peers)
        }
        if part("euclidean"):
            for name, points in seeds.items():
                rivals = chosen(peers.euclidean(shape, points, spacing))
                rivals = {k: v for k, v in rivals.items() if k == "edt" or not options.quick}
                compare(f"Euclidean, {name}", lambda: isochrone.euclidean_distance(shape, points, spacing), rivals, budget)
        if part("local"):
            point, sigma = ten[:1], 3 * spacing[1]
            rivals = chosen(peers.bump(shape, point, [sigma / s for s in spacing]))
            for name, ours in (("Gaussian", isochrone.gaussian), ("Disk", isochrone.disk)):
                compare(f"{name}, new map of 1 click", lambda: ours(shape, point, spacing, sigma), rivals, budget, False)
        for kind, image in images(shape, options.images):
            if part("dense"):
                mask = np.ascontiguousarray(image > np.percentile(image, 60)).astype(np.uint8)
                flags, rivals = mask.astype(bool), chosen(peers.dense(mask, spacing))
                rivals = {k: v for k, v in rivals.items() if k == "edt" or not options.quick}
                compare(f"Distance inside a mask, {kind}", lambda: isochrone.distance_transform(flags, spacing), rivals, budget)
            if part("geodesic"):
                for lam in options.lam:
                    for name, points in seeds.items():
                        rivals = chosen(peers.geodesic(image, points, spacing, lam, options.quick))
                        ours = lambda: isochrone.geodesic_distance(image, points, spacing, lam)
                        compare(f"Geodesic λ = {lam:g}, {name}, {kind}", ours, rivals, budget)
            if part("clicks"):
                print(f"\n### One more click, bounded, λ = 0.5, {kind}\n\n| | put in, ms | take out, ms |\n|---|---|---|")
                for cutoff in (10.0, 20.0, 40.0):
                    clicks(image, spacing, cutoff)
            if part("busy") and not options.quick:
                print(f"\n### Geodesic, 10 clicks, {kind}, beside a busy program\n\n| | 1 thread, s | 2 threads, s | ratio |\n|---|---|---|---|")
                for lam in options.lam:
                    busy(image, ten, spacing, lam)
    print("\n## Short form\n")
    for line in Table.short:
        print("- " + "; ".join(line))


if __name__ == "__main__":
    main()
