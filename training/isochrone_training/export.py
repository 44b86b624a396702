"""Writes a model bundle: encoder, decoder, sampler and error head as ONNX, and their description.

``python -m isochrone_training.export --checkpoint runs/x/last.pt --out ../models/lesion-4``
(without ``--checkpoint``: untrained weights, for integration tests).
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from .bundle import write_description
from .checkpoint import load_average
from .net import LesionNet
from .recipe import new_network, read_recipe

FEATURES = ["f0", "f1", "f2", "f3"]
PROMPTS = ["image", "previous_mask", "positive", "negative"]
ROLES = ("encoder", "decoder", "sampler", "error")
OPSET = 17


def dynamic(names: list[str], outputs: list[str]) -> dict[str, dict[int, str]]:
    """Axis names: everything spatial is dynamic, and the sample axis of masks and logits."""
    axes: dict[str, dict[int, str]] = {}
    for name in names + outputs:
        if name.startswith("drop"):
            axes[name] = {0: "T"}
            continue
        level = int(name[1]) if name in FEATURES else None
        suffix = "" if level is None else f"{2 ** (level + 1)}"
        axes[name] = {2: "D" + suffix, 3: "H" + suffix, 4: "W" + suffix}
        if name in ("logits", "answers"):
            axes[name] = {0: "T", 2: "d", 3: "h", 4: "w"}
        if name == "quality":
            axes[name] = {0: "T"}
    return axes


def export_graph(module, args, names: list[str], outputs: list[str], path: Path) -> None:
    """Traces one graph; logits keep names of their own so that a coarse grid is not confused."""
    torch.onnx.export(
        module, args, str(path), input_names=names, output_names=outputs,
        dynamic_axes=dynamic(names, outputs), opset_version=OPSET, dynamo=False,
    )


def export(net: LesionNet, out: Path) -> None:
    """Writes the four graphs for regions whose sides are multiples of 16."""
    out.mkdir(parents=True, exist_ok=True)
    net = net.eval()
    side, samples = 32, 2
    inputs = (torch.randn(1, net.image_channels, side, side, side),) + tuple(
        torch.rand(1, 1, side, side, side) for _ in range(3)
    )
    drops = list(net.drop_channels())
    with torch.no_grad():
        features = net.encoder(*inputs)
        masks = net.ones(samples)
        export_graph(net.encoder, inputs, PROMPTS, FEATURES, out / "encoder.onnx")
        export_graph(
            net.decoder, (*features, *masks), FEATURES + drops, ["logits", "answers", "quality"], out / "decoder.onnx"
        )
        export_graph(
            net.sampler, (*features, *masks), FEATURES + drops, ["logits"], out / "sampler.onnx"
        )
        export_graph(net.error, (*features, inputs[1]), [*FEATURES, "probability"], ["logits"], out / "error.onnx")


def session(path: Path, threads: int = 2):
    """An ONNX Runtime CPU session; its threads do not spin, which would cost a busy machine dear."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check(net: LesionNet, out: Path, side: int = 48, rate: float = 0.2) -> dict[str, float]:
    """Largest differences: graph to torch, batched to one by one, run to run."""
    net = net.eval()
    generator = torch.Generator().manual_seed(5)
    inputs = (torch.randn(1, net.image_channels, side, side, side, generator=generator),) + tuple(
        (torch.rand(1, 1, side, side, side, generator=generator) > 0.9).float() for _ in range(3)
    )
    sessions = {role: session(out / f"{role}.onnx") for role in ROLES}
    features = sessions["encoder"].run(None, dict(zip(PROMPTS, (x.numpy() for x in inputs))))
    feed = dict(zip(FEATURES, features))
    result = {}
    masks = {1: net.ones(1), 4: net.random_masks(4, rate, generator)}
    for samples, drops in masks.items():
        with torch.no_grad():
            f = net.encoder(*inputs)
            wanted = {"decoder": net.decoder(*f, *drops)[0], "sampler": net.sampler(*f, *drops)}
        named = {n: m.numpy() for n, m in zip(net.drop_channels(), drops)}
        for role, want in wanted.items():
            names = [i.name for i in sessions[role].get_inputs()]
            run = lambda d: sessions[role].run(None, {n: {**feed, **d}[n] for n in names})[0]
            batched = run(named)
            single = np.concatenate(
                [run({n: m[t : t + 1] for n, m in named.items()}) for t in range(samples)]
            )
            result[f"{role} T={samples} torch"] = float(np.abs(batched - want.numpy()).max())
            result[f"{role} T={samples} one by one"] = float(np.abs(batched - single).max())
            result[f"{role} T={samples} repeat"] = float(np.abs(batched - run(named)).max())
    with torch.no_grad():
        want = net.error(*f, inputs[2]).numpy()
    found = sessions["error"].run(None, feed | {"probability": inputs[2].numpy()})[0]
    result["error torch"] = float(np.abs(found - want).max())
    return result


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(checkpoint: Path | None, recipe: dict) -> LesionNet:
    """The network of a checkpoint (its averaged weights), or a fresh one."""
    torch.manual_seed(recipe["seed"])
    net = new_network(recipe)
    if checkpoint is not None:
        load_average(net, checkpoint)
    return net


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--out", type=Path, default=here.parent / "models" / "lesion-4")
    parser.add_argument("--calibration", type=Path, help="calibration.json: its temperature, not the recipe's")
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    if args.calibration is not None:
        found = json.loads(args.calibration.read_text()) if args.calibration.exists() else {"temperature": 1.0}
        recipe["uncertainty"]["temperature"] = round(found["temperature"], 2)
        print(f"temperature {recipe['uncertainty']['temperature']}"
              + ("" if args.calibration.exists() else ": it was not fitted, for want of held-back patients"))
    net = load(args.checkpoint, recipe)
    export(net, args.out)
    digests = {r: sha256(args.out / f"{r}.onnx") for r in ROLES}
    write_description(args.out / "bundle.toml", recipe, net.drop_channels(), digests)
    for name, difference in check(net, args.out, rate=recipe["uncertainty"]["dropout"]).items():
        print(f"{name:28s} max |difference| {difference:.2e}")


if __name__ == "__main__":
    main()
