"""Our `.seg.nrrd` under pynrrd and slicerio."""

import nrrd
import numpy as np
import slicerio


def test_slicerio_reads_names_colours_terms_and_voxels(made):
    found = slicerio.read_segmentation(str(made.folder / "labels.seg.nrrd"))
    # Arrays of pynrrd are [i, j, k].
    assert np.array_equal(found["voxels"].T, made.labels)
    assert [s["name"] for s in found["segments"]] == ["lesion 1", "lesion 2"]
    assert [s["labelValue"] for s in found["segments"]] == [1, 2]
    colours = [tuple(s["color"]) for s in found["segments"]]
    assert len(set(colours)) == 2 and all(0 <= v <= 1 for c in colours for v in c)
    first = found["segments"][0]
    assert first["status"] == "completed"
    assert first["terminology"]["category"] == ["SCT", "49755003", "Morphologically Abnormal Structure"]
    assert first["terminology"]["type"] == ["SCT", "52988006", "Lesion"]
    assert first["terminology"]["anatomicRegion"] == ["SCT", "39607008", "Lung"]


def test_pynrrd_reads_geometry_and_extents(made):
    voxels, header = nrrd.read(str(made.folder / "labels.seg.nrrd"))
    assert header["space"] == "left-posterior-superior"
    assert np.allclose(header["space origin"], made.affine[:3, 3], atol=1e-6)
    assert np.allclose(header["space directions"].T, made.affine[:3, :3], atol=1e-6)
    for n in (0, 1):
        extent = np.array(header[f"Segment{n}_Extent"].split(), int).reshape(3, 2)
        places = np.argwhere(voxels == n + 1)
        assert np.array_equal(extent[:, 0], places.min(axis=0)) and np.array_equal(extent[:, 1], places.max(axis=0))
