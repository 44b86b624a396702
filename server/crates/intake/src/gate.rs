//! The gate: what a header declares is checked against the file and the limits, in integers that
//! cannot overflow, before anything is allocated.

use crate::IntakeError;
use crate::scalar::ScalarType;
use isochrone_volume::Grid;

/// DEFLATE cannot expand further (RFC 1951: 258 bytes from 2 bits), so a gzip file that is
/// shorter than this fraction of its declared content is certainly cut short.
const DEFLATE_BOUND: u64 = 1032;

/// How much a file may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that the voxels of one volume may take. Default 4 GiB.
    pub max_voxel_bytes: u64,
    /// Largest ratio of voxel bytes to file bytes of a compressed volume. Default 200.
    pub max_expansion: u64,
    /// Volumes up to this many bytes may expand at any ratio: an honest label map of a whole body
    /// is nearly all zeros and shrinks a thousandfold. Default 512 MiB.
    pub free_expansion_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_voxel_bytes: 4 << 30, max_expansion: 200, free_expansion_bytes: 512 << 20 }
    }
}

/// Where the voxels lie, as far as can be known without reading them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored {
    /// As they are; this many bytes are left in the file.
    Plain(u64),
    /// In a gzip stream; the file has this many bytes.
    Gzip(u64),
}

/// Passes the voxels that a header declares, or names what speaks against them.
pub(crate) fn check(
    size: [u64; 3],
    scalar: ScalarType,
    stored: Stored,
    limits: &Limits,
) -> Result<[usize; 3], IntakeError> {
    let mut out = [0usize; 3];
    for (out, n) in out.iter_mut().zip(size) {
        *out = usize::try_from(n).unwrap_or(usize::MAX);
    }
    if size.iter().any(|&n| n == 0 || n > Grid::MAX_AXIS as u64) {
        let [i, j, k] = out;
        return Err(isochrone_volume::VolumeError::Size(i, j, k).into());
    }
    // At most 2¹⁵ per axis and 8 bytes a voxel: 2⁴⁸ at most.
    let bytes = size.iter().product::<u64>() * scalar.bytes();
    let found = match stored {
        Stored::Plain(left) => left,
        Stored::Gzip(file) => file.saturating_mul(DEFLATE_BOUND),
    };
    if bytes > found {
        return Err(IntakeError::Truncated { size, expected: bytes, found });
    }
    if bytes > limits.max_voxel_bytes {
        return Err(IntakeError::TooLarge(format!(
            "its voxels take {}, beyond the limit of {} set by your site. Crop it, or ask for a higher limit",
            human(bytes),
            human(limits.max_voxel_bytes)
        )));
    }
    if let Stored::Gzip(file) = stored
        && bytes > limits.free_expansion_bytes
        && bytes > file.saturating_mul(limits.max_expansion)
    {
        return Err(IntakeError::TooLarge(format!(
            "it expands {} times to {}, beyond the {}:1 that your site allows above {}. Crop it, or save it uncompressed",
            bytes / file.max(1),
            human(bytes),
            limits.max_expansion,
            human(limits.free_expansion_bytes)
        )));
    }
    Ok(out)
}

/// Bytes in binary units, for people.
pub(crate) fn human(bytes: u64) -> String {
    let units = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = (bytes as f64 / *unit as f64 * 10.0).round() / 10.0;
            format!("{tenths} {name}")
        }
        None => format!("{bytes} bytes"),
    }
}
