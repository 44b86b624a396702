"""Our report of measurements under highdicom, with NumPy's own numbers."""

import highdicom as hd
import numpy as np
import pytest
from pydicom.sr.codedict import codes


@pytest.fixture
def report(made):
    return hd.sr.srread(made.folder / "sr.dcm")


def values_of(group):
    found = {}
    for m in group.get_measurements():
        key = m.derivation.meaning if m.derivation is not None else m.name.meaning
        found[key] = (m.value, m.unit.value, m.name)
    return found


def test_highdicom_reads_equal_values(made, report):
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 2
    ml = abs(np.linalg.det(made.affine[:3, :3])) / 1000
    for n, group in enumerate(groups, 1):
        values = made.values[made.labels == n].astype(float)
        found = values_of(group)
        volume = len(values) * ml
        assert found["Volume"][0] == pytest.approx(volume, rel=1e-9) and found["Volume"][1] == "ml"
        for key, expected in [
            ("Maximum", values.max()),
            ("Mean", values.mean()),
            ("Minimum", values.min()),
            ("Standard Deviation", values.std()),
        ]:
            assert found[key][0] == pytest.approx(expected, rel=1e-6, abs=1e-6), key
        if made.modality == "PT":
            assert found["Mean"][2].value == "126401" and found["Mean"][1] == "{SUVbw}g/ml"
            assert found["Metabolic Volume"][0] == pytest.approx(volume, rel=1e-9)
            assert found["Total Lesion Glycolysis"][0] == pytest.approx(volume * values.mean(), rel=1e-6)
            assert found["Peak Value Within ROI"][0] == pytest.approx(made.numbers[n - 1]["peak"], rel=1e-9)
        else:
            assert found["Mean"][2] == codes.DCM.XRayAttenuation
        assert group.finding_type == codes.SCT.Lesion
        assert group.tracking_identifier == f"lesion {n}"


def test_segments_are_referenced(made, report):
    seg = hd.seg.segread(made.folder / "seg.dcm")
    groups = report.content.get_volumetric_roi_measurement_groups()
    for n, group in enumerate(groups, 1):
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert list(np.atleast_1d(segment.referenced_segment_numbers)) == [n]
        assert group.tracking_uid == seg.get_segment_description(n).tracking_uid


def test_the_total_is_a_group_of_its_own(made, report):
    groups = report.content.get_image_measurement_groups()
    totals = [g for g in groups if g.tracking_identifier == "All lesions"]
    assert len(totals) == 1
    values = made.values[made.labels > 0].astype(float)
    found = values_of(totals[0])
    assert found["Maximum"][0] == pytest.approx(values.max(), rel=1e-6)
    if made.modality == "PT":
        ml = abs(np.linalg.det(made.affine[:3, :3])) / 1000
        assert found["Total Lesion Glycolysis"][0] == pytest.approx(values.sum() * ml, rel=1e-6)
