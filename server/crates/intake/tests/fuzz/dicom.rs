//! Good DICOM slices of 8×8, to be damaged.

fn element(group: u16, number: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut out = [group.to_le_bytes(), number.to_le_bytes()].concat();
    out.extend(vr);
    let pad = value.len() % 2;
    let length = value.len() + pad;
    if matches!(vr, b"OW" | b"OB" | b"SQ" | b"UN") {
        out.extend([0, 0]);
        out.extend(u32::try_from(length).unwrap().to_le_bytes());
    } else {
        out.extend(u16::try_from(length).unwrap().to_le_bytes());
    }
    out.extend(value);
    out.extend(std::iter::repeat_n(if vr == b"UI" { 0 } else { b' ' }, pad));
    out
}

/// A CT slice of 8×8 with a nested sequence; compressed pixel data holds one fragment.
fn slice(syntax: &str, pixels: Option<&[u8]>) -> Vec<u8> {
    let item = |content: &[u8]| {
        [&[0xFE, 0xFF, 0x00, 0xE0][..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat()
    };
    let inner = element(0x0008, 0x0100, b"SH", b"CODE");
    let native: Vec<u8> = (0..64i16).flat_map(i16::to_le_bytes).collect();
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    out.extend(element(2, 0x10, b"UI", syntax.as_bytes()));
    out.extend(element(0x0008, 0x0060, b"CS", b"PT"));
    out.extend(element(0x0008, 0x2218, b"SQ", &item(&element(0x0008, 0x2220, b"SQ", &item(&inner)))));
    out.extend(element(0x0020, 0x000E, b"UI", b"1.2.3"));
    out.extend(element(0x0020, 0x0032, b"DS", b"1\\2\\3"));
    out.extend(element(0x0020, 0x0037, b"DS", b"1\\0\\0\\0\\1\\0"));
    for (number, value) in [(0x02, 1u16), (0x10, 8), (0x11, 8), (0x100, 16), (0x101, 16), (0x102, 15), (0x103, 0)] {
        out.extend(element(0x0028, number, b"US", &value.to_le_bytes()));
    }
    out.extend(element(0x0028, 0x0030, b"DS", b"1\\1"));
    out.extend(element(0x0028, 0x1053, b"DS", b"2"));
    match pixels {
        None => out.extend(element(0x7FE0, 0x0010, b"OW", &native)),
        Some(coded) => {
            out.extend([0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
            out.extend(item(&[]));
            out.extend(item(coded));
            out.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        }
    }
    out
}

fn rle() -> Vec<u8> {
    let plane = |fill: u8| [vec![(1i8 - 64).cast_unsigned(), fill]].concat();
    let (high, low) = (plane(0), plane(7));
    let mut head = vec![0u8; 64];
    head[0] = 2;
    head[4] = 64;
    head[8] = 66;
    [head, high, low].concat()
}

/// JPEG-LS markers in front of arbitrary bits.
fn jpeg_ls() -> Vec<u8> {
    let markers = [0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 16, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0];
    let bits = (0..200u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x7F);
    markers.into_iter().chain(bits).collect()
}

/// Native, run-length coded, JPEG-LS, and implicit.
pub fn good() -> Vec<Vec<u8>> {
    vec![
        slice("1.2.840.10008.1.2.1", None),
        slice("1.2.840.10008.1.2.5", Some(&rle())),
        slice("1.2.840.10008.1.2.4.80", Some(&jpeg_ls())),
        slice("1.2.840.10008.1.2", None),
    ]
}
