//! Random damage to a good DICOM slice: an answer, quickly, and never a panic. What once made trouble stays in
//! `tests/corpus`, and every file there is read first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use isochrone_intake::{Limits, ReadOptions, read_image};
use proptest::prelude::*;
use std::time::{Duration, Instant};

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

fn good() -> [Vec<u8>; 4] {
    [
        slice("1.2.840.10008.1.2.1", None),
        slice("1.2.840.10008.1.2.5", Some(&rle())),
        slice("1.2.840.10008.1.2.4.80", Some(&jpeg_ls())),
        slice("1.2.840.10008.1.2", None),
    ]
}

fn load(bytes: &[u8]) -> Result<isochrone_intake::Image, isochrone_intake::IntakeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slice");
    std::fs::write(&path, bytes).unwrap();
    let limits = Limits { max_voxel_bytes: 64 << 20, ..Limits::default() };
    read_image(&[path], &ReadOptions { limits, ..ReadOptions::default() })
}

#[test]
fn the_undamaged_ones_are_read() {
    let [native, rle, ..] = good();
    let image = load(&native).unwrap();
    assert_eq!(image.volume.value([3, 1, 0]), Some(22.0));
    assert_eq!(image.series.unwrap().slices.len(), 1);
    assert_eq!(load(&rle).unwrap().volume.value([5, 5, 0]), Some(14.0));
}

#[test]
fn the_kept_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = load(&std::fs::read(file.path()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_slices(
        which in 0usize..4,
        writes in prop::collection::vec((0.0f64..1.0, any::<u8>()), 1..6),
        cut in prop::option::weighted(0.3, 0.0f64..1.0),
    ) {
        let mut bytes = good()[which].clone();
        for (at, value) in writes {
            // The preamble says nothing.
            let at = 132 + ((bytes.len() - 132) as f64 * at) as usize;
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((bytes.len() as f64 * cut) as usize);
        }
        let started = Instant::now();
        let _ = load(&bytes);
        prop_assert!(started.elapsed() < Duration::from_secs(5));
    }
}
