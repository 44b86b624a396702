"""Files that are damaged, or made to do harm, and what the server must say to each.

`make(folder)` writes them all and returns the table: name → (gRPC code, part of the message). The good files among
them have the code `OK`. Numbers in brackets are the rows of the reliability list in docs/security.md, where one exists.
"""

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

EXPLICIT, DEFLATED, RLE, MPEG2 = (f"1.2.840.10008.1.2.{end}" for end in ("1", "1.99", "5", "4.100"))
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT"}


def element(group, number, vr, value):
    """One element in explicit VR little endian; a pair (length, bytes) lies about its length."""
    length, value = value if isinstance(value, tuple) else (None, value)
    value = value.encode() if isinstance(value, str) else value
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    length = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + vr
    return head + (struct.pack("<HI", 0, length) if vr in LONG else struct.pack("<H", length)) + value


def us(n):
    return struct.pack("<H", n)


def elements(n=0, series="1.2.3.4", position=None, size=8):
    """A good CT slice as a table: tag → (VR, value)."""
    where = position or f"0\\0\\{3 * n}"
    pixels = (np.arange(size * size) % 1000).astype("<i2").tobytes()
    return {
        (0x0008, 0x0016): (b"UI", CT), (0x0008, 0x0018): (b"UI", f"1.2.3.4.5.{n + 1}"), (0x0008, 0x0060): (b"CS", "CT"),
        (0x0010, 0x0010): (b"PN", "Secret^Patient"), (0x0010, 0x0020): (b"LO", "SECRET-ID"),
        (0x0020, 0x000D): (b"UI", "1.2.3"), (0x0020, 0x000E): (b"UI", series),
        (0x0020, 0x0032): (b"DS", where), (0x0020, 0x0037): (b"DS", "1\\0\\0\\0\\1\\0"),
        (0x0020, 0x0052): (b"UI", "1.2.3.9"),
        (0x0028, 0x0002): (b"US", us(1)), (0x0028, 0x0004): (b"CS", "MONOCHROME2"),
        (0x0028, 0x0010): (b"US", us(size)), (0x0028, 0x0011): (b"US", us(size)), (0x0028, 0x0030): (b"DS", "1\\1"),
        (0x0028, 0x0100): (b"US", us(16)), (0x0028, 0x0101): (b"US", us(16)), (0x0028, 0x0102): (b"US", us(15)),
        (0x0028, 0x0103): (b"US", us(1)), (0x0028, 0x1052): (b"DS", "-1024"), (0x0028, 0x1053): (b"DS", "1"),
        (0x7FE0, 0x0010): (b"OW", pixels),
    }  # fmt: skip


def dataset(table):
    return b"".join(element(*tag, vr, value) for tag, (vr, value) in sorted(table.items()))


def dicom(body, syntax=EXPLICIT):
    meta = element(2, 2, b"UI", CT) + element(2, 3, b"UI", "1.2.3.4.5.1") + element(2, 0x10, b"UI", syntax)
    return b"\0" * 128 + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


def slice_(changes=None, syntax=EXPLICIT, **of):
    table = elements(**of)
    for tag, value in (changes or {}).items():
        if value is None:
            del table[tag]
        else:
            table[tag] = value
    return dicom(dataset(table), syntax)


def nested(depth):
    """Sequences within sequences, of undefined length, in front of the pixels."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    start = struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF) + item
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    table = elements()
    head = {t: v for t, v in table.items() if t[0] < 9}
    rest = {t: v for t, v in table.items() if t[0] > 9}
    return dicom(dataset(head) + start * depth + end * depth + dataset(rest))


def fragments(*parts, end=True):
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(p)) + p for p in (b"", *parts))
    return (0xFFFFFFFF, items + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b""))


def nifti(size, datatype=4, bits=16, voxels=None, slope=1.0, change=None, dims=3):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, dims, *size, *[1] * (7 - len(size)))
    struct.pack_into("<hh", head, 70, datatype, bits)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<fff", head, 108, 352, slope, 0)
    struct.pack_into("<hh", head, 252, 0, 1)
    for row in range(3):
        struct.pack_into("<4f", head, 280 + 16 * row, *np.eye(4)[row])
    head[344:348] = b"n+1\0"
    if change:
        change(head)
    count = int(np.prod([min(n, 64) for n in size])) if voxels is None else 0
    return bytes(head) + (np.arange(count).astype("<i2").tobytes() if voxels is None else voxels)


def zeros(make_compressor, megabytes, head=b""):
    """Compressed zeros."""
    packer, chunk = make_compressor, bytes(1 << 20)
    return packer.compress(head) + b"".join(packer.compress(chunk) for _ in range(megabytes)) + packer.flush()


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def make(folder: Path):
    """Writes the corpus and returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {}

    def put(name, content, code, text=""):
        (folder / name).write_bytes(content)
        table[name] = (code, text)

    def series(name, slices, code, text=""):
        (folder / name).mkdir()
        for n, content in enumerate(slices):
            (folder / name / f"{n:03}").write_bytes(content)
        table[name] = (code, text)

    bad, damaged, large, choice = "INVALID_ARGUMENT", "DATA_LOSS", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"
    good = [slice_(n=n) for n in range(4)]
    series("good", good, "OK")
    put("good.nii", nifti((6, 5, 4)), "OK")
    # 1: headers that lie
    put("huge.nii", nifti((32767, 32767, 32767), voxels=b"\0" * 100), damaged, "32767×32767×32767")
    put("rows65535.dcm", slice_({(0x28, 0x10): (b"US", us(65535))}), bad, "Rows")
    put("rows-ul.dcm", slice_({(0x28, 0x10): (b"UL", struct.pack("<I", 0xFFFFFFF0))}), bad, "Rows")
    most = {(0x28, 0x10): (b"US", us(32768)), (0x28, 0x11): (b"US", us(32768))}
    put("rows32768.dcm", slice_(most), damaged, "32768×32768")
    put("frames-billion.dcm", slice_({(0x28, 0x08): (b"IS", "1000000000")}), damaged, "1000000000")
    put("frames-minus.dcm", slice_({(0x28, 0x08): (b"IS", "-5")}), bad, "NumberOfFrames")
    # 2: bombs
    gz = zlib.compressobj(1, zlib.DEFLATED, 31)
    put("bomb.nii.gz", zeros(gz, 729, nifti((900, 900, 900), 2, 8, voxels=b"")), large, "expands")
    body = dataset({t: v for t, v in elements().items() if t[0] != 0x7FE0})
    body += element(0x7FE0, 0x10, b"OW", (600 << 20, b""))
    packed = zeros(zlib.compressobj(1, zlib.DEFLATED, -15), 600, body)
    put("bomb-deflated.dcm", dicom(packed, DEFLATED), large, "expands")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("zeros", "w", force_zip64=True) as member:
            for _ in range(600):
                member.write(bytes(1 << 20))
    table["bomb.zip"] = (large, "expands")
    # 3: damage
    packed = gzip.compress(nifti((6, 5, 4)))
    put("crc.nii.gz", flipped(packed, len(packed) - 6), damaged, "damaged")
    put("cut.nii", nifti((6, 5, 4))[:400], damaged, "cut short")
    put("cut.dcm", good[0][:-40], damaged, "cut short")
    # 4 to 6: what is not read, geometry, values
    put("time.nii", nifti((6, 5, 4, 40), dims=4), bad, "40 frames")
    put("rgb.nii", nifti((6, 5, 4), 128, 24), bad, "RGB24")
    put("complex.nii", nifti((6, 5, 4), 32, 64), bad, "complex64")
    put("nan.nii", nifti((6, 5, 4), change=lambda h: struct.pack_into("<f", h, 280, float("nan"))), bad, "NaN")
    put("slope-na.dcm", slice_({(0x28, 0x1053): (b"DS", "NA")}), bad, "RescaleSlope")
    put("slope-zero.dcm", slice_({(0x28, 0x1053): (b"DS", "0")}), bad, "RescaleSlope")
    put("no-position.dcm", slice_({(0x20, 0x32): None}), bad, "ImagePositionPatient")
    put("orientation.dcm", slice_({(0x20, 0x37): (b"DS", "1\\0\\0\\1\\0\\0")}), bad, "ImageOrientationPatient")
    put("spacing.dcm", slice_({(0x28, 0x30): (b"DS", "0\\0")}), bad, "voxel side")
    # 7, 8: series
    series("mixed", good + [slice_(n=n, series="1.2.3.5", position=f"0\\0\\{n}") for n in range(3)], choice, "2 series")
    series("doubled", good + [slice_({(8, 0x18): (b"UI", "1.2.9")}, n=2)], bad, "lie where another one lies")
    series("gap", [*good, slice_(n=6)], choice, "missing")
    series("uneven", [*good, slice_(n=4, position="0\\0\\13.4")], bad, "distances vary")
    series("one-broken", [*good[:2], good[2][:-9], good[3]], damaged, "1 of 4 files")
    # 11: transfer syntaxes
    put("mpeg.dcm", slice_({(0x7FE0, 0x10): (b"OB", fragments(b"\0\0\1\xb3"))}, MPEG2), bad, "MPEG2")
    put("syntax.dcm", slice_(syntax="1.2.3.4"), bad, "transfer syntax")
    for name, end in {"jpeg": "4.50", "lossless": "4.70", "ls": "4.80", "2000": "4.90", "ht": "4.201"}.items():
        junk = (0x7FE0, 0x10), (b"OB", fragments(b"\xff\xd8" + bytes(range(1, 200))))
        put(f"junk-{name}.dcm", slice_(dict([junk]), f"1.2.840.10008.1.2.{end}"), damaged, "broken")
    # 13: parsers' ends
    put("nested-20.dcm", nested(10), "OK")
    put("nested-1500.dcm", nested(1500), bad, "sequences lie within each other")
    put("nested-100000.dcm", nested(100_000), bad, "sequences lie within each other")
    for vr in (b"OB", b"UN", b"UT"):
        lie = {(0x0009, 0x1001): (vr, (0xFFFFFFFE, b"x" * 20))}
        put(f"declared-4gib-{vr.decode().lower()}.dcm", slice_(lie), damaged, "declares 4294967294 bytes")
    # Two bytes over: a parser that reads whole numbers takes them for the next element.
    put("odd-number.dcm", slice_({(0x0009, 0x1001): (b"UL", bytes(10))}), bad, "10 bytes of numbers")
    put("rle-junk.dcm", slice_({(0x7FE0, 0x10): (b"OB", fragments(b"\xff" * 40))}, RLE), damaged, "broken")
    lie = struct.pack("<16I", 2, 64, 4_000_000_000, *[0] * 13) + b"\x7f" * 40
    put("rle-offsets.dcm", slice_({(0x7FE0, 0x10): (b"OB", fragments(lie))}, RLE), damaged, "broken")
    put("no-end.dcm", slice_({(0x7FE0, 0x10): (b"OB", fragments(b"\0" * 64, end=False))}, RLE), damaged, "ends within")
    put("samples0.dcm", slice_({(0x28, 2): (b"US", us(0))}), bad, "SamplesPerPixel")
    put("colour.dcm", slice_({(0x28, 2): (b"US", us(3)), (0x28, 4): (b"CS", "RGB")}), bad, "colour")
    put("palette.dcm", slice_({(0x28, 4): (b"CS", "PALETTE COLOR")}), bad, "colour")
    for allocated, text in {0: "BitsAllocated", 1: "one bit", 12: "BitsAllocated", 64: "BitsAllocated"}.items():
        put(f"bits{allocated}.dcm", slice_({(0x28, 0x100): (b"US", us(allocated))}), bad, text)
    put("stored32.dcm", slice_({(0x28, 0x101): (b"US", us(32)), (0x28, 0x102): (b"US", us(31))}), bad, "BitsStored")
    put("no-pixels.dcm", slice_({(0x7FE0, 0x10): None}), bad, "no DICOM image")
    put("garbage", bytes(range(256)) * 40, bad, "not a NIfTI, NRRD or DICOM image")
    put("empty", b"", bad, "empty")
    return table


if __name__ == "__main__":
    import sys

    for name, (code, text) in make(Path(sys.argv[1])).items():
        print(f"{name:24} {code:20} {text}")
