//! NIfTI-1 and NIfTI-2 in one file (nifti1.h and nifti2.h of the NIfTI Data Format Working Group).

mod affine;
mod header;

use crate::gate::{self, Stored, human};
use crate::image::Parts;
use crate::sniff::Head;
use crate::stream::Stream;
use crate::{IntakeError, ReadOptions, meaning};
use header::Header;
use isochrone_volume::{Grid, Rescale};

/// Length of a NIfTI-1 header; a NIfTI-2 header is longer and is read in two steps.
pub(crate) const HEAD_BYTES: usize = 348;
const HEAD2_BYTES: usize = 540;
/// Header extensions of a compressed file are inflated and left out up to this size.
const MAX_EXTENSION_BYTES: u64 = 64 << 20;

/// Version and byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) version: u8,
    pub(crate) big_endian: bool,
}

/// What the first [`HEAD_BYTES`] bytes of a file say; `None` if it is not NIfTI.
pub(crate) fn dialect(bytes: &[u8]) -> Result<Option<Dialect>, IntakeError> {
    let Some(dialect) = dialect_by_size(bytes).filter(|_| bytes.len() >= HEAD_BYTES) else { return Ok(None) };
    let magic = if dialect.version == 1 { bytes.get(344..348) } else { bytes.get(4..12) };
    match magic.unwrap_or_default() {
        b"n+1\0" | b"n+2\0\r\n\x1a\n" => Ok(Some(dialect)),
        b"ni1\0" | b"ni2\0\r\n\x1a\n" => Err(IntakeError::unsupported(
            "The header half of a NIfTI .hdr/.img pair",
            "save the pair as one .nii or .nii.gz file",
        )),
        _ if dialect.version == 1 => Err(IntakeError::unsupported(
            "An Analyze 7.5 header (no NIfTI magic)",
            "it cannot tell left from right. Convert the original images to NIfTI",
        )),
        _ => Err(IntakeError::header("magic", "it is not that of NIfTI-2 (a text-mode transfer can spoil it)")),
    }
}

/// True for the beginning of a NIfTI header that ends too soon.
pub(crate) fn is_cut_head(bytes: &[u8]) -> bool {
    bytes.len() < HEAD_BYTES && dialect_by_size(bytes).is_some()
}

fn dialect_by_size(bytes: &[u8]) -> Option<Dialect> {
    let first = bytes.first_chunk::<4>()?;
    let of = |size: i32| match size {
        348 => Some(1),
        540 => Some(2),
        _ => None,
    };
    let little = of(i32::from_le_bytes(*first)).map(|version| Dialect { version, big_endian: false });
    little.or_else(|| of(i32::from_be_bytes(*first)).map(|version| Dialect { version, big_endian: true }))
}

/// Reads on from the head that [`crate::sniff`] found in a file of `len` bytes.
pub(crate) fn read(mut stream: Stream, head: Head, len: u64, options: &ReadOptions) -> Result<Parts, IntakeError> {
    let Head { mut bytes, dialect, gzip } = head;
    if dialect.version == 2 {
        let mut rest = vec![0u8; HEAD2_BYTES - HEAD_BYTES];
        if stream.fill(&mut rest)? < rest.len() {
            return Err(IntakeError::NotAnImage("it ends within the NIfTI header. Copy or export it again"));
        }
        bytes.extend(rest);
    }
    let header = Header::parse(&bytes, dialect)?;
    let scalar = header.scalar_type()?;
    let size = header.size()?;
    let offset = header.voxel_offset()?;
    let mut warnings = Vec::new();
    let rescale = header.rescale(&mut warnings)?;

    let stored = if gzip { Stored::Gzip(len) } else { Stored::Plain(len.saturating_sub(offset)) };
    let size = gate::check(size, scalar, stored, &options.limits)?;
    let grid = Grid::new(size, affine::world_from_voxel(&header, &mut warnings)?)?;

    let extensions = offset.saturating_sub(bytes.len() as u64);
    if gzip && extensions > MAX_EXTENSION_BYTES {
        return Err(IntakeError::header("vox_offset", format!("it leaves out {}", human(extensions))));
    }
    if !stream.skip(extensions)? {
        return Err(IntakeError::header("vox_offset", "it lies past the end of the file"));
    }
    let (voxels, stats) = scalar.read(&mut stream, size, dialect.big_endian)?;
    let surplus = stream.finish()?;
    if surplus > 0 {
        warnings.push(format!("The file goes on for {} past its voxels; they were left out", human(surplus)));
    }
    let origin = meaning::origin(options.modality, scalar, rescale, stats, warnings);
    Ok(Parts { grid, voxels, rescale, origin })
}

/// `value = slope · stored + intercept`, by the standard's rules for `scl_slope`.
fn rescale(slope: f64, intercept: f64, warnings: &mut Vec<String>) -> Result<Rescale, IntakeError> {
    if slope == 0.0 {
        return Ok(Rescale::IDENTITY);
    }
    if !slope.is_finite() {
        warnings.push("scl_slope is NaN or infinite; the stored values were taken unscaled".to_owned());
        return Ok(Rescale::IDENTITY);
    }
    if !intercept.is_finite() {
        return Err(IntakeError::header("scl_inter", "it is NaN or infinite"));
    }
    Ok(Rescale { slope, intercept })
}
