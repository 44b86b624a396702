"""The text of ``bundle.toml``: what a server must know to run the graphs."""

from pathlib import Path

TEMPLATE = """\
# Model bundle, format 1. Written by isochrone_training.export; see MODEL_CARD.md.
format = 1
name = "{name}"
version = "{version}"
licence = "Apache-2.0"
description = "{description}"
training_data = [
{training_data}
]

{channels}
[region]
size = [{size}, {size}, {size}]               # voxels
divisor = 16
first_spacing_mm = {first}
first_spacing_voxels = {first_voxels}       # or so many of the volume's own voxels, if that is more
min_spacing_mm = {min}
max_spacing_mm = {max}
zoom_out = {zoom_out}
context = {context}                     # region side / component extent
local_from = {local_from}                    # from this prompt on, a correction stays connected to it, and goes its way

[guidance.positive]
encoding = {encoding}
[guidance.negative]
encoding = {encoding}

[output]
threshold = 0.5
temperature = {temperature}                # of probabilities that are told, not of the mask

[[graph]]                         # features do not depend on the dropout masks
role = "encoder"
file = "encoder.onnx"
sha256 = "{encoder}"
inputs = {{ image = "image", previous_mask = "previous_mask", positive = "positive", negative = "negative" }}

[[graph]]
role = "decoder"
file = "decoder.onnx"
sha256 = "{decoder}"
inputs = {{ features = ["f0", "f1", "f2", "f3"], dropout = [{drops}] }}
outputs = {{ logits = "logits" }}

[[graph]]                         # stops at half of the resolution and interpolates: many samples at low cost
role = "sampler"
file = "sampler.onnx"
sha256 = "{sampler}"
inputs = {{ features = ["f0", "f1", "f2", "f3"], dropout = [{drops}] }}
outputs = {{ logits = "logits" }}

[[graph]]                         # instead of samples: where the mask may be wrong
role = "error"
file = "error.onnx"
sha256 = "{error}"
inputs = {{ features = ["f0", "f1", "f2", "f3"], probability = "probability" }}
outputs = {{ logits = "logits" }}
stride = 2                        # working voxels per output voxel along an axis

[dropout]
rate = {rate}
"""


CHANNEL = """\
[[channel]]                       # image channels in order
modalities = [{modalities}]
normalisation = {{ kind = "percentile-z-score", low = {low}, high = {high} }}
"""
MISSING = "missing = 0.0                     # where an image has no such companion\n"


def channels(recipe: dict) -> str:
    """A table each; all but the first may be missing, as they now and then were in training."""
    low, high = recipe["region"]["percentiles"]
    tables = []
    for n, modalities in enumerate(recipe["network"]["channels"]):
        names = ", ".join(f'"{m}"' for m in modalities)
        tables.append(CHANNEL.format(modalities=names, low=low, high=high) + (MISSING if n else ""))
    return "\n".join(tables)


def inline(table: dict) -> str:
    """A TOML inline table of numbers and strings."""
    values = (f'{key} = "{v}"' if isinstance(v, str) else f"{key} = {v}" for key, v in table.items())
    return "{ " + ", ".join(values) + " }"


def write_description(
    path: Path, recipe: dict, drop_channels: dict[str, int], digests: dict[str, str]
) -> None:
    """Writes ``bundle.toml`` from the recipe, the masks' channel counts and the files' digests."""
    bundle, region = recipe["bundle"], recipe["region"]
    drops = ", ".join(f'{{ name = "{n}", channels = {c} }}' for n, c in drop_channels.items())
    path.write_text(
        TEMPLATE.format(
            name=bundle["name"], version=bundle["version"], description=bundle["description"],
            training_data="\n".join(f'  "{line}",' for line in bundle["training_data"]),
            channels=channels(recipe), size=region["side_voxels"], first=region["first_spacing_mm"],
            first_voxels=region["first_spacing_voxels"], min=region["min_spacing_mm"],
            max=region["max_spacing_mm"], zoom_out=region["zoom_out"], context=region["context"],
            local_from=region["local_from"],
            encoding=inline(recipe["guidance"]), drops=drops, rate=recipe["uncertainty"]["dropout"],
            temperature=recipe["uncertainty"]["temperature"], **digests,
        )
    )
