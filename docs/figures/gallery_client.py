"""A server of its own and a session on it, over gRPC: places in LPS mm, arrays [k, j, i] on the file's grid."""

import copy
import importlib
import os
import subprocess
import sys
import zlib
from pathlib import Path

import grpc
import numpy as np

REPO = Path(__file__).parents[2]
sys.path.insert(0, str(REPO / "server/tests/interop"))
importlib.import_module("conftest").generate_stubs()
geometry, volumes, prompts, labels, segmentation = (
    importlib.import_module(f"isochrone.v1.{name}_pb2")
    for name in ("geometry", "volumes", "prompts", "labels", "segmentation")
)
stub_of = {name: importlib.import_module(f"isochrone.v1.{name}_pb2_grpc") for name in ("volumes", "segmentation")}
POSITIVE, NEGATIVE = prompts.POLARITY_POSITIVE, prompts.POLARITY_NEGATIVE


class Server:
    """Serves the files of a folder until the block ends."""

    def __init__(self, root: Path, *options: str) -> None:
        command = [str(REPO / "target/release/isochrone"), "serve", "--listen", "127.0.0.1:0", "--root", str(root)]
        command += options
        environment = {**os.environ, "RUST_LOG": "warn"}
        environment.setdefault(
            "ORT_DYLIB_PATH",
            str(next((REPO / "build/onnxruntime/onnxruntime/capi").glob("libonnxruntime.so.*"), "")),
        )
        self.process = subprocess.Popen(command, cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if "listening on" not in line:
            raise RuntimeError(f"the server did not start: {line!r}; run `make build` first")
        address = line.rsplit(" ", 1)[1].strip()
        self.channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", 256 << 20)])
        self.volumes = stub_of["volumes"].VolumesStub(self.channel)
        self.segmentation = stub_of["segmentation"].SegmentationStub(self.channel)
        self.loaded: dict[str, object] = {}

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.channel.close()
        self.process.terminate()
        self.process.wait(timeout=20)

    def session(self, file: str, engine: str, parameters: dict[str, str] | None = None) -> "Session":
        """A session with one label on a file of the folder."""
        if file not in self.loaded:
            self.loaded[file] = self.volumes.LoadFile(volumes.LoadFileRequest(path=file))
        return Session(self.segmentation, self.loaded[file], engine, parameters or {})


class Session:
    """One label that prompts are added to."""

    def __init__(self, stub, volume, engine: str, parameters: dict[str, str]) -> None:
        self.stub, self.volume, self.warnings, self.placed = stub, volume, [], []
        request = segmentation.OpenSessionRequest(
            volume_ids=[volume.volume_id], engine=engine, engine_parameters=parameters
        )
        self.id = stub.OpenSession(request).session_id
        self.label = stub.AddLabel(labels.AddLabelRequest(session_id=self.id, name="lesion")).label_id

    def another(self, name: str) -> "Session":
        """A second label of the same session."""
        other = copy.copy(self)
        other.label = self.stub.AddLabel(labels.AddLabelRequest(session_id=self.id, name=name)).label_id
        return other

    def add(self, *kinds, overlap: int = 0) -> np.ndarray:
        """Adds prompts as one step; returns the label's mask."""
        request = segmentation.AddPromptsRequest(
            session_id=self.id,
            label_id=self.label,
            prompts=[wrapped(k) for k in kinds],
            mask_only=True,
            overlap=overlap,
        )
        updates = [event.mask for event in self.stub.AddPrompts(request)]
        self.warnings = [warning for update in updates for warning in update.warnings]
        self.placed = [prompt for update in updates for prompt in update.prompts]
        return self.mask()

    def operate(self, **operation) -> np.ndarray:
        """An operation on the mask (`smooth=…`, `island=…`) as one step; returns the label's mask."""
        self.stub.ApplyOperation(labels.ApplyOperationRequest(session_id=self.id, label_id=self.label, **operation))
        return self.mask()

    def lock(self) -> None:
        """From here on the label keeps its mask."""
        self.stub.UpdateLabel(labels.UpdateLabelRequest(session_id=self.id, label_id=self.label, locked=True))

    def undo(self) -> None:
        """Takes the newest step of the session back, whatever it was."""
        self.stub.Undo(segmentation.UndoRequest(session_id=self.id))

    def mask(self) -> np.ndarray:
        """The label's mask, bool [k, j, i]."""
        update = self.stub.GetMask(segmentation.GetMaskRequest(session_id=self.id, label_id=self.label))
        size = self.volume.grid.size
        mask = np.zeros((size.k, size.j, size.i), bool)
        for delta in update.deltas:
            low, high = delta.box.min, delta.box.max
            shape = (high.k - low.k, high.j - low.j, high.i - low.i)
            bits = np.frombuffer(zlib.decompress(delta.zlib_bits), np.uint8)
            values = np.unpackbits(bits, bitorder="little")[: np.prod(shape)].reshape(shape)
            mask[low.k : high.k, low.j : high.j, low.i : high.i] = values > 0
        return mask

    def close(self) -> None:
        """Ends the session."""
        self.stub.CloseSession(segmentation.CloseSessionRequest(session_id=self.id))


def wrapped(kind) -> "prompts.Prompt":
    """A prompt of any kind as the request holds it."""
    field = {
        prompts.Click: "click",
        prompts.Scribble: "scribble",
        prompts.Box2D: "box_2d",
        prompts.Box3D: "box_3d",
        prompts.ExtremePoints: "extreme_points",
        prompts.Lasso: "lasso",
        prompts.Polygon: "polygon",
        prompts.VertexDrag: "vertex_drag",
        prompts.InitialMask: "initial_mask",
        prompts.Gaze: "gaze",
        prompts.LabelName: "label_name",
    }[type(kind)]
    return prompts.Prompt(**{field: kind})


def point(lps_mm) -> "geometry.Point":
    """A place, LPS mm."""
    x, y, z = (float(v) for v in lps_mm)
    return geometry.Point(x=x, y=y, z=z)
