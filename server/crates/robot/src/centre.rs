//! R1: a click in the middle of the largest mistake.

use crate::RobotError;
use isochrone_guidance::distance_transform;
use isochrone_volume::components;
use ndarray::{Array3, ArrayView3, Axis, Slice, Zip};

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
    let mistake = match prediction {
        Some(prediction) => {
            if prediction.dim() != truth.dim() {
                return Err(RobotError::ShapesDiffer { prediction: shape_of(prediction), truth: shape_of(truth) });
            }
            Zip::from(prediction).and(truth).map_collect(|p, t| p != t)
        }
        None => truth.to_owned(),
    };
    let (labels, found) = components::label(mistake.view());
    // The first of the largest: `max_by_key` alone would return the last.
    let Some(largest) = found.iter().rev().max_by_key(|c| c.count) else { return Ok(None) };

    // One voxel of padding stands for everything that is not in the component.
    let ([i0, j0, k0], [ni, nj, nk]) = (largest.region.min, largest.region.size());
    let pad = shape_of(truth).map(|n| usize::from(n > 1));
    let [pk, pj, pi] = pad;
    let mut inside = Array3::from_elem([nk + 2 * pk, nj + 2 * pj, ni + 2 * pi], false);
    let part = labels.slice_move(largest.region.slice());
    let mut middle = inside.slice_mut(ndarray::s![pk..pk + nk, pj..pj + nj, pi..pi + ni]);
    middle.zip_mut_with(&part, |to, &label| *to = label == largest.label);

    let depth = distance_transform(inside.view(), spacing_mm, false)?;
    let mut deepest = ((0, 0, 0), 0.0);
    for (at, &d) in depth.indexed_iter() {
        if d > deepest.1 {
            deepest = (at, d);
        }
    }
    let (k, j, i) = deepest.0;
    let voxel_kji = [k + k0 - pk, j + j0 - pj, i + i0 - pi];
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

fn shape_of(array: ArrayView3<'_, bool>) -> [usize; 3] {
    let (k, j, i) = array.dim();
    [k, j, i]
}
