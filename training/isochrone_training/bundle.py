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

[[channel]]                       # image channels in order
modalities = ["CT", "MR", "PT", "OT"]
normalisation = {{ kind = "percentile-z-score", low = {low}, high = {high} }}

[region]
size = [{size}, {size}, {size}]               # voxels
divisor = 16
first_spacing_mm = {first}
min_spacing_mm = {min}
max_spacing_mm = {max}
zoom_out = {zoom_out}
context = {context}                     # region side / component extent

[guidance.positive]
encoding = {{ kind = "gaussian", sigma_voxels = {sigma} }}
[guidance.negative]
encoding = {{ kind = "gaussian", sigma_voxels = {sigma} }}

[output]
threshold = 0.5
temperature = 1.0

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

[[graph]]                         # stops early: many samples at low cost
role = "sampler"
file = "sampler.onnx"
sha256 = "{sampler}"
inputs = {{ features = ["f1", "f2", "f3"], dropout = [{drops}] }}
outputs = {{ logits = "logits" }}
stride = 4                        # working voxels per output voxel along an axis

[dropout]
rate = {rate}
"""


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
            low=region["percentiles"][0], high=region["percentiles"][1],
            size=region["side_voxels"], first=region["first_spacing_mm"],
            min=region["min_spacing_mm"], max=region["max_spacing_mm"],
            zoom_out=region["zoom_out"], context=region["context"],
            sigma=region["sigma_voxels"], drops=drops, rate=recipe["network"]["dropout"],
            **digests,
        )
    )
