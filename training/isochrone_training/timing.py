"""Times of the exported graphs on this machine, beside the same network in PyTorch, in one run.

``python -m isochrone_training.timing``: medians over an encoder and decoder pass, and over T = 8 samples, on two
threads each. PyTorch draws its samples with the whole decoder on kept features, as MC-dropout is usually done.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from .export import FEATURES, PROMPTS, session
from .recipe import new_network, read_recipe
from .warm import warm_start

SAMPLES = 8


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
    for role, samples in (("decoder", 1), ("sampler", SAMPLES)):
        shapes = {i.name: i.shape for i in sessions[role].get_inputs()}
        named = {
            n: features[n] if n in features else np.ones((samples, s[1]), np.float32)
            for n, s in shapes.items()
        }
        result[f"{role} T={samples}"] = milliseconds(lambda: sessions[role].run(None, named))
    return result


def measure_torch(net, side: int, threads: int = 2) -> dict[str, float]:
    """The same in PyTorch: one pass, and what :data:`SAMPLES` samples take after it."""
    import torch

    torch.set_num_threads(threads)
    net = net.eval().to(memory_format=torch.channels_last_3d)
    inputs = [torch.rand(1, 1, side, side, side) for _ in PROMPTS]
    with torch.inference_mode():
        features = net.encoder(*inputs)
        one, many = net.ones(1), net.ones(SAMPLES)
        return {
            "pass": milliseconds(lambda: net.decoder(*net.encoder(*inputs), *one), 5),
            "samples": milliseconds(lambda: net.decoder(*features, *many), 3),
        }


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-4")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96])
    args = parser.parse_args()
    recipe = read_recipe(here / "recipe.toml")
    net = new_network(recipe)
    warm_start(net, args.bundle, recipe["guidance"]["kind"])
    for side in args.sides:
        times = measure(args.bundle, side)
        print(f"{side}³  " + "  ".join(f"{k} {v:.0f} ms" for k, v in times.items()), flush=True)
        peer, one = measure_torch(net, side), times["encoder"] + times["decoder T=1"]
        samples = times[f"sampler T={SAMPLES}"]
        print(f"      one pass {one:.0f} ms, PyTorch {peer['pass']:.0f} ms, {peer['pass'] / one:.1f} times as long;  "
              f"{SAMPLES} samples {samples:.0f} ms, {samples / one:.2f} passes, PyTorch {peer['samples']:.0f} ms",
              flush=True)


if __name__ == "__main__":
    main()
