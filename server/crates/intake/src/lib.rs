//! Image files in: NIfTI and NRRD, behind a header gate, into volumes in LPS mm.
//!
//! | format | standard | what is read |
//! |---|---|---|
//! | NIfTI-1, NIfTI-2 | nifti1.h, nifti2.h (NIfTI DFWG) | one file, `.nii` or gzip; both byte orders; every real scalar type up to 64 bits |
//! | NRRD | "Definition of NRRD file format" (Teem), versions 1–5 | attached or detached header; `raw` or `gzip` |
//!
//! [`read`] is the whole interface: a file and limits in, a [`Volume`] or one sentence out. The
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
pub mod masks;
mod meaning;
mod nifti;
mod nrrd;
mod scalar;
mod sniff;
mod stream;
pub mod suv;

pub use error::IntakeError;
pub use gate::Limits;

use isochrone_volume::{Modality, Volume};
use std::fs::File;
use std::path::Path;

/// What the caller knows and allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Scanner kind, if the reader said so; else it is inferred from the values.
    pub modality: Option<Modality>,
    /// How much a file may ask for.
    pub limits: Limits,
}

/// Reads an image file. The volume's grid maps voxels `(i, j, k)` to LPS mm; its voxels keep
/// their stored scalar type, with NIfTI's `scl_slope` and `scl_inter` as [`Volume::rescale`].
/// What a reader should know without being stopped is in the origin's warnings.
///
/// A detached NRRD header may name one data file in its own folder; no other file is opened.
///
/// **Seam.** This depends on nothing but its arguments and keeps no state, so that the server can
/// call it in a child process with an address-space limit and pass the volume back.
///
/// # Errors
/// The file cannot be opened or read, is no NIfTI or NRRD, uses a feature that is not read, holds
/// more than one frame, is damaged, cut short or beyond the limits, or has unusable geometry.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Volume, IntakeError> {
    let (file, len) = open(path)?;
    match sniff::format(&file, len, path)? {
        sniff::Format::Nifti(stream, head) => nifti::read(stream, head, len, options),
        sniff::Format::Nrrd => nrrd::read(file, len, path, options),
    }
}

/// Opens a regular file and nothing else: a pipe or a device could block or never end.
fn open(path: &Path) -> Result<(File, u64), IntakeError> {
    let kind = |e: std::io::Error| IntakeError::Open(e.kind());
    let about = std::fs::metadata(path).map_err(kind)?;
    if about.is_dir() {
        return Err(IntakeError::NotAnImage("it is a folder. Name one .nii, .nii.gz, .nrrd or .nhdr file in it"));
    }
    if !about.is_file() {
        return Err(IntakeError::NotAnImage("it is a device or a pipe"));
    }
    let file = File::open(path).map_err(kind)?;
    let len = file.metadata().map_err(kind)?.len();
    Ok((file, len))
}
