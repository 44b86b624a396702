//! The simulated reader: knows the truth, looks where it is told to, and clicks the largest error it sees.

use crate::client::Slice;
use isochrone_prompt::{Click, Polarity};
use isochrone_robot::{RobotError, centre_click, centre_click_on_slice, dice};
use isochrone_volume::{Axis, Mask};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// How far from the mask a random slice may lie.
const NEAR_MM: f64 = 10.0;

/// A reader of one lesion.
pub struct Reader<'a> {
    truth: &'a Mask,
    spacing_kji_mm: [f32; 3],
}

impl<'a> Reader<'a> {
    /// A reader who sees `truth` in their mind.
    pub fn new(truth: &'a Mask) -> Self {
        let [i, j, k] = truth.grid().spacing_mm().map(|s| s as f32);
        Self { truth, spacing_kji_mm: [k, j, i] }
    }

    /// The middle of the lesion.
    ///
    /// # Errors
    /// Never for a truth with positive spacing.
    pub fn first(&self) -> Result<Option<Click>, RobotError> {
        let click = centre_click(None, self.truth.voxels().view(), self.spacing_kji_mm)?;
        Ok(click.map(|c| self.in_patient(&c)))
    }

    /// The middle of the largest error anywhere.
    ///
    /// # Errors
    /// The mask is on another grid.
    pub fn anywhere(&self, mask: &Mask) -> Result<Option<Click>, RobotError> {
        let click = centre_click(Some(mask.voxels().view()), self.truth.voxels().view(), self.spacing_kji_mm)?;
        Ok(click.map(|c| self.in_patient(&c)))
    }

    /// The middle of the largest error on one slice; `None` if the slice is right.
    ///
    /// # Errors
    /// The mask is on another grid, or the slice does not exist.
    pub fn on_slice(&self, mask: &Mask, axis: Axis, index: usize) -> Result<Option<Click>, RobotError> {
        let (mask, truth) = (mask.voxels().view(), self.truth.voxels().view());
        let click = centre_click_on_slice(Some(mask), truth, self.spacing_kji_mm, axis.of_array().0, index)?;
        Ok(click.map(|c| self.in_patient(&c)))
    }

    /// Overlap with the truth.
    ///
    /// # Errors
    /// The mask is on another grid.
    pub fn dice(&self, mask: &Mask) -> Result<f64, RobotError> {
        // The truth is never empty (`case::lesion`).
        Ok(dice(mask.voxels().view(), self.truth.voxels().view())?.unwrap_or(0.0))
    }

    fn in_patient(&self, click: &isochrone_robot::Click) -> Click {
        let [k, j, i] = click.voxel_kji;
        let polarity = if click.positive { Polarity::Positive } else { Polarity::Negative };
        Click { position_lps_mm: self.truth.grid().centre_mm([i, j, k]), polarity }
    }
}

/// All slices that cross the mask or come within 10 mm of it, in random order.
pub fn slices_near(mask: &Mask, rng: &mut ChaCha8Rng) -> Vec<Slice> {
    let grid = mask.grid();
    let around = mask.bounding_box();
    let mut slices = Vec::new();
    for axis in Axis::ALL {
        let part = mask.voxels().slice(around.slice());
        let planes = part.axis_iter(axis.of_array()).zip(axis.of(around.min)..);
        let occupied: Vec<usize> = planes.filter(|(p, _)| p.iter().any(|&v| v)).map(|(_, n)| n).collect();
        let reach = (NEAR_MM / axis.of(grid.spacing_mm())).floor() as usize;
        let near = |n: &usize| occupied.iter().any(|o| o.abs_diff(*n) <= reach);
        let all = (0..axis.of(grid.size())).filter(near);
        slices.extend(all.map(|index| Slice { axis, index, score: 0.0, spot: None }));
    }
    slices.shuffle(rng);
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use isochrone_volume::{DAffine3, DMat3, DVec3, Grid};
    use ndarray::Array3;
    use rand::SeedableRng;
    use std::sync::Arc;

    fn mask(set: &[[usize; 3]]) -> Mask {
        let matrix3 = DMat3::from_diagonal(DVec3::new(1.0, 2.0, 6.0));
        let grid = Arc::new(Grid::new([20, 20, 20], DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap());
        let mut voxels = Array3::from_elem(grid.shape(), false);
        set.iter().for_each(|&[i, j, k]| voxels[[k, j, i]] = true);
        Mask::new(grid, voxels).unwrap()
    }

    #[test]
    fn random_slices_lie_within_a_centimetre() {
        let slices = slices_near(&mask(&[[10, 10, 10]]), &mut ChaCha8Rng::seed_from_u64(1));
        let of = |axis| slices.iter().filter(|s| s.axis == axis).count();
        assert_eq!([of(Axis::I), of(Axis::J), of(Axis::K)], [20, 11, 3]);
        let again = slices_near(&mask(&[[10, 10, 10]]), &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(slices, again);
    }

    #[test]
    fn the_reader_sees_only_the_slice() {
        let (truth, guess) = (mask(&[[5, 5, 5], [5, 6, 5]]), mask(&[[5, 5, 5], [9, 9, 9]]));
        let reader = Reader::new(&truth);
        let missing = reader.on_slice(&guess, Axis::K, 5).unwrap().unwrap();
        assert_eq!((missing.polarity, missing.position_lps_mm), (Polarity::Positive, DVec3::new(5.0, 12.0, 30.0)));
        let wrong = reader.on_slice(&guess, Axis::I, 9).unwrap().unwrap();
        assert_eq!(wrong.polarity, Polarity::Negative);
        assert_eq!(reader.on_slice(&guess, Axis::K, 7).unwrap(), None);
        assert_eq!(reader.dice(&guess).unwrap(), 0.5);
    }
}
