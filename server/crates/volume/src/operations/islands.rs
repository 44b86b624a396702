//! One connected part (26 neighbours) of a mask, by a voxel of it.

use super::parts::{Parts, Touching};
use super::{Edited, NOTHING};
use crate::{Mask, VolumeError, VoxelBox};
use ndarray::s;

/// The mask without the connected part (26 neighbours) that holds the voxel `(i, j, k)`.
///
/// # Errors
/// [`VolumeError::NotSet`] where the mask has nothing at the voxel.
pub fn remove_island(mask: &Mask, voxel: [usize; 3]) -> Result<Edited, VolumeError> {
    change(mask, voxel, false)
}

/// Only the connected part (26 neighbours) of the mask that holds the voxel `(i, j, k)`.
///
/// # Errors
/// [`VolumeError::NotSet`] where the mask has nothing at the voxel.
pub fn keep_island(mask: &Mask, voxel: [usize; 3]) -> Result<Edited, VolumeError> {
    change(mask, voxel, true)
}

fn change(mask: &Mask, [i, j, k]: [usize; 3], keep: bool) -> Result<Edited, VolumeError> {
    if !mask.contains([i, j, k]) {
        return Err(VolumeError::NotSet([i, j, k]));
    }
    let region = mask.bounding_box();
    let [i0, j0, k0] = region.min;
    let mut content = mask.voxels().slice(region.slice()).to_owned();
    let parts = Parts::new(content.view(), true, Touching::Corners);
    let Some(island) = parts.run_at([i - i0, j - j0, k - k0]).map(|run| parts.root(run)) else {
        return Err(VolumeError::NotSet([i, j, k]));
    };
    let mut emptied = NOTHING;
    for (n, run) in parts.runs.iter().enumerate() {
        if (parts.root(n) == island) != keep {
            content.slice_mut(s![run.k, run.j, run.start..run.end]).fill(false);
            emptied = emptied.union(&VoxelBox { min: [run.start, run.j, run.k], max: [run.end, run.j + 1, run.k + 1] });
        }
    }
    let part = content.slice(emptied.slice());
    let moved = |[i, j, k]: [usize; 3]| [i + i0, j + j0, k + k0];
    if emptied.is_empty() {
        return Ok(Edited::unchanged(mask));
    }
    Ok(Edited::rewrite(mask, &VoxelBox { min: moved(emptied.min), max: moved(emptied.max) }, part))
}
