use crate::mask::pack;
use crate::{Mask, VolumeError, VoxelBox};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// New content of a box of a mask: the wire form of every mask change, ours and the client's.
///
/// The box's voxels, `i` fastest, are packed eight to a byte with the lowest bit first and
/// compressed with zlib (RFC 1950), which Python, browsers and Rust all read without an extra package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskDelta {
    /// The box that is rewritten.
    pub region: VoxelBox,
    /// zlib stream of the packed bits; empty if the box is empty.
    pub zlib_bits: Vec<u8>,
}

/// Voxels that are packed together, whole bytes of them.
const PIECE: usize = 1 << 20;

impl MaskDelta {
    /// What turns `before` into `after`; both on one grid.
    #[must_use]
    pub fn between(before: &Mask, after: &Mask) -> Self {
        Self::of_box(after, after.changed_box(before))
    }

    /// The content of a box of `mask`, whatever it was before. The box is cut to the grid.
    #[must_use]
    pub fn of_box(mask: &Mask, region: VoxelBox) -> Self {
        let region = region.intersection(&VoxelBox::whole(mask.grid().size()));
        if region.is_empty() {
            return Self { region: VoxelBox { min: [0; 3], max: [0; 3] }, zlib_bits: Vec::new() };
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut bits: Vec<bool> = Vec::new();
        // Writing into a Vec cannot fail.
        let mut write = |bits: &[bool]| encoder.write_all(&pack(bits)).is_ok();
        for row in mask.voxels().slice(region.slice()).rows() {
            bits.extend_from_slice(row.as_slice().unwrap_or_default());
            if bits.len() >= PIECE {
                write(bits.get(..PIECE).unwrap_or_default());
                bits.drain(..PIECE);
            }
        }
        write(&bits);
        let mut zlib_bits = encoder.finish().unwrap_or_default();
        // Kept for long, as a step's snapshot.
        zlib_bits.shrink_to_fit();
        Self { region, zlib_bits }
    }

    /// Rewrites the box in `mask`.
    ///
    /// # Errors
    /// The box leaves the mask's grid, or the bits are damaged, too few or too many.
    pub fn apply(&self, mask: &mut Mask) -> Result<(), VolumeError> {
        if self.region.is_empty() {
            return Ok(());
        }
        if self.region.intersection(&VoxelBox::whole(mask.grid().size())) != self.region {
            return Err(VolumeError::Box(self.region.to_string()));
        }
        let bytes = self.region.voxel_count().div_ceil(8);
        let mut packed = Vec::with_capacity(bytes);
        ZlibDecoder::new(self.zlib_bits.as_slice())
            .take(bytes as u64 + 1)
            .read_to_end(&mut packed)
            .map_err(|e| VolumeError::Delta(e.to_string()))?;
        if packed.len() != bytes {
            return Err(VolumeError::Delta(format!("{} bytes where the box needs {bytes}", packed.len())));
        }
        let mut view = mask.voxels_mut().slice_mut(self.region.slice());
        for (n, voxel) in view.iter_mut().enumerate() {
            let set = packed.get(n / 8).is_some_and(|b| b >> (n % 8) & 1 == 1);
            // Memory in which nothing is set is not touched.
            if *voxel != set {
                *voxel = set;
            }
        }
        Ok(())
    }
}
