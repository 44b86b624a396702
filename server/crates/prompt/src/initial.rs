use crate::rasterised::Runs;
use crate::{Meaning, Polarity, PromptError, Rasterised};
use isochrone_volume::{DAffine3, Grid, Mask, MaskDelta, VolumeError, VoxelBox};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A mask to start from, made elsewhere, on the volume's own grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InitialMask {
    /// A box of voxels of the volume and what is set in it.
    pub delta: MaskDelta,
}

impl InitialMask {
    /// From a mask on the volume's grid: its bounding box and content.
    #[must_use]
    pub fn of(mask: &Mask) -> Self {
        Self { delta: MaskDelta::of_box(mask, mask.bounding_box()) }
    }

    /// The voxels that are set. Within the delta's box the label is exactly these.
    ///
    /// # Errors
    /// A box that leaves the grid, damaged bits, or nothing set.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let region = self.delta.region;
        if region.intersection(&VoxelBox::whole(grid.size())) != region {
            return Err(VolumeError::Box(region.to_string()).into());
        }
        if region.is_empty() {
            return Err(PromptError::EmptyMask);
        }
        // Only the box is unpacked: a delta that applies to a mask as large as itself.
        let box_grid = Grid::new(region.size(), DAffine3::IDENTITY)?;
        let mut part = Mask::empty(Arc::new(box_grid));
        let content = VoxelBox::whole(region.size());
        MaskDelta { region: content, zlib_bits: self.delta.zlib_bits.clone() }.apply(&mut part)?;
        let [i0, j0, k0] = region.min;
        let mut runs = Runs::default();
        for (k, slice) in part.voxels().outer_iter().enumerate() {
            for (j, row) in slice.outer_iter().enumerate() {
                for_runs(row.iter().copied(), |range| runs.push(k + k0, j + j0, range.start + i0..range.end + i0));
            }
        }
        if runs.is_empty() {
            return Err(PromptError::EmptyMask);
        }
        Ok(Rasterised::new(Polarity::Positive, Meaning::Delineates, runs))
    }
}

/// Calls `found` for every run of true.
fn for_runs(row: impl Iterator<Item = bool>, mut found: impl FnMut(std::ops::Range<usize>)) {
    let mut start = None;
    let mut end = 0;
    for (i, set) in row.enumerate() {
        end = i + 1;
        match (set, start) {
            (true, None) => start = Some(i),
            (false, Some(first)) => {
                found(first..i);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(first) = start {
        found(first..end);
    }
}
