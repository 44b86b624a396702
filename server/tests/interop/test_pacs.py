"""A real PACS, end to end: find, load, segment, store, find what was stored, load it again, refine."""

import base64
import io
import os
import shutil
import subprocess
import time
import zlib

import grpc
import highdicom as hd
import numpy as np
import orthanc
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import write_series

from .conftest import BINARY, REPO

LESIONS = REPO / "build" / "lesions"


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """Orthanc, holding a chest CT with a lesion in it, 61 slices."""
    if (why := orthanc.missing()) is not None:
        pytest.skip(why)
    if not (LESIONS / "lung2_image.nrrd").is_file():
        pytest.skip("the lesions are not there: make lesions")
    folder = tmp_path_factory.mktemp("orthanc")
    image = sitk.ReadImage(str(LESIONS / "lung2_image.nrrd"))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    voxels = np.round(sitk.GetArrayFromImage(image)).astype(np.int16)
    slices = write_series(folder / "series", voxels, affine, "CT")
    with orthanc.running(folder) as running:
        for path in (folder / "series").iterdir():
            running.request("/instances", path.read_bytes())
        running.slices, running.image, running.voxels, running.affine = slices, image, voxels, affine
        running.lesion = sitk.GetArrayFromImage(sitk.ReadImage(str(LESIONS / "lung2_label.nrrd"))) > 0
        yield running


@pytest.fixture(scope="module")
def server(pacs, tmp_path_factory):
    """A server that knows the PACS by name."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "auth").write_text(f"{orthanc.USER}:{orthanc.PASSWORD}\n")
    command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--root", folder, "--pacs", f"main={pacs.root}"]
    process = subprocess.Popen(
        [*map(str, command), "--pacs-auth", f"main={folder / 'auth'}"],
        cwd=REPO, env={**os.environ, "RUST_LOG": "warn"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    assert "listening on" in line, f"the server did not start: {line!r}"
    with grpc.insecure_channel(
        line.rsplit(" ", 1)[1].strip(), options=[("grpc.max_receive_message_length", 64 << 20)]
    ) as channel:
        channel.folder = folder
        yield channel
    process.terminate()
    assert process.wait(timeout=20) == 0


def click(api, channel, session, label, position):
    prompt = api.prompts.Prompt(
        click=api.prompts.Click(
            position=api.geometry.Point(x=position[0], y=position[1], z=position[2]),
            polarity=api.prompts.POLARITY_POSITIVE,
        )
    )
    request = api.segmentation.AddPromptsRequest(session_id=session, label_id=label, prompts=[prompt], mask_only=True)
    return next(iter(api.segmentation_grpc.SegmentationStub(channel).AddPrompts(request))).mask


def whole_mask(api, channel, session, label, shape):
    request = api.segmentation.GetMaskRequest(session_id=session, label_id=label)
    delta = api.segmentation_grpc.SegmentationStub(channel).GetMask(request).deltas[0]
    low, high = delta.box.min, delta.box.max
    size = (high.k - low.k, high.j - low.j, high.i - low.i)
    bits = np.unpackbits(np.frombuffer(zlib.decompress(delta.zlib_bits), np.uint8), bitorder="little")
    mask = np.zeros(shape, bool)
    mask[low.k : high.k, low.j : high.j, low.i : high.i] = bits[: np.prod(size)].reshape(size)
    return mask


def load(api, channel, study, series):
    request = api.pacs.LoadFromPacsRequest(pacs="main", study_uid=study, series_uid=series)
    events = list(api.pacs_grpc.PacsStub(channel).LoadFromPacs(request))
    assert events[-1].HasField("volume") and events[0].HasField("progress")
    return events[-1].volume, events


def test_find_load_segment_store_find_load_refine(api, pacs, server):
    stub = api.pacs_grpc.PacsStub(server)
    sessions = api.segmentation_grpc.SegmentationStub(server)
    assert list(stub.ListPacs(api.pacs.ListPacsRequest()).names) == ["main"]
    # Find.
    found = stub.FindSeries(api.pacs.FindSeriesRequest(pacs="main", patient_name="Pr*", modality="CT")).series
    assert len(found) == 1
    series = found[0]
    assert (series.patient_name, series.instances) == ("Prüfling^Ä", len(pacs.slices))
    # Load.
    volume, events = load(api, server, series.study_uid, series.series_uid)
    assert events[-2].progress.of_instances == len(pacs.slices)
    assert volume.frame_of_reference_uid == pacs.slices[0].FrameOfReferenceUID
    size = (volume.grid.size.i, volume.grid.size.j, volume.grid.size.k)
    assert size == pacs.image.GetSize()
    # Segment, from one click in the middle of the lesion.
    session = sessions.OpenSession(
        api.segmentation.OpenSessionRequest(volume_ids=[volume.volume_id], engine="geodesic")
    ).session_id
    label = sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="Rundherd")).label_id
    distance = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(sitk.GetImageFromArray(pacs.lesion.astype(np.uint8)), insideIsPositive=True)
    )
    k, j, i = np.unravel_index(distance.argmax(), distance.shape)
    centre = pacs.image.TransformIndexToPhysicalPoint([int(i), int(j), int(k)])
    click(api, server, session, label, centre)
    mask = whole_mask(api, server, session, label, pacs.lesion.shape)
    assert mask.any()
    # Store.
    formats = [api.export.EXPORT_FORMAT_DICOM_SR, api.export.EXPORT_FORMAT_DICOM_RTSTRUCT]
    stored = stub.StoreToPacs(api.pacs.StoreToPacsRequest(session_id=session, pacs="main", formats=formats)).objects
    assert [o.format for o in stored] == [
        api.export.EXPORT_FORMAT_DICOM_SEG,
        api.export.EXPORT_FORMAT_DICOM_SR,
        api.export.EXPORT_FORMAT_DICOM_RTSTRUCT,
    ]
    # Find what was stored, with the PACS's own eyes and with ours.
    uids = {s.modality: s for s in stub.FindSeries(api.pacs.FindSeriesRequest(study_uid=series.study_uid)).series}
    assert {"CT", "SEG", "SR", "RTSTRUCT"} == set(uids)
    in_pacs = pacs.get(
        f"/dicom-web/studies/{series.study_uid}/series/{stored[0].series_uid}/instances/{stored[0].sop_instance_uid}",
        'multipart/related; type="application/dicom"; transfer-syntax=*',
    )
    body = in_pacs[in_pacs.index(b"\r\n\r\n") + 4 :]
    seg = hd.seg.Segmentation.from_dataset(pydicom.dcmread(io.BytesIO(body)))
    pixels = seg.get_pixels_by_source_instance(
        [s.SOPInstanceUID for s in pacs.slices], assert_missing_frames_are_empty=True
    )
    assert np.array_equal(pixels[..., 0] > 0, mask)
    assert seg.get_segment_description(1).segment_label == "Rundherd"
    # Load it again, in a new session, and refine it.
    for kind in ("SEG", "RTSTRUCT"):
        again = sessions.OpenSession(
            api.segmentation.OpenSessionRequest(volume_ids=[volume.volume_id], engine="geodesic")
        ).session_id
        loaded = stub.LoadMasksFromPacs(
            api.pacs.LoadMasksFromPacsRequest(
                session_id=again, pacs="main", study_uid=series.study_uid, series_uid=uids[kind].series_uid
            )
        )
        assert [entry.name for entry in loaded.labels] == ["Rundherd"]
        label = loaded.labels[0].label_id
        assert np.array_equal(whole_mask(api, server, again, label, mask.shape), mask), kind
        before = loaded.labels[0].voxels
        away = next(p for p in np.argwhere(pacs.lesion & ~mask)) if (pacs.lesion & ~mask).any() else (k, j, i)
        point = pacs.image.TransformIndexToPhysicalPoint([int(v) for v in reversed(away)])
        update = click(api, server, again, label, point)
        assert update.deltas[0].voxels != before or not (pacs.lesion & ~mask).any()


def test_only_named_servers_are_contacted(api, server):
    """Row 29: nothing that a request says becomes an address."""
    stub = api.pacs_grpc.PacsStub(server)
    for name in ("other", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "main@evil", "../main"):
        for call, request in [
            (stub.FindSeries, api.pacs.FindSeriesRequest(pacs=name)),
            (stub.StoreToPacs, api.pacs.StoreToPacsRequest(pacs=name, session_id="x")),
        ]:
            with pytest.raises(grpc.RpcError) as refused:
                call(request)
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
            assert "passwd" not in refused.value.details() and "127.0.0.1" not in refused.value.details()
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.LoadFromPacs(api.pacs.LoadFromPacsRequest(pacs="main", study_uid="../../x", series_uid="1.2")))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_loading_takes_at_most_twice_as_long_as_curl(api, pacs, server, tmp_path):
    """134 slices of 512²: the chest CT, repeated upwards."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    slices = write_series(tmp_path / "series", np.concatenate([pacs.voxels] * 3)[:134], pacs.affine, "CT")
    for path in (tmp_path / "series").iterdir():
        pacs.request("/instances", path.read_bytes())
    study, series = slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID
    token = base64.b64encode(f"{orthanc.USER}:{orthanc.PASSWORD}".encode()).decode()
    lines = [f'header = "Authorization: Basic {token}"', "silent", "fail"]
    lines += ['header = "Accept: multipart/related; type=application/octet-stream; transfer-syntax=*"']
    for n, ds in enumerate(slices):
        lines.append(f'url = "{pacs.root}/studies/{study}/series/{series}/instances/{ds.SOPInstanceUID}/frames/1"')
        lines.append(f'output = "{tmp_path / str(n)}"')
    (tmp_path / "curl").write_text("\n".join(lines))
    times = {"curl": [], "ours": []}
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(["curl", "--noproxy", "*", "--config", tmp_path / "curl"], check=True)
        times["curl"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        volume, _ = load(api, server, study, series)
        times["ours"].append(time.perf_counter() - begun)
        assert volume.grid.size.k == len(slices)
        api.volumes_grpc.VolumesStub(server).UnloadVolume(api.volumes.UnloadVolumeRequest(volume_id=volume.volume_id))
    print({name: [round(t, 2) for t in taken] for name, taken in times.items()})
    assert min(times["ours"]) <= 2 * min(times["curl"]), times
