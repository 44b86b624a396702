//! Masks between parent and child.

use crate::IntakeError;
use crate::masks::{ReadMask, ReadMasks};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use isochrone_volume::{DAffine3, Grid, Mask, MaskDelta, VoxelBox};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The grid that masks are read onto, and its frame of reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Target {
    size: [usize; 3],
    /// As bits, so that not the last one changes.
    world_from_voxel: [u64; 12],
    pub(super) frame_of_reference: String,
}

impl Target {
    pub(super) fn new(grid: &Grid, frame_of_reference: &str) -> Self {
        Self {
            size: grid.size(),
            world_from_voxel: grid.world_from_voxel().to_cols_array().map(f64::to_bits),
            frame_of_reference: frame_of_reference.to_owned(),
        }
    }

    pub(super) fn grid(&self) -> Result<Arc<Grid>, IntakeError> {
        let columns = self.world_from_voxel.map(f64::from_bits);
        Ok(Arc::new(Grid::new(self.size, DAffine3::from_cols_array(&columns))?))
    }
}

/// Masks as text: box and packed bits of each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SentMasks {
    masks: Vec<SentMask>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SentMask {
    number: u32,
    name: String,
    min: [usize; 3],
    max: [usize; 3],
    zlib_bits: String,
}

impl SentMasks {
    pub(super) fn new(read: &ReadMasks) -> Self {
        let one = |read: &ReadMask| {
            let region = read.mask.bounding_box();
            let bits = if region.is_empty() { Vec::new() } else { MaskDelta::of_box(&read.mask, region).zlib_bits };
            let zlib_bits = STANDARD.encode(bits);
            SentMask { number: read.number, name: read.name.clone(), min: region.min, max: region.max, zlib_bits }
        };
        Self { masks: read.masks.iter().map(one).collect(), warnings: read.warnings.clone() }
    }

    /// What came, on the grid that was asked for; `None` if it is not what a child of ours sends.
    pub(super) fn masks(self, grid: &Arc<Grid>) -> Option<ReadMasks> {
        let mut masks = Vec::with_capacity(self.masks.len());
        for sent in self.masks {
            let mut mask = Mask::empty(grid.clone());
            let region = VoxelBox { min: sent.min, max: sent.max };
            if !region.is_empty() {
                let zlib_bits = STANDARD.decode(sent.zlib_bits).ok()?;
                MaskDelta { region, zlib_bits }.apply(&mut mask).ok()?;
            }
            masks.push(ReadMask { number: sent.number, name: sent.name, mask });
        }
        Some(ReadMasks { masks, warnings: self.warnings })
    }
}
