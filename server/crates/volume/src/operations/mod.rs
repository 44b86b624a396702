//! What a reader does to a whole mask: islands, holes, smoothing, sets, slices in between.
//!
//! Every operation takes a [`Mask`] and returns a new one ([`Edited`]); it works in the box that it can
//! affect and leaves the rest alone. Lengths are in mm. On a grid with gantry tilt, distances are measured
//! along its axes as if they stood at right angles.

mod distance;
mod holes;
mod interpolate;
mod islands;
mod parts;
mod sets;
mod smooth;

pub use holes::{Holes, fill_holes};
pub use interpolate::interpolate_slices;
pub use islands::{keep_island, remove_island};
pub use sets::{difference, intersection, union};
pub use smooth::{MAX_SMOOTHING_MM, smooth};

use crate::{Mask, VoxelBox};
use ndarray::ArrayView3;
use rayon::prelude::*;

/// What an operation made.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The new mask, on the same grid.
    pub mask: Mask,
    /// The smallest box outside which it equals the old one; empty if nothing changed.
    pub changed: VoxelBox,
}

const NOTHING: VoxelBox = VoxelBox { min: [0; 3], max: [0; 3] };

impl Edited {
    /// `mask` with new content `[k, j, i]` in a box that lies inside its grid.
    fn rewrite(mask: &Mask, region: &VoxelBox, content: ArrayView3<'_, bool>) -> Self {
        let mut after = sparse_copy(mask);
        let mut changed = NOTHING;
        let [i0, j0, k0] = region.min;
        let mut view = after.voxels_mut().slice_mut(region.slice());
        for ((k, mut slice), new) in view.outer_iter_mut().enumerate().zip(content.outer_iter()) {
            for ((j, mut row), new) in slice.outer_iter_mut().enumerate().zip(new.outer_iter()) {
                let differing = || row.iter().zip(&new).enumerate().filter(|(_, (a, b))| a != b).map(|(i, _)| i);
                let Some(first) = differing().next() else { continue };
                let last = differing().next_back().unwrap_or(first);
                row.assign(&new);
                let (j, k) = (j + j0, k + k0);
                changed = changed.union(&VoxelBox { min: [first + i0, j, k], max: [last + i0 + 1, j + 1, k + 1] });
            }
        }
        Self { mask: after, changed }
    }

    /// `mask` as it is.
    fn unchanged(mask: &Mask) -> Self {
        Self { mask: sparse_copy(mask), changed: NOTHING }
    }
}

/// A copy that touches only memory where something is set: fresh pages are zero already.
fn sparse_copy(mask: &Mask) -> Mask {
    const CHUNK: usize = 1 << 15;
    let mut copy = Mask::empty(mask.grid().clone());
    if let (Some(from), Some(to)) = (mask.voxels().as_slice(), copy.voxels_mut().as_slice_mut()) {
        to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| {
            // Without an early exit, so that it becomes SIMD.
            if from.iter().fold(false, |any, &v| any | v) {
                to.copy_from_slice(from);
            }
        });
    }
    copy
}

/// A box with `margin` voxels more on every side, cut to `size`.
fn grown(region: &VoxelBox, margin: [usize; 3], size: [usize; 3]) -> VoxelBox {
    let ([a, b, c], [x, y, z], [i, j, k]) = (region.min, region.max, margin);
    let min = [a.saturating_sub(i), b.saturating_sub(j), c.saturating_sub(k)];
    VoxelBox { min, max: [x + i, y + j, z + k] }.intersection(&VoxelBox::whole(size))
}
