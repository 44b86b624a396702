"""A click from the plugin's client against a real server, in a Python without Slicer: `without_slicer.py ADDRESS`.

Run by test_stubs.py with the lowest grpcio and protobuf that the plugin allows.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from IsochroneLib import actions  # noqa: E402
from IsochroneLib.client import Client  # noqa: E402
from IsochroneLib.prompts import Drawing, Prompts  # noqa: E402
from IsochroneLib.remote import Image, LabelInfo, Remote  # noqa: E402

SIZE = 40


class Ball:
    """A bright ball as a .nrrd file."""

    def __init__(self):
        k, j, i = np.indices((SIZE, SIZE, SIZE)) - SIZE // 2
        voxels = np.where(k * k + j * j + i * i < 81, 300, 0).astype("<i2")
        header = [
            "NRRD0004",
            "type: int16",
            "dimension: 3",
            "space: left-posterior-superior",
            f"sizes: {SIZE} {SIZE} {SIZE}",
            "space directions: (1,0,0) (0,1,0) (0,0,1)",
            "kinds: domain domain domain",
            "endian: little",
            "encoding: raw",
            "space origin: (0,0,0)",
        ]
        self._bytes = ("\n".join(header) + "\n\n").encode() + voxels.tobytes()
        self.size_bytes, self.upload_id = len(self._bytes), ""

    def chunk(self, offset: int, size: int) -> bytes:
        return self._bytes[offset : offset + size]

    def sha256(self) -> bytes:
        return b""


def main(address: str) -> None:
    import google.protobuf
    import grpc

    told = []
    client = Client(address)
    image = Image(Ball(), "", 0, np.eye(4), (SIZE,) * 3)
    remote = Remote(client, [image], lambda *what: told.append(what), lambda: False)
    client.describe()
    remote.open()
    drawing = Drawing(np.array([[-SIZE / 2, -SIZE / 2, SIZE / 2]]))
    prompt = Prompts(client.messages).make("click", drawing, True)
    click = actions.AddPrompts(segment="ball", prompts=[prompt], infos={"ball": LabelInfo("ball", (255, 0, 0))})
    click.run(actions.Context(remote))
    voxels = int(remote.masks["ball"].voxels.sum())
    assert voxels > 100, told
    print(f"{voxels} voxels with protobuf {google.protobuf.__version__} and grpcio {grpc.__version__}")


if __name__ == "__main__":
    main(sys.argv[1])
