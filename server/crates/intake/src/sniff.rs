//! Which format a file is in, by its first bytes.

use crate::IntakeError;
use crate::nifti::{self, Dialect};
use crate::stream::Stream;
use std::fs::File;
use std::path::Path;

/// What to read on with.
pub(crate) enum Format {
    /// NIfTI: the stream stands after the bytes of the header that were looked at.
    Nifti(Stream, Head),
    /// NRRD.
    Nrrd,
}

/// The first bytes of a NIfTI file.
pub(crate) struct Head {
    /// [`nifti::HEAD_BYTES`] bytes.
    pub(crate) bytes: Vec<u8>,
    /// What they are.
    pub(crate) dialect: Dialect,
    /// True if they came out of a gzip stream.
    pub(crate) gzip: bool,
}

/// Looks at the first bytes of a file of `len` bytes.
pub(crate) fn format(file: &File, len: u64, path: &Path) -> Result<Format, IntakeError> {
    let again = || file.try_clone().map_err(|e| IntakeError::Read(e.kind()));
    let mut stream = Stream::plain(again()?, 0, len)?;
    let mut bytes = head(&mut stream)?;
    if bytes.starts_with(b"NRRD") {
        return Ok(Format::Nrrd);
    }
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    if gzip {
        stream = Stream::gzip(again()?, 0)?;
        bytes = head(&mut stream)?;
    }
    match nifti::dialect(&bytes)? {
        Some(dialect) => Ok(Format::Nifti(stream, Head { bytes, dialect, gzip })),
        None if gzip => Err(not_an_image_inside(&bytes, len)),
        None => Err(not_an_image(&bytes, path)),
    }
}

fn head(stream: &mut Stream) -> Result<Vec<u8>, IntakeError> {
    let mut bytes = vec![0u8; nifti::HEAD_BYTES];
    let got = stream.fill(&mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}

fn not_an_image(bytes: &[u8], path: &Path) -> IntakeError {
    let half = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("img"));
    IntakeError::NotAnImage(match bytes {
        [] => "it is empty. Copy or export it again",
        _ if bytes.starts_with(b"\x89HDF") || bytes.starts_with(b"CDF") => {
            "it is an HDF5, NetCDF or MINC file. Convert it to NIfTI"
        }
        _ if bytes.starts_with(b"ObjectType") => "it is a MetaImage header (.mha, .mhd). Convert it to NRRD or NIfTI",
        _ if nifti::is_cut_head(bytes) => "it ends within the NIfTI header. Copy or export it again",
        _ if half => "it looks like the voxel half of a .hdr/.img pair. Save the pair as one .nii or .nii.gz file",
        _ if is_text(bytes) => "it is a text file",
        _ => "its first bytes belong to neither format",
    })
}

fn not_an_image_inside(bytes: &[u8], len: u64) -> IntakeError {
    IntakeError::NotAnImage(match bytes {
        [] if len < 32 => "it is a gzip file that is cut short or empty. Copy or export it again",
        [] => "it is a gzip file with nothing in it. Copy or export it again",
        _ if bytes.starts_with(b"NRRD") => {
            "it is a gzip file with NRRD inside. Unpack it first; NRRD has its own gzip encoding"
        }
        _ if nifti::is_cut_head(bytes) => {
            "it is a gzip file that ends within the NIfTI header. Copy or export it again"
        }
        _ if is_text(bytes) => "it is a gzip file with text inside",
        _ => "it is a gzip file with something else inside",
    })
}

fn is_text(bytes: &[u8]) -> bool {
    // A character may be cut at the end.
    let utf8 = std::str::from_utf8(bytes).map_or_else(|e| e.error_len().is_none(), |_| true);
    utf8 && bytes.iter().all(|&b| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
}
