"""A label name as a prompt. Our own model has no classes, so a toy of the tests answers: bright or dark."""

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path

import gallery_client as client
from gallery_cases import Lesion

GRAPH = client.REPO / "server/crates/network/tests/data/classes.onnx"
GUIDANCE = 'encoding = { kind = "disk", radius_voxels = 3.0 }'
BUNDLE = f"""
format = 1
name = "toy"
version = "0.1"
licence = "Apache-2.0"
classes = ["soft tissue", "air", "what is pointed at"]
[[channel]]
modalities = ["CT"]
normalisation = {{ kind = "window", low = -1000.0, high = 200.0 }}
[region]
size = [64, 64, 64]
first_spacing_mm = 1.5
min_spacing_mm = 1.0
max_spacing_mm = 2.0
[guidance.positive]
{GUIDANCE}
[guidance.negative]
{GUIDANCE}
[[graph]]
role = "network"
file = "classes.onnx"
sha256 = "{hashlib.sha256(GRAPH.read_bytes()).hexdigest()}"
inputs = {{ image = "scan", positive = "fg_points" }}
outputs = {{ logits = "pred" }}
"""


@contextmanager
def server_with_classes(root: Path):
    """A server of the toy model."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "classes.onnx").write_bytes(GRAPH.read_bytes())
        Path(folder, "bundle.toml").write_text(BUNDLE)
        with client.Server(root, "--model", folder) as server:
            yield server


def named(server, lesion: Lesion, name: str, at: tuple[int, int]):
    """The mask [k, j, i] of one click at the pixel `at` (j, i) of the lesion's slice, and a name."""
    session = server.session(lesion.file, "network")
    place = client.point(lesion.place(*at))
    click = client.prompts.Click(position=place, polarity=client.POSITIVE)
    mask = session.add(client.prompts.LabelName(name=name), click)
    session.close()
    return mask
