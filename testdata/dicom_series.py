"""Writes a volume as a DICOM series of single slices: what a scanner would have sent.

For tests: there is no CT series with a lesion in a package registry, so they write their own.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
# SUV by body weight then is the voxel's value in Bq/mL divided by 1,000 (70 kg, 70 MBq at the scan's start).
PET = {
    "Units": "BQML",
    "DecayCorrection": "START",
    "CorrectedImage": ["DECY", "ATTN", "SCAT"],
    "CountsSource": "EMISSION",
    "SeriesType": ["STATIC", "IMAGE"],
    "FrameReferenceTime": "0",
    "ActualFrameDuration": "120000",
}


def write_series(folder, voxels, world_from_voxel, modality="CT", slope=1.0, intercept=0.0, changes=None):
    """Writes `voxels` [k, j, i] (stored integers) and returns the data sets in the order of k.

    `world_from_voxel` is 4×4, LPS mm. `changes` are attributes to set on every slice, by keyword.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.asarray(world_from_voxel, float)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    cosines = affine[:3, :3] / spacing
    normal = np.cross(cosines[:, 0], cosines[:, 1])
    study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    voxels = np.ascontiguousarray(voxels.astype("<i2" if voxels.min() < 0 else "<u2"))
    slices = []
    for k, pixels in enumerate(voxels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CLASSES[modality]
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.SOPClassUID, ds.SOPInstanceUID = CLASSES[modality], meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame_of_reference
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Prüfling^Ä", "P-17", "19700203", "F"
        ds.PatientWeight = "70"
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20250102", "101112", "S1", "A-4711"
        ds.SeriesDate, ds.SeriesTime = "20250102", "101200"
        ds.AcquisitionDate, ds.AcquisitionTime = "20250102", "101200"
        ds.ContentDate, ds.ContentTime = "20250102", "101300"
        ds.ReferringPhysicianName, ds.StudyDescription, ds.SeriesDescription = "", "Thorax", "axial"
        ds.PositionReferenceIndicator = ""
        ds.Modality, ds.Manufacturer, ds.SeriesNumber, ds.InstanceNumber = modality, "Test", 3, k + 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.ImagePositionPatient = [round(float(v), 9) for v in affine[:3, 3] + k * affine[:3, 2]]
        ds.ImageOrientationPatient = [round(float(v), 12) for v in [*cosines[:, 0], *cosines[:, 1]]]
        ds.PixelSpacing = [round(float(spacing[1]), 9), round(float(spacing[0]), 9)]
        ds.SliceThickness = round(float(abs(normal @ affine[:3, 2])), 6)
        ds.Rows, ds.Columns = pixels.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelRepresentation = int(voxels.dtype == np.dtype("<i2"))
        ds.RescaleSlope, ds.RescaleIntercept = str(slope), str(intercept)
        if modality == "PT":
            add_pet(ds, k, len(voxels))
        for keyword, value in (changes or {}).items():
            setattr(ds, keyword, value)
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OW"
        slices.append(ds)
    # Names that say nothing of the order.
    for ds in slices:
        ds.save_as(folder / f"{ds.SOPInstanceUID[-12:]}.dcm", enforce_file_format=True)
    return slices


def add_pet(ds, k, count):
    """What SUV follows from."""
    from pydicom.dataset import Dataset

    for keyword, value in PET.items():
        setattr(ds, keyword, value)
    ds.NumberOfSlices, ds.ImageIndex = count, k + 1
    dose = Dataset()
    dose.RadiopharmaceuticalStartTime = "101200"
    dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = "70000000", "6586.2"
    ds.RadiopharmaceuticalInformationSequence = [dose]
