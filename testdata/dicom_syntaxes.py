"""Rewrites a DICOM series of single slices in another transfer syntax, or as one enhanced multi-frame image."""

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, generate_uid

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99"))
RLE, JPEG_BASELINE, JPEG_LOSSLESS, JPEG_LOSSLESS_1 = (
    f"1.2.840.10008.1.2.{end}" for end in ("5", "4.50", "4.57", "4.70")
)
JPEG_LS, JPEG_LS_NEAR, J2K, J2K_LOSSY, HTJ2K, HTJ2K_RPCL = (
    f"1.2.840.10008.1.2.4.{end}" for end in ("80", "81", "90", "91", "201", "202")
)
UNCOMPRESSED = [IMPLICIT, EXPLICIT, BIG, DEFLATED]
LOSSLESS = [RLE, JPEG_LOSSLESS, JPEG_LOSSLESS_1, JPEG_LS, J2K, HTJ2K, HTJ2K_RPCL]
LOSSY = [JPEG_BASELINE, JPEG_LS_NEAR, J2K_LOSSY]


def rle(pixels):
    from pydicom.pixels.encoders import RLELosslessEncoder

    return RLELosslessEncoder.encode(
        pixels.tobytes(), rows=pixels.shape[0], columns=pixels.shape[1], samples_per_pixel=1, number_of_frames=1,
        bits_allocated=8 * pixels.itemsize, bits_stored=8 * pixels.itemsize, pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )  # fmt: skip


ENCODERS = {
    RLE: rle,
    JPEG_BASELINE: lambda p: imagecodecs.jpeg8_encode(p, level=95),
    JPEG_LOSSLESS: imagecodecs.ljpeg_encode,
    JPEG_LOSSLESS_1: imagecodecs.ljpeg_encode,
    JPEG_LS: lambda p: imagecodecs.jpegls_encode(p),
    JPEG_LS_NEAR: lambda p: imagecodecs.jpegls_encode(p, level=3),
    J2K: lambda p: imagecodecs.jpeg2k_encode(p, reversible=True, codecformat="j2k", level=0),
    J2K_LOSSY: lambda p: imagecodecs.jpeg2k_encode(p, codecformat="j2k", level=70),
    HTJ2K: lambda p: imagecodecs.htj2k_encode(p),
    HTJ2K_RPCL: lambda p: imagecodecs.htj2k_encode(p),
}
DECODERS = {
    JPEG_BASELINE: imagecodecs.jpeg8_decode,
    JPEG_LS_NEAR: imagecodecs.jpegls_decode,
    J2K_LOSSY: imagecodecs.jpeg2k_decode,
}


def rewrite(slices, folder, syntax):
    """Saves the slices in a transfer syntax."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, ds in enumerate(slices):
        pixels = ds.pixel_array
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        path = folder / f"{(7 * n) % 97:02}_{n}"
        if syntax in UNCOMPRESSED:
            little = syntax != BIG
            ds.PixelData = pixels.astype(pixels.dtype.newbyteorder("<" if little else ">")).tobytes()
            ds["PixelData"].VR = "OW"
            dcmwrite(path, ds, implicit_vr=syntax == IMPLICIT, little_endian=little, force_encoding=True)
            continue
        ds.PixelData = encapsulate([ENCODERS[syntax](np.ascontiguousarray(pixels))])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        ds.save_as(path, enforce_file_format=True)


def enhanced(slices, path, shuffle=None, instances=1, per_frame_rescale=None):
    """Saves the slices as enhanced CT, frames in the order of `shuffle`, parted over `instances` (a concatenation)."""
    order = list(range(len(slices)) if shuffle is None else shuffle)
    path.mkdir(parents=True, exist_ok=True)
    concatenation = generate_uid()
    for part in range(instances):
        frames = order[part * len(order) // instances : (part + 1) * len(order) // instances]
        first = slices[0]
        ds = Dataset()
        ds.update(first)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
                        "RescaleSlope", "RescaleIntercept", "PixelData"):  # fmt: skip
            delattr(ds, keyword)
        ds.file_meta = first.file_meta
        ds.preamble = b"\0" * 128
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.file_meta.TransferSyntaxUID = UID(EXPLICIT)
        ds.NumberOfFrames = len(frames)
        if instances > 1:
            ds.ConcatenationUID, ds.InConcatenationNumber = concatenation, part + 1
        shared = Dataset()
        orientation, measures, values = Dataset(), Dataset(), Dataset()
        orientation.ImageOrientationPatient = first.ImageOrientationPatient
        measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, first.SliceThickness
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = (
            first.RescaleSlope, first.RescaleIntercept, "HU",
        )  # fmt: skip
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
        if per_frame_rescale is None:
            shared.PixelValueTransformationSequence = [values]
        ds.SharedFunctionalGroupsSequence = [shared]
        items = []
        for n in frames:
            item, position, content = Dataset(), Dataset(), Dataset()
            position.ImagePositionPatient = slices[n].ImagePositionPatient
            content.StackID, content.InStackPositionNumber = "1", n + 1
            item.PlanePositionSequence, item.FrameContentSequence = [position], [content]
            if per_frame_rescale is not None:
                own = Dataset()
                own.RescaleSlope, own.RescaleIntercept, own.RescaleType = str(per_frame_rescale[n]), "0", "US"
                item.PixelValueTransformationSequence = [own]
            items.append(item)
        ds.PerFrameFunctionalGroupsSequence = items
        ds.PixelData = b"".join(slices[n].PixelData for n in frames)
        ds["PixelData"].VR = "OW"
        ds.save_as(path / f"part{part}.dcm", enforce_file_format=True)
