//! R1: a click in the middle of the largest mistake.

use crate::RobotError;
use crate::mistake::{Mistake, shape_of};
use ndarray::{ArrayView3, Axis, Slice};

/// One simulated click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Click {
    /// Voxel, `[k, j, i]`.
    pub voxel_kji: [usize; 3],
    /// True where the truth is set (the prediction missed it), false where it should be removed.
    pub positive: bool,
}

/// The voxel deepest inside the largest mistake; `None` if prediction and truth agree.
///
/// The mistake is the largest 26-connected component of `prediction XOR truth` (of the truth
/// itself without a prediction); false and missing voxels that touch form one component, as in
/// the CVPR 2025 challenge. Depth is the exact Euclidean distance, in mm, to the nearest voxel
/// outside that component, and what lies outside the array counts as outside (as in RITM). Axes
/// of length 1 have no outside: a slice of depth 1 is a 2D image. Equal sizes go to the component
/// that begins first, equal depths to the first voxel, in scan order (`i` fastest).
///
/// # Errors
/// Shapes that differ, an unusable spacing.
pub fn centre_click(
    prediction: Option<ArrayView3<'_, bool>>,
    truth: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
) -> Result<Option<Click>, RobotError> {
    let Some(mistake) = Mistake::largest(prediction, truth, spacing_mm)? else { return Ok(None) };
    let voxel_kji = mistake.deepest();
    Ok(Some(Click { voxel_kji, positive: truth.get(voxel_kji).copied().unwrap_or_default() }))
}

/// As [`centre_click`], but looking only at slice `index` along array axis `axis` (0 is k, 1 is j, 2 is i).
///
/// Components are 8-connected within the slice and depth is measured in its plane.
///
/// # Errors
/// As [`centre_click`]; no such axis or slice.
pub fn centre_click_on_slice(
    prediction: Option<ArrayView3<'_, bool>>,
    truth: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    axis: usize,
    index: usize,
) -> Result<Option<Click>, RobotError> {
    let shape = shape_of(truth);
    if shape.get(axis).is_none_or(|&n| index >= n) {
        return Err(RobotError::NoSuchSlice { axis, index, shape });
    }
    if let Some(prediction) = prediction.filter(|p| p.dim() != truth.dim()) {
        return Err(RobotError::ShapesDiffer { prediction: shape_of(prediction), truth: shape });
    }
    let only = Slice::from(index..index + 1);
    let truth = truth.slice_axis_move(Axis(axis), only);
    let prediction = prediction.map(|p| p.slice_axis_move(Axis(axis), only));
    let click = centre_click(prediction, truth, spacing_mm)?;
    Ok(click.map(|mut click| {
        if let Some(n) = click.voxel_kji.get_mut(axis) {
            *n = index;
        }
        click
    }))
}
