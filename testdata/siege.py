"""Honest readers at work while a server is attacked from all sides: how long their clicks take, and what they lose.

Everything is on this machine's loopback: a server with accounts and the real network, readers with an account and a
session each, and a stranger, a greedy reader, a viewer, a hostile archive and, at the end, a kill. Prints a table in
Markdown. `make siege` installs what it needs.
"""

import argparse
import gzip
import http.server
import math
import os
import pathlib
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import numpy as np

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "plugin-3dslicer" / "Isochrone"))
from IsochroneLib.protos import geometry_pb2 as geometry  # noqa: E402
from IsochroneLib.protos import labels_pb2 as labels  # noqa: E402
from IsochroneLib.protos import pacs_pb2 as pacs  # noqa: E402
from IsochroneLib.protos import prompts_pb2 as prompts  # noqa: E402
from IsochroneLib.protos import segmentation_pb2 as seg  # noqa: E402
from IsochroneLib.protos import volumes_pb2 as vol  # noqa: E402

SIZE = 96
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def nifti(path: pathlib.Path, spacing_mm: float) -> None:
    """A bright ball in a dull ground, as NIfTI-1."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, SIZE, SIZE, SIZE, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, spacing_mm, spacing_mm, spacing_mm, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[123] = 2
    struct.pack_into("<hh", header, 252, 0, 1)
    for row in range(3):
        values = [spacing_mm if column == row else 0.0 for column in range(4)]
        struct.pack_into("<4f", header, 280 + 16 * row, *values)
    header[344:348] = b"n+1\0"
    k, j, i = np.indices((SIZE,) * 3)
    ball = (i - 48) ** 2 + (j - 48) ** 2 + (k - 48) ** 2 < 12**2
    voxels = np.where(ball, 120, -20).astype("<i2") + ((i * 7 + j * 13 + k * 31) % 17).astype("<i2")
    path.write_bytes(gzip.compress(bytes(header) + voxels.astype("<i2").tobytes(), 1))


class Server:
    """The process, with accounts, a root, and an archive that means it harm."""

    def __init__(self, folder: pathlib.Path, archive: str):
        self.state, self.root, self.archive = folder / "state", folder / "root", archive
        self.state.mkdir(mode=0o700)
        self.root.mkdir()
        self.binary = str(TOP / "target" / "release" / "isochrone")
        self.log = open(folder / "log", "ab")
        self.process = None

    def account(self, name: str) -> str:
        command = [self.binary, "user", "add", name, "--role", "reader", "--state", str(self.state)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def start(self) -> None:
        command = [self.binary, "serve", "--listen", "127.0.0.1:0", "--state", str(self.state)]
        command += ["--root", str(self.root), "--device", "cpu", "--pacs", f"hostile={self.archive}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, cwd=TOP)
        self.address = self.process.stdout.readline().decode().strip().rsplit(" ", 1)[-1]

    def resident_mb(self) -> float:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return math.nan

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Client:
    """Calls of one account."""

    def __init__(self, address: str, token: str):
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])

    def call(self, method: str, request, answer, timeout: float = 60.0):
        path = f"/isochrone.v1.{method}"
        ask = self.channel.unary_unary(path, type(request).SerializeToString, answer.FromString)
        return ask(request, metadata=self.metadata, timeout=timeout)

    def stream(self, method: str, request, answer, timeout: float = 60.0) -> list:
        path = f"/isochrone.v1.{method}"
        ask = self.channel.unary_stream(path, type(request).SerializeToString, answer.FromString)
        return list(ask(request, metadata=self.metadata, timeout=timeout))

    def load(self, name: str) -> str:
        request = vol.LoadFileRequest(path=name, modality=vol.MODALITY_CT)
        return self.call("Volumes/LoadFile", request, vol.Volume).volume_id

    def open(self, volume: str, engine: str) -> tuple:
        request = seg.OpenSessionRequest(volume_ids=[volume], engine=engine, seed=5)
        session = self.call("Segmentation/OpenSession", request, seg.Session).session_id
        request = labels.AddLabelRequest(session_id=session, name="lesion")
        label = self.call("Segmentation/AddLabel", request, labels.Label)
        return session, label.label_id

    def prompt(self, session: tuple, prompt, timeout: float = 60.0) -> list:
        request = seg.AddPromptsRequest(session_id=session[0], label_id=session[1], prompts=[prompt], mask_only=True)
        return self.stream("Segmentation/AddPrompts", request, seg.SegmentationEvent, timeout)


def click(rng: random.Random):
    # The file's world is RAS, the protocol's LPS.
    x, y, z = (48 + rng.uniform(-6, 6) for _ in range(3))
    point = geometry.Point(x=-x, y=-y, z=z)
    return prompts.Prompt(click=prompts.Click(position=point, polarity=prompts.POLARITY_POSITIVE))


def killer():
    points = [geometry.Point(x=-0.48 + 0.0001 * (n % 97), y=-0.48, z=0.48) for n in range(2000)]
    scribble = prompts.Scribble(points=points, radius_mm=50.0, polarity=prompts.POLARITY_POSITIVE)
    return prompts.Prompt(scribble=scribble)


class Honest(threading.Thread):
    """Clicks, and waits a moment before the next."""

    def __init__(self, number: int, client: Client, engine: str, stop: threading.Event, pause_s: float):
        super().__init__(daemon=True)
        self.client, self.stop, self.pause_s = client, stop, pause_s
        self.rng = random.Random(number)
        self.session = client.open(client.load("lesion.nii.gz"), engine)
        self.times, self.errors, self.revision, self.digest = [], [], 0, b""

    def run(self) -> None:
        # Not all at once.
        self.stop.wait(self.rng.uniform(0, self.pause_s))
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                for event in self.client.prompt(self.session, click(self.rng)):
                    if event.HasField("mask"):
                        self.revision = event.mask.revision
                        self.digest = event.mask.deltas[0].mask_sha256 if event.mask.deltas else self.digest
            except grpc.RpcError as error:
                self.errors.append(error.code().name)
            self.times.append(time.monotonic() - begun)
            self.stop.wait(self.rng.uniform(0.5, 1.5) * self.pause_s)


class Archive(http.server.BaseHTTPRequestHandler):
    """Answers every query with sixty megabytes of nothing."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom+json")
        self.end_headers()
        try:
            self.wfile.write(b"[" + b"{}," * 20_000_000 + b"{}]")
        except OSError:
            pass

    def log_message(self, *_):
        pass


def percentile(times: list, share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] if times else math.nan


def attack(server: Server, tokens: dict, victim: Honest, stop: threading.Event, answers: dict) -> list:
    def note(who: str, error: grpc.RpcError) -> None:
        answers.setdefault(who, set()).add(error.code().name)

    def strangers():
        held = []
        while not stop.is_set():
            try:
                tcp = socket.create_connection(server.address.rsplit(":", 1), timeout=2)
                tcp.sendall(PREFACE)
                held.append(tcp)
            except OSError:
                stop.wait(0.05)
            held = held[-600:]
            stop.wait(0.01)

    def greedy(volume: str, tiny: str, n: int):
        client, rng = Client(server.address, tokens["greedy"]), random.Random(n)
        while not stop.is_set():
            try:
                session = client.open(tiny if n % 3 == 0 else volume, "network")
                for _ in range(5):
                    client.prompt(session, killer() if n % 3 == 0 else click(rng))
            except grpc.RpcError as error:
                note("greedy reader", error)

    def viewer():
        client = Client(server.address, tokens["viewer"])
        session = victim.session[0]
        while not stop.is_set():
            for method, request, answer in (
                ("Segmentation/SweepVolume", seg.SweepVolumeRequest(session_id=session, samples=64), seg.SweepEvent),
                ("Segmentation/CloseSession", seg.CloseSessionRequest(session_id=session), seg.CloseSessionResponse),
                ("Segmentation/Undo", seg.UndoRequest(session_id=session), seg.MaskUpdate),
                ("Segmentation/GetSession", seg.GetSessionRequest(session_id=session), seg.Session),
            ):
                try:
                    client.stream(method, request, answer)
                    if "GetSession" not in method:
                        answers.setdefault("viewer", set()).add(f"OK: {method}")
                except grpc.RpcError as error:
                    note("viewer", error)
            stop.wait(0.2)

    def archive():
        client = Client(server.address, tokens["greedy"])
        while not stop.is_set():
            try:
                client.call("Pacs/FindSeries", pacs.FindSeriesRequest(pacs="hostile"), pacs.FindSeriesResponse)
            except grpc.RpcError as error:
                note("hostile archive", error)

    greedy_client = Client(server.address, tokens["greedy"])
    volume, tiny = greedy_client.load("lesion.nii.gz"), greedy_client.load("tiny.nii.gz")
    grant = seg.GrantViewRequest(session_id=victim.session[0], user="viewer")
    victim.client.call("Segmentation/GrantView", grant, seg.Viewers)
    work = [(strangers, ()), (viewer, ()), (archive, ())] + [(greedy, (volume, tiny, n)) for n in range(30)]
    threads = [threading.Thread(target=target, args=arguments, daemon=True) for target, arguments in work]
    for thread in threads:
        thread.start()
    return threads


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=32, help="honest readers, an account each")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each of the two halves")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two clicks of a reader, on average")
    args = parser.parse_args()
    hostile = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=hostile.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder), f"http://127.0.0.1:{hostile.server_address[1]}/dicom-web")
        nifti(server.root / "lesion.nii.gz", 1.0)
        nifti(server.root / "tiny.nii.gz", 0.01)
        names = [f"reader{n}" for n in range(args.readers)]
        tokens = {name: server.account(name) for name in [*names, "greedy", "viewer"]}
        server.start()
        stop = threading.Event()
        engines = ["network", "geodesic"]
        honest = [
            Honest(n, Client(server.address, tokens[name]), engines[n % 2], stop, args.pause)
            for n, name in enumerate(names)
        ]
        for reader in honest:
            reader.start()
        time.sleep(args.seconds)
        quiet = [[t for reader in honest for t in reader.times], [len(r.times) for r in honest], server.resident_mb()]
        for reader in honest:
            reader.times = []
        siege, answers, peak = threading.Event(), {}, 0.0
        attack(server, tokens, honest[0], siege, answers)
        end = time.monotonic() + args.seconds
        while time.monotonic() < end:
            peak = max(peak, server.resident_mb())
            time.sleep(0.2)
        under = [[t for reader in honest for t in reader.times], [len(r.times) for r in honest], peak]
        stop.set()
        for reader in honest:
            reader.join(60)
        siege.set()
        server.kill()
        server.start()
        lost = 0
        for name, reader in zip(names, honest, strict=True):
            request = seg.GetMaskRequest(session_id=reader.session[0], label_id=reader.session[1])
            back = Client(server.address, tokens[name]).call("Segmentation/GetMask", request, seg.MaskUpdate)
            lost += back.revision < reader.revision or back.deltas[0].mask_sha256 != reader.digest
        server.kill()
    errors = [error for reader in honest for error in reader.errors]
    print(f"{args.readers} readers with an account each, {os.cpu_count()} cores, {args.seconds:.0f} s each\n")
    print("| | alone | under siege |\n|---|---|---|")
    for title, share in (("median click", 0.5), ("95th percentile", 0.95), ("slowest", 1.0)):
        print(f"| {title} | {percentile(quiet[0], share):.2f} s | {percentile(under[0], share):.2f} s |")
    print(f"| clicks | {sum(quiet[1])} | {sum(under[1])} |")
    ratios = [max(counts) / max(1, min(counts)) for counts in (quiet[1], under[1])]
    print(f"| most clicks of a reader over fewest | {ratios[0]:.1f} | {ratios[1]:.1f} |")
    print(f"| memory | {quiet[2]:.0f} MB | {under[2]:.0f} MB at most |")
    print(f"\nHonest readers were refused {len(errors)} times {sorted(set(errors))}; {lost} sessions lost something.")
    for who, codes in sorted(answers.items()):
        print(f"The {who} was told: {', '.join(sorted(codes))}.")
    slower = percentile(under[0], 0.95) / max(1e-9, percentile(quiet[0], 0.95))
    print(f"95th percentile {slower:.1f} times that without attackers; mean {statistics.mean(under[0]):.2f} s.")
    changed = any(code.startswith("OK") for codes in answers.values() for code in codes)
    return 1 if lost or changed else 0


if __name__ == "__main__":
    sys.exit(main())
