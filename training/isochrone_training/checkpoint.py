"""A training's state on disk: all that going on needs, and the averaged weights alone, small."""

from pathlib import Path

import torch

LAST = "last.pt"
LATER = ("sampler.", "error.")  # parts that are trained on a finished network


def write(path: Path, state: dict) -> None:
    """Writes a file, whole or not at all."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.rename(path)


def save(trainer, out: Path) -> None:
    """Weights, average, optimiser, step, processor's seconds, random states and history."""
    write(out / LAST, {
        "net": trainer.net.state_dict(), "average": trainer.average, "optimiser": trainer.optimiser.state_dict(),
        "step": trainer.step, "core_seconds": trainer.core_seconds, "voxels": trainer.voxels,
        "random": {"torch": torch.get_rng_state(), "numpy": trainer.rng.bit_generator.state},
        "history": trainer.history,
    })


def resume(trainer, out: Path) -> bool:
    """Takes up the state in a folder; False where there is none."""
    if not (out / LAST).exists():
        return False
    state = torch.load(out / LAST, weights_only=True, map_location=trainer.device)
    trainer.net.load_state_dict(state["net"])
    trainer.optimiser.load_state_dict(state["optimiser"])
    trainer.average = state["average"]
    trainer.step, trainer.core_seconds, trainer.voxels = state["step"], state["core_seconds"], state["voxels"]
    torch.set_rng_state(state["random"]["torch"].cpu())
    trainer.rng.bit_generator.state = state["random"]["numpy"]
    trainer.history = state["history"]
    return True


def save_average(average: dict, path: Path, metadata: dict) -> None:
    """The averaged weights that the main training changes, in half precision, and a few numbers about them."""
    main = {k: v.half() for k, v in average.items() if not k.startswith(LATER)}
    write(path, {"average": main, **metadata})


def load_average(net, path: Path) -> None:
    """Gives a network the averaged weights of either kind of file; parts that it does not hold stay as they are."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    missing, unknown = net.load_state_dict({k: v.float() for k, v in state["average"].items()}, strict=False)
    strange = [k for k in missing if not k.startswith(LATER)] + unknown
    if strange:
        raise ValueError(f"{path} is of another network: {', '.join(strange[:4])}")
