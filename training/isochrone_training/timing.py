"""Times of the exported graphs on this machine: ``python -m isochrone_training.timing``."""

import argparse
import time
from pathlib import Path

import numpy as np

from .export import FEATURES, PROMPTS, session


def milliseconds(run, repeats: int = 9) -> float:
    """Median time of a call, after one to warm up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def measure(bundle: Path, side: int) -> dict[str, float]:
    """Milliseconds of each graph for a region of ``side``³ voxels; T is the number of samples."""
    rng = np.random.default_rng(0)
    sessions = {r: session(bundle / f"{r}.onnx") for r in ("encoder", "decoder", "sampler")}
    feed = {n: rng.random((1, 1, side, side, side), dtype=np.float32) for n in PROMPTS}
    features = dict(zip(FEATURES, sessions["encoder"].run(None, feed)))
    result = {"encoder": milliseconds(lambda: sessions["encoder"].run(None, feed))}
    for role, samples in (("decoder", 1), ("sampler", 8)):
        shapes = {i.name: i.shape for i in sessions[role].get_inputs()}
        named = {
            n: features[n] if n in features else np.ones((samples, s[1]), np.float32)
            for n, s in shapes.items()
        }
        result[f"{role} T={samples}"] = milliseconds(lambda: sessions[role].run(None, named))
    return result


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-2")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96])
    args = parser.parse_args()
    for side in args.sides:
        times = measure(args.bundle, side)
        print(f"{side}³  " + "  ".join(f"{k} {v:.0f} ms" for k, v in times.items()), flush=True)


if __name__ == "__main__":
    main()
