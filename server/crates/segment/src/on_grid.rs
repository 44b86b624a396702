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
