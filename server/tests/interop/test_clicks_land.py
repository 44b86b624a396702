"""A click in LPS mm lands on the voxel that SimpleITK names, through the server, for any grid."""

import numpy as np
import pytest
import SimpleITK as sitk

GRIDS = 12
CLICKS = 45


def rotation(rng) -> np.ndarray:
    """A random rotation matrix."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def random_image(rng, number: int) -> sitk.Image:
    """Oblique, flipped and anisotropic by turns."""
    size = rng.integers(9, 40, 3)
    array = rng.normal(0, 200, size[::-1]).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(rng.uniform(0.4, 5.0, 3)))
    image.SetOrigin(tuple(rng.uniform(-300, 300, 3)))
    direction = rotation(rng) if number % 3 else np.eye(3)[rng.permutation(3)]
    if number % 2:
        direction = direction @ np.diag([1, -1, 1])
    image.SetDirection(direction.ravel())
    return image


@pytest.mark.parametrize("number", range(GRIDS))
def test_clicks_land_where_simpleitk_says(api, channel, root, number):
    rng = np.random.default_rng(number)
    image = random_image(rng, number)
    name = f"grid{number}." + ("nii.gz", "nrrd")[number % 2]
    sitk.WriteImage(image, str(root / name))
    image = sitk.ReadImage(str(root / name))  # the geometry as the file holds it

    volume = api.volumes_grpc.VolumesStub(channel).LoadFile(api.volumes.LoadFileRequest(path=name))
    grid = volume.grid
    assert (grid.size.i, grid.size.j, grid.size.k) == image.GetSize()
    steps = [np.array([p.x, p.y, p.z]) for p in (grid.origin, grid.step_i, grid.step_j, grid.step_k)]

    stub = api.segmentation_grpc.SegmentationStub(channel)
    opened = api.segmentation.OpenSessionRequest(volume_ids=[volume.volume_id], engine="geodesic")
    session = stub.OpenSession(opened).session_id
    label = stub.AddLabel(api.labels.AddLabelRequest(session_id=session, name="lesion")).label_id

    positions, prompts = [], []
    for _ in range(CLICKS):
        index = rng.uniform(-0.45, np.array(image.GetSize()) - 0.55)
        world = np.array(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))
        assert np.abs(steps[0] + steps[1] * index[0] + steps[2] * index[1] + steps[3] * index[2] - world).max() < 1e-3
        point = api.geometry.Point(x=world[0], y=world[1], z=world[2])
        positions.append(world)
        click = api.prompts.Click(position=point, polarity=api.prompts.POLARITY_POSITIVE)
        prompts.append(api.prompts.Prompt(click=click))
    request = api.segmentation.AddPromptsRequest(
        session_id=session,
        label_id=label,
        prompts=prompts,
        frame_of_reference_uid=volume.frame_of_reference_uid,
        mask_only=True,
    )
    events = list(stub.AddPrompts(request))
    placed = events[0].mask.prompts
    assert len(placed) == CLICKS
    for world, prompt in zip(positions, placed, strict=True):
        expected = image.TransformPhysicalPointToIndex(world.tolist())
        assert (prompt.voxel.i, prompt.voxel.j, prompt.voxel.k) == expected
    stub.CloseSession(api.segmentation.CloseSessionRequest(session_id=session))
