//! The largest mistake of a prediction, and how deep its voxels lie in it.

use crate::RobotError;
use isochrone_guidance::distance_transform;
use isochrone_volume::components;
use ndarray::{Array3, ArrayView3, Zip};

/// The largest 26-connected component of `prediction XOR truth` (of the truth itself without a prediction).
pub(crate) struct Mistake {
    /// Distance in mm to the nearest voxel outside of the component, `[k, j, i]` over its bounding box; 0 outside.
    pub depth: Array3<f32>,
    /// First voxel of that box, `[k, j, i]`.
    pub origin: [usize; 3],
}

impl Mistake {
    /// `None` if prediction and truth agree. Of equal ones, that which begins first in scan order.
    pub fn largest(
        prediction: Option<ArrayView3<'_, bool>>,
        truth: ArrayView3<'_, bool>,
        spacing_mm: [f32; 3],
    ) -> Result<Option<Self>, RobotError> {
        let wrong = wrong(prediction, truth)?;
        let (labels, found) = components::label(wrong.view());
        // `max_by_key` alone would return the last of the largest.
        let Some(largest) = found.iter().rev().max_by_key(|c| c.count) else { return Ok(None) };

        // One voxel of padding stands for everything that is not in the component.
        let ([i0, j0, k0], [ni, nj, nk]) = (largest.region.min, largest.region.size());
        let [pk, pj, pi] = shape_of(truth).map(|n| usize::from(n > 1));
        let mut inside = Array3::from_elem([nk + 2 * pk, nj + 2 * pj, ni + 2 * pi], false);
        let part = labels.slice_move(largest.region.slice());
        let middle = ndarray::s![pk..pk + nk, pj..pj + nj, pi..pi + ni];
        inside.slice_mut(middle).zip_mut_with(&part, |to, &label| *to = label == largest.label);
        let depth = distance_transform(inside.view(), spacing_mm, false)?;
        Ok(Some(Self { depth: depth.slice_move(middle), origin: [k0, j0, i0] }))
    }

    /// Voxels of the mistake `[k, j, i]` with their depth in mm, in scan order.
    pub fn voxels(&self) -> impl Iterator<Item = ([usize; 3], f32)> {
        let [k0, j0, i0] = self.origin;
        self.depth.indexed_iter().filter(|(_, d)| **d > 0.0).map(move |((k, j, i), &d)| ([k + k0, j + j0, i + i0], d))
    }

    /// The deepest voxel; of equals the first in scan order.
    pub fn deepest(&self) -> [usize; 3] {
        let mut best = (self.origin, 0.0);
        for (at, depth) in self.voxels() {
            if depth > best.1 {
                best = (at, depth);
            }
        }
        best.0
    }
}

/// Where prediction and truth differ; the truth without a prediction.
pub(crate) fn wrong(
    prediction: Option<ArrayView3<'_, bool>>,
    truth: ArrayView3<'_, bool>,
) -> Result<Array3<bool>, RobotError> {
    match prediction {
        Some(prediction) if prediction.dim() != truth.dim() => {
            Err(RobotError::ShapesDiffer { prediction: shape_of(prediction), truth: shape_of(truth) })
        }
        Some(prediction) => Ok(Zip::from(prediction).and(truth).map_collect(|p, t| p != t)),
        None => Ok(truth.to_owned()),
    }
}

pub(crate) fn shape_of(array: ArrayView3<'_, bool>) -> [usize; 3] {
    let (k, j, i) = array.dim();
    [k, j, i]
}
