//! Masks on other grids.

use isochrone_volume::{Grid, Mask, VoxelBox, resample};
use ndarray::Array3;

/// The part of a mask inside `content` (a box outside which it is empty), resampled linearly to
/// `grid`: true from one half. `[k, j, i]`.
#[must_use]
pub fn mask_on_grid(mask: &Mask, content: &VoxelBox, grid: &Grid) -> Array3<bool> {
    let from = mask.grid();
    let content = content.intersection(&resample::footprint(from, grid));
    let empty = || Array3::from_elem(grid.shape(), false);
    if content.is_empty() {
        return empty();
    }
    let region = widened(&content, from, grid);
    let Ok(part) = from.crop(&region) else { return empty() };
    let values = mask.voxels().slice(region.slice()).map(|&v| if v { 1.0f32 } else { 0.0 });
    resample::to_grid(values.view(), &part, grid, 0.0).map(|&v| v >= 0.5)
}

/// The box and the voxels that a filter of `grid`'s voxel size mixes with it, cut to `from`.
fn widened(content: &VoxelBox, from: &Grid, grid: &Grid) -> VoxelBox {
    let coarsest = grid.spacing_mm().into_iter().fold(0.0, f64::max);
    let margin = from.spacing_mm().map(|s| (coarsest / s).ceil().max(1.0) as usize + 1);
    grown(content, margin, from.size())
}

/// The box with `margin` voxels more on every side, cut to `size`.
pub(crate) fn grown(region: &VoxelBox, margin: [usize; 3], size: [usize; 3]) -> VoxelBox {
    let ([a, b, c], [x, y, z], [di, dj, dk]) = (region.min, region.max, margin);
    let min = [a.saturating_sub(di), b.saturating_sub(dj), c.saturating_sub(dk)];
    VoxelBox { min, max: [x + di, y + dj, z + dk] }.intersection(&VoxelBox::whole(size))
}

/// The smallest box inside `within` that holds every voxel of the mask there; empty if there is none.
#[must_use]
pub fn content_box(mask: &Mask, within: &VoxelBox) -> VoxelBox {
    let within = within.intersection(&VoxelBox::whole(mask.grid().size()));
    let [i0, j0, k0] = within.min;
    let mut found = VoxelBox { min: [0; 3], max: [0; 3] };
    if within.is_empty() {
        return found;
    }
    for (k, slice) in mask.voxels().slice(within.slice()).outer_iter().enumerate() {
        for (j, row) in slice.rows().into_iter().enumerate() {
            // Without an early exit, so that it becomes SIMD.
            if !row.iter().fold(false, |any, &v| any | v) {
                continue;
            }
            let first = row.iter().position(|v| *v).unwrap_or_default();
            let end = row.len() - row.iter().rev().position(|v| *v).unwrap_or_default();
            let here = VoxelBox { min: [i0 + first, j0 + j, k0 + k], max: [i0 + end, j0 + j + 1, k0 + k + 1] };
            found = found.union(&here);
        }
    }
    found
}
