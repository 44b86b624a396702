//! Weighted uncertainty on a grid as fine as the working voxels.

use crate::ProposalError;
use crate::rank::{RankInput, RankOptions};
use isochrone_guidance::distance_transform;
use isochrone_segment::{content_box, mask_on_grid};
use isochrone_volume::{DAffine3, DVec3, Grid, resample};
use ndarray::{Array3, Axis as ArrayAxis, Zip};

/// `w · U` on a grid along the volume's axes.
pub(crate) struct Weighted {
    pub grid: Grid,
    /// `[k, j, i]`, nats; 0 outside the volume.
    pub values: Array3<f32>,
}

/// A map coarser than this is refined by at most this factor.
const MAX_REFINEMENT: f64 = 8.0;

impl Weighted {
    pub fn new(input: &RankInput<'_>, options: &RankOptions) -> Result<Self, ProposalError> {
        let grid = refined(input.uncertainty_grid, options.working_spacing_mm)?;
        let mut values = if grid == *input.uncertainty_grid {
            input.uncertainty.clone()
        } else {
            resample::to_grid(input.uncertainty.view(), input.uncertainty_grid, &grid, 0.0)
        };
        let volume = input.mask.grid();
        let content = content_box(input.mask, &resample::footprint(volume, &grid));
        let mask = mask_on_grid(input.mask, &content, &grid);
        if mask.iter().any(|set| *set) {
            let band = (options.band_voxels * options.working_spacing_mm) as f32;
            let [si, sj, sk] = grid.spacing_mm().map(|s| s as f32);
            let depth = |mask: &Array3<bool>| {
                distance_transform(mask.view(), [sk, sj, si], false).map_err(|e| ProposalError::Distance(e.to_string()))
            };
            let (inside, outside) = (depth(&mask)?, depth(&mask.map(|set| !set))?);
            // At any voxel one of the two is zero, the other the distance to the first voxel across the boundary.
            Zip::from(&mut values).and(&inside).and(&outside).for_each(|v, &inside, &outside| {
                if inside.max(outside) > band * 1.0001 {
                    *v *= options.elsewhere;
                }
            });
        }
        let volume_from_grid = volume.voxel_from_world() * grid.world_from_voxel();
        let last = DVec3::from(volume.size().map(|n| n as f64 - 0.5));
        for ((k, j, i), v) in values.indexed_iter_mut() {
            let p = volume_from_grid.transform_point3(DVec3::new(i as f64, j as f64, k as f64));
            if !v.is_finite() || p.cmplt(DVec3::splat(-0.5)).any() || p.cmpgt(last).any() {
                *v = 0.0;
            }
        }
        Ok(Self { grid, values })
    }

    /// Σ w·U × area over each plane across an axis of the array, nats · mm².
    pub fn profile(&self, axis: isochrone_volume::Axis) -> Vec<f64> {
        let [si, sj, sk] = self.grid.spacing_mm();
        let area = si * sj * sk / axis.of([si, sj, sk]);
        let planes = self.values.axis_iter(axis.of_array());
        planes.map(|plane| plane.rows().into_iter().map(|row| f64::from(row.sum())).sum::<f64>() * area).collect()
    }

    /// The plane at a fractional position along an axis `[slower, faster]`, interpolated linearly.
    pub fn plane(&self, axis: isochrone_volume::Axis, position: f64) -> ndarray::Array2<f32> {
        let along: ArrayAxis = axis.of_array();
        let last = self.values.len_of(along).saturating_sub(1);
        let position = position.clamp(0.0, last as f64);
        let low = position.floor() as usize;
        let share = (position - position.floor()) as f32;
        let mut plane = self.values.index_axis(along, low).mapv(|v| v * (1.0 - share));
        plane.scaled_add(share, &self.values.index_axis(along, (low + 1).min(last)));
        plane
    }
}

/// The same place with voxels split until they are no coarser than `spacing_mm`.
fn refined(grid: &Grid, spacing_mm: f64) -> Result<Grid, ProposalError> {
    let coarsest = grid.spacing_mm().into_iter().fold(0.0, f64::max);
    let factor = (coarsest / spacing_mm).round().clamp(1.0, MAX_REFINEMENT);
    if factor <= 1.0 {
        return Ok(grid.clone());
    }
    let coarse = grid.world_from_voxel();
    let middle = DVec3::splat((1.0 / factor - 1.0) / 2.0);
    let affine = DAffine3 { matrix3: coarse.matrix3 / factor, translation: coarse.transform_point3(middle) };
    Ok(Grid::new(grid.size().map(|n| n * factor as usize), affine)?)
}
