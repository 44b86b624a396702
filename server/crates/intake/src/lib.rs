//! Images in: NIfTI, NRRD and DICOM series, behind a gate, into volumes in LPS mm.
//!
//! | format | standard | what is read |
//! |---|---|---|
//! | NIfTI-1, NIfTI-2 | nifti1.h, nifti2.h (NIfTI DFWG) | one file, `.nii` or gzip; both byte orders; every real scalar type up to 64 bits |
//! | NRRD | "Definition of NRRD file format" (Teem), versions 1–5 | attached or detached header; `raw` or `gzip` |
//!
//! | DICOM series | PS3.3 CT, MR, PET; classic and enhanced | a folder, a zip archive, a list of files: see [`dicom`] |
//!
//! [`read`] and [`read_image`] are the whole interface: files and limits in, a [`Volume`] or one sentence out. The
//! content decides the format, not the file's name. A header is checked against the file, the limits and
//! itself before voxels are allocated, and compressed files are read to their checksum.
//! NIfTI's RAS becomes LPS here and nowhere else.
//!
//! ```no_run
//! use isochrone_intake::{ReadOptions, read};
//! let volume = read(std::path::Path::new("ct.nii.gz"), &ReadOptions::default())?;
//! println!("{:?} {:?}", volume.grid().size(), volume.modality());
//! # Ok::<(), isochrone_intake::IntakeError>(())
//! ```

pub mod dicom;
pub mod dicomweb;
mod error;
mod gate;
mod image;
mod isolate;
mod map;
pub mod masks;
mod meaning;
mod nifti;
mod nrrd;
mod scalar;
mod sniff;
mod stream;
pub mod suv;

pub use error::{FaultClass, IntakeError};
pub use gate::Limits;
pub use image::Image;
pub use isolate::{Child, Decoder, run_child};

use dicom::SeriesSummary;
use image::Opened;
use isochrone_volume::{Modality, Volume};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use suv::SuvOptions;

/// What the caller knows, wants and allows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// Scanner kind, if the reader said so; else the file says, or it is inferred from the values.
    pub modality: Option<Modality>,
    /// Which DICOM series: its UID, what [`SeriesSummary::choice`] says, or its number in the list from 1.
    pub series: Option<String>,
    /// Missing slices are left blank, with a warning, instead of refused.
    pub blank_gaps: bool,
    /// What to make of DICOM PET values.
    pub suv: SuvOptions,
    /// How much a file may ask for.
    pub limits: Limits,
}

/// Reads an image: a NIfTI or NRRD file, or a DICOM series (a folder, a zip archive, or one multi-frame file).
/// The volume's grid maps voxels `(i, j, k)` to LPS mm; its voxels keep their stored scalar type where
/// one scale fits all slices, with [`Volume::rescale`]. What a reader should know without being stopped is
/// in the origin's warnings.
///
/// A detached NRRD header may name one data file in its own folder; no other file is opened.
///
/// This decodes in the caller's own process: for files from outside use [`Decoder::child`].
///
/// # Errors
/// The file cannot be opened or read, is no image, uses a feature that is not read, holds more than one
/// frame or series, is damaged, cut short or beyond the limits, or has unusable geometry.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Volume, IntakeError> {
    Ok(read_image(&[path.to_owned()], options)?.volume)
}

/// As [`read`], from one path or from the files of a series, with what is known of the series.
///
/// # Errors
/// As [`read`].
pub fn read_image(paths: &[PathBuf], options: &ReadOptions) -> Result<Image, IntakeError> {
    open_image(paths, options)?.image()
}

/// The DICOM series that a folder, an archive or a list of files holds.
///
/// # Errors
/// A file cannot be opened, or a DICOM file is damaged.
pub fn list_series(paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<SeriesSummary>, IntakeError> {
    dicom::list(paths, options)
}

/// Everything up to the voxels.
pub(crate) fn open_image(paths: &[PathBuf], options: &ReadOptions) -> Result<Opened, IntakeError> {
    let [path] = paths else { return dicom::plan(paths, options).map(|plan| Opened::Series(Box::new(plan))) };
    if path.is_dir() || is_dicom(path)? {
        return dicom::plan(paths, options).map(|plan| Opened::Series(Box::new(plan)));
    }
    let (file, len) = open(path)?;
    match sniff::format(&file, len, path)? {
        sniff::Format::Nifti(stream, head) => {
            nifti::read(stream, head, len, options).map(|parts| Opened::Parts(Box::new(parts)))
        }
        sniff::Format::Nrrd => nrrd::read(file, len, path, options).map(|parts| Opened::Parts(Box::new(parts))),
    }
}

fn is_dicom(path: &Path) -> Result<bool, IntakeError> {
    let (file, _) = open(path)?;
    let mut head = Vec::new();
    file.take(132).read_to_end(&mut head).map_err(|e| IntakeError::Read(e.kind()))?;
    Ok(head.starts_with(b"PK\x03\x04") || dicom::looks_like(&head))
}

/// Opens a regular file and nothing else: a pipe or a device could block or never end.
pub(crate) fn open(path: &Path) -> Result<(File, u64), IntakeError> {
    let kind = |e: std::io::Error| IntakeError::Open(e.kind());
    let about = std::fs::metadata(path).map_err(kind)?;
    if !about.is_file() {
        return Err(IntakeError::NotAnImage("it is a device or a pipe"));
    }
    let file = File::open(path).map_err(kind)?;
    let len = file.metadata().map_err(kind)?.len();
    Ok((file, len))
}
