"""Our DICOM objects under dciodvfy, highdicom and pydicom."""

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.mark.parametrize("name", ["seg", "probability", "rtstruct", "sr"])
def test_dciodvfy_finds_no_error(made, conforms, name):
    errors, said = conforms(made.folder / f"{name}.dcm")
    assert not errors, "\n".join(errors)
    assert said


def test_the_segmentation_is_the_mask_voxel_for_voxel(made):
    seg = hd.seg.segread(made.folder / "seg.dcm")
    assert seg.segmentation_type == hd.seg.SegmentationTypeValues.BINARY
    assert seg.number_of_segments == 2
    sources = [s.SOPInstanceUID for s in made.slices]
    pixels = seg.get_pixels_by_source_instance(
        source_sop_instance_uids=sources, assert_missing_frames_are_empty=True, ignore_spatial_locations=False
    )
    for n in (1, 2):
        assert dice(pixels[..., n - 1] > 0, made.labels == n) == 1.0
    # No frame is empty.
    assert int(seg.NumberOfFrames) == sum(np.any(made.labels == n, axis=(1, 2)).sum() for n in (1, 2))


def test_the_segmentation_lies_where_the_image_lies(made):
    seg = hd.seg.segread(made.folder / "seg.dcm")
    volume = seg.get_volume(combine_segments=False)
    affine = volume.affine
    # highdicom's axes are (slice, row, column).
    used = np.nonzero(np.any(made.labels > 0, axis=(1, 2)))[0]
    for corner in [(0, 0, 0), (0, 60, 49), (len(volume.array) - 1, 3, 7)]:
        k, j, i = corner
        theirs = affine @ [k, j, i, 1]
        ours = made.affine @ [i, j, used[0] + k, 1]
        other = made.affine @ [i, j, used[-1] - k, 1]
        assert min(np.abs(theirs - ours).max(), np.abs(theirs - other).max()) < 1e-3
    assert seg.FrameOfReferenceUID == made.slices[0].FrameOfReferenceUID


def test_the_segmentation_says_what_it_is(made):
    seg = hd.seg.segread(made.folder / "seg.dcm")
    first = made.slices[0]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientWeight", "StudyInstanceUID"):
        assert getattr(seg, keyword) == getattr(first, keyword), keyword
    assert (seg.StudyDate, seg.StudyTime, seg.AccessionNumber) == ("20250102", "101112", "A-4711")
    segment = seg.get_segment_description(1)
    assert segment.segmented_property_category == codes.SCT.MorphologicallyAbnormalStructure
    assert segment.segmented_property_type == codes.SCT.Lesion
    assert segment.anatomic_regions[0] == codes.SCT.Lung
    assert segment.algorithm_type.value == "SEMIAUTOMATIC"
    assert segment.algorithm_identification.family == codes.DCM.ArtificialIntelligence
    assert "lesion-3 3.0.0" in segment.algorithm_identification.name
    assert "0123456789abcdef" in segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    assert len(segment.RecommendedDisplayCIELabValue) == 3
    assert segment.tracking_uid != seg.get_segment_description(2).tracking_uid


def test_pydicom_unpacks_the_same_bits(made):
    seg = pydicom.dcmread(made.folder / "seg.dcm")
    frames = seg.pixel_array
    where = {s.SOPInstanceUID: k for k, s in enumerate(made.slices)}
    assert frames.ndim == 3
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        n = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        k = where[source.ReferencedSOPInstanceUID]
        assert np.array_equal(frame > 0, made.labels[k] == n)
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        assert np.abs(position - np.array(made.slices[k].ImagePositionPatient, float)).max() < 1e-3


def test_probabilities_come_back_within_half_a_step(made):
    seg = hd.seg.segread(made.folder / "probability.dcm")
    assert seg.segmentation_type == hd.seg.SegmentationTypeValues.FRACTIONAL
    assert seg.segmentation_fractional_type.value == "PROBABILITY"
    pixels = seg.get_pixels_by_source_instance(
        source_sop_instance_uids=[s.SOPInstanceUID for s in made.slices],
        assert_missing_frames_are_empty=True,
        rescale_fractional=True,
    )
    expected = np.minimum(made.labels * 0.4, 1.0)
    assert np.abs(pixels[..., 0] - expected).max() <= 0.5 / 255 + 1e-6


def test_the_dictionary_holds_real_codes():
    """Every term is one of pydicom's dictionary, with the same meaning."""
    import re
    from pathlib import Path

    from pydicom.sr import _concepts_dict

    text = (Path(__file__).parents[2] / "src/dicom/codes.rs").read_text()
    text += (Path(__file__).parents[2] / "src/dicom/report/mod.rs").read_text()
    terms = re.findall(r'Code::(sct|dcm)\(\s*"(\d+)",\s*"([^"]+)"', text)
    assert len(terms) > 60
    known = {}
    for scheme in ("SCT", "DCM"):
        for entries in _concepts_dict.concepts[scheme].values():
            for value, (meaning, _) in entries.items():
                known.setdefault((scheme, value), set()).add(meaning.lower())
    for scheme, value, meaning in terms:
        if (scheme, value) == ("sct", "276214006"):
            continue  # "Finding category" of template 1411 is newer than the dictionary.
        assert meaning.lower() in known.get((scheme.upper(), value), set()), (scheme, value, meaning)
