//! Expected errors on a grid as fine as the working voxels.

use crate::ProposalError;
use crate::rank::{RankInput, RankOptions};
use isochrone_segment::{content_box, mask_on_grid};
use isochrone_volume::{DAffine3, DVec3, Grid, resample};
use ndarray::{Array3, Axis as ArrayAxis, Zip};

/// The probability of an error, less near prompts, on a grid along the volume's axes.
pub(crate) struct Weighted {
    pub grid: Grid,
    /// `[k, j, i]`; 0 outside the volume.
    pub values: Array3<f32>,
    /// Expected volumes in mm³: right inside the mask, wrong inside it, wrong outside.
    volumes_mm3: [f64; 3],
}

/// What the network thinks of the present mask: exact if its probabilities are calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Expected {
    /// Dice of the mask.
    pub dice: f64,
    /// What it may gain at most if the best slice and those it answers for were corrected.
    pub gain: f64,
}

/// A map coarser than this is refined by at most this factor.
const MAX_REFINEMENT: f64 = 8.0;

impl Weighted {
    pub fn new(input: &RankInput<'_>, options: &RankOptions) -> Result<Self, ProposalError> {
        let grid = refined(input.wrong_grid, options.working_spacing_mm)?;
        let mut values = if grid == *input.wrong_grid {
            input.wrong.clone()
        } else {
            resample::to_grid(input.wrong.view(), input.wrong_grid, &grid, 0.0)
        };
        let volume = input.mask.grid();
        let volume_from_grid = volume.voxel_from_world() * grid.world_from_voxel();
        let last = DVec3::from(volume.size().map(|n| n as f64 - 0.5));
        for ((k, j, i), v) in values.indexed_iter_mut() {
            let p = volume_from_grid.transform_point3(DVec3::new(i as f64, j as f64, k as f64));
            if !v.is_finite() || p.cmplt(DVec3::splat(-0.5)).any() || p.cmpgt(last).any() {
                *v = 0.0;
            }
        }
        let content = content_box(input.mask, &resample::footprint(volume, &grid));
        let inside = mask_on_grid(input.mask, &content, &grid);
        let voxel_mm3: f64 = grid.spacing_mm().into_iter().product();
        let mut volumes_mm3 = [0.0; 3];
        Zip::from(&values).and(&inside).for_each(|&wrong, &inside| {
            let wrong = f64::from(wrong) * voxel_mm3;
            let [right_in, wrong_in, wrong_out] = &mut volumes_mm3;
            if inside {
                *right_in += voxel_mm3 - wrong;
                *wrong_in += wrong;
            } else {
                *wrong_out += wrong;
            }
        });
        let twice_variance = (2.0 * options.prompt_reach_mm * options.prompt_reach_mm).max(f64::MIN_POSITIVE);
        let counts = |p: DVec3| {
            let nearest = input.prompts.iter().map(|q| p.distance_squared(*q)).fold(f64::INFINITY, f64::min);
            (1.0 - options.prompt_discount * (-nearest / twice_variance).exp()).max(0.0)
        };
        Zip::indexed(&mut values).par_for_each(|(k, j, i), v| *v *= counts(grid.centre_mm([i, j, k])) as f32);
        Ok(Self { grid, values, volumes_mm3 })
    }

    /// Expected Dice of the mask, and what it gains if `corrected_mm3` of what is wrong is put right.
    pub fn expected(&self, corrected_mm3: f64) -> Expected {
        let [right_in, wrong_in, wrong_out] = self.volumes_mm3;
        let wrong = wrong_in + wrong_out;
        let share = if wrong > 0.0 { (corrected_mm3 / wrong).min(1.0) } else { 0.0 };
        let after = |share: f64| {
            let both = 2.0 * (right_in + share * wrong_out);
            let all = both + (1.0 - share) * wrong;
            if all > 0.0 { both / all } else { 0.0 }
        };
        Expected { dice: after(0.0), gain: after(share) - after(0.0) }
    }

    /// Expected wrong area of each plane across an axis of the array, mm².
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
