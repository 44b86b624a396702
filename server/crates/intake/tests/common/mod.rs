//! Builders of NIfTI and NRRD files, byte by byte.
#![allow(dead_code, clippy::indexing_slicing, clippy::unwrap_used)]

use flate2::{Compression, write::GzEncoder};
use isochrone_intake::{IntakeError, ReadOptions, read};
use isochrone_volume::Volume;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

/// A NIfTI-1 file; change fields through `put`.
#[derive(Clone)]
pub struct Nifti {
    pub header: Vec<u8>,
    pub voxels: Vec<u8>,
}

impl Nifti {
    /// int16, sform and qform agree: 1×2×3 mm, origin (10, 20, 30) RAS; voxel n holds n.
    pub fn new(size: [i16; 3]) -> Self {
        let mut new = Self { header: vec![0; 352], voxels: Vec::new() };
        new.put(0, 348i32.to_le_bytes());
        for (n, v) in [3, size[0], size[1], size[2], 1, 1, 1, 1].into_iter().enumerate() {
            new.put(40 + 2 * n, v.to_le_bytes());
        }
        new.datatype(4, 16);
        for (n, v) in [1.0f32, 1.0, 2.0, 3.0].into_iter().enumerate() {
            new.put(76 + 4 * n, v.to_le_bytes());
        }
        new.f32(108, 352.0).f32(112, 1.0);
        new.header[123] = 2;
        new.put(252, 1i16.to_le_bytes()).put(254, 1i16.to_le_bytes());
        for (n, v) in [10.0f32, 20.0, 30.0].into_iter().enumerate() {
            new.f32(268 + 4 * n, v).f32(280 + 16 * n + 12, v).f32(280 + 16 * n + 4 * n, n as f32 + 1.0);
        }
        new.header[344..348].copy_from_slice(b"n+1\0");
        let count = size.iter().map(|&n| n.max(0) as usize).product::<usize>().min(100_000);
        new.voxels = (0..count).flat_map(|n| (n as i16).to_le_bytes()).collect();
        new
    }

    pub fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> &mut Self {
        self.header[at..at + N].copy_from_slice(&bytes);
        self
    }

    pub fn f32(&mut self, at: usize, v: f32) -> &mut Self {
        self.put(at, v.to_le_bytes())
    }

    pub fn i16(&mut self, at: usize, v: i16) -> &mut Self {
        self.put(at, v.to_le_bytes())
    }

    pub fn datatype(&mut self, code: i16, bits: i16) -> &mut Self {
        self.i16(70, code).i16(72, bits)
    }

    /// Only the qform is left, or neither.
    pub fn codes(&mut self, qform: i16, sform: i16) -> &mut Self {
        self.i16(252, qform).i16(254, sform)
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.voxels].concat()
    }
}

/// A changed copy of the good NIfTI file of 6×5×4 voxels.
pub fn nifti(change: impl FnOnce(&mut Nifti)) -> Vec<u8> {
    let mut file = Nifti::new([6, 5, 4]);
    change(&mut file);
    file.bytes()
}

/// A NIfTI-2 file of 6×5×4 int16; `change` sees the 544 header bytes.
pub fn nifti2(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut h = vec![0u8; 544];
    h[0..4].copy_from_slice(&540i32.to_le_bytes());
    h[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
    h[12..14].copy_from_slice(&4i16.to_le_bytes());
    h[14..16].copy_from_slice(&16i16.to_le_bytes());
    for (n, v) in [3i64, 6, 5, 4, 1, 1, 1, 1].into_iter().enumerate() {
        h[16 + 8 * n..24 + 8 * n].copy_from_slice(&v.to_le_bytes());
    }
    h[168..176].copy_from_slice(&544i64.to_le_bytes());
    h[348..352].copy_from_slice(&1i32.to_le_bytes());
    for n in 0..3 {
        h[400 + 40 * n..408 + 40 * n].copy_from_slice(&(n as f64 + 1.0).to_le_bytes());
    }
    change(&mut h);
    h.extend((0..120i16).flat_map(i16::to_le_bytes));
    h
}

/// The lines of a good NRRD header (6×5×4 int16, raw, LPS), which `change` may edit.
pub fn nrrd(change: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
    let lines = [
        "NRRD0004",
        "type: short",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: 6 5 4",
        "space directions: (1,0,0) (0,2,0) (0,0,3)",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (10,20,30)",
    ];
    let mut lines: Vec<String> = lines.map(str::to_owned).to_vec();
    change(&mut lines);
    let mut bytes = (lines.join("\n") + "\n\n").into_bytes();
    bytes.extend((0..120i16).flat_map(i16::to_le_bytes));
    bytes
}

/// Sets, replaces or (with an empty value) removes a field.
pub fn set(lines: &mut Vec<String>, field: &str, value: &str) {
    lines.retain(|l| !l.starts_with(&format!("{field}:")));
    if !value.is_empty() {
        lines.push(format!("{field}: {value}"));
    }
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A NRRD header with its voxels as one gzip stream.
pub fn nrrd_gz() -> Vec<u8> {
    let mut bytes = nrrd(|l| set(l, "encoding", "gzip"));
    let voxels = bytes.split_off(bytes.len() - 240);
    bytes.extend(gz(&voxels));
    bytes
}

pub fn place(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

pub fn load_with(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Volume, IntakeError> {
    let (_folder, path) = place(name, bytes);
    read(&path, options)
}

pub fn load(name: &str, bytes: &[u8]) -> Result<Volume, IntakeError> {
    load_with(name, bytes, &ReadOptions::default())
}
