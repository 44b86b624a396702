//! Signals that live in a box round each point: Gaussian and disk.

use crate::{GuidanceError, check};
use ndarray::{Array3, ArrayViewMut3, s};
use std::ops::Range;

/// A Gaussian bump round every point, the highest wins: `max exp(−d²/2σ²)`, `d` in mm.
///
/// `shape` and `points` are `[k, j, i]`, `spacing_mm` in the same order, `sigma_mm` is σ. Values lie
/// in `[0, 1]`, 1 at the points; the bump ends (0) beyond `5σ`, where it would be below 4e-6.
/// Without points the map is 0.
///
/// # Errors
/// An empty shape, a point outside it, an unusable spacing or σ.
pub fn gaussian(
    shape: [usize; 3],
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    sigma_mm: f32,
) -> Result<Array3<f32>, GuidanceError> {
    check::shape(shape)?;
    let mut out = Array3::zeros(shape);
    add_gaussian(out.view_mut(), points, spacing_mm, sigma_mm)?;
    Ok(out)
}

/// Adds points to a map of [`gaussian`]: only their boxes are written.
///
/// # Errors
/// As [`gaussian`].
pub fn add_gaussian(
    out: ArrayViewMut3<'_, f32>,
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    sigma_mm: f32,
) -> Result<(), GuidanceError> {
    check::positive("sigma", sigma_mm)?;
    let reach = GAUSSIAN_REACH * sigma_mm;
    let half = -0.5 / (sigma_mm * sigma_mm);
    paint(out, points, spacing_mm, reach, |square| (square * half).exp())
}

/// σ beyond which a Gaussian is cut off.
pub(crate) const GAUSSIAN_REACH: f32 = 5.0;

/// 1 within `radius_mm` of a point (that distance included), else 0.
///
/// `shape` and `points` are `[k, j, i]`, `spacing_mm` in the same order. Radius 0 marks the points
/// alone; without points the map is 0.
///
/// # Errors
/// An empty shape, a point outside it, an unusable spacing or radius.
pub fn disk(
    shape: [usize; 3],
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    radius_mm: f32,
) -> Result<Array3<f32>, GuidanceError> {
    check::shape(shape)?;
    let mut out = Array3::zeros(shape);
    add_disk(out.view_mut(), points, spacing_mm, radius_mm)?;
    Ok(out)
}

/// Adds points to a map of [`disk`]: only their boxes are written.
///
/// # Errors
/// As [`disk`].
pub fn add_disk(
    out: ArrayViewMut3<'_, f32>,
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    radius_mm: f32,
) -> Result<(), GuidanceError> {
    if !(radius_mm >= 0.0 && radius_mm.is_finite()) {
        return Err(GuidanceError::Parameter { name: "radius", value: radius_mm, range: "a finite number, 0 or more" });
    }
    paint(out, points, spacing_mm, radius_mm, |_| 1.0)
}

/// Writes the maximum of the map and `value(d²)` wherever a point is within `reach_mm`.
fn paint(
    mut out: ArrayViewMut3<'_, f32>,
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    reach_mm: f32,
    value: impl Fn(f32) -> f32,
) -> Result<(), GuidanceError> {
    let shape = check::shape_of(&out.view());
    check::all(shape, points, spacing_mm)?;
    let limit = reach_mm * reach_mm;
    for &point in points {
        let [rk, rj, ri] = reach_box(shape, point, spacing_mm, reach_mm);
        let square = |n: usize, centre: usize, spacing: f32| {
            let mm = n.abs_diff(centre) as f32 * spacing;
            mm * mm
        };
        let mut part = out.slice_mut(s![rk.clone(), rj.clone(), ri.clone()]);
        for (mut slice, k) in part.outer_iter_mut().zip(rk) {
            for (mut row, j) in slice.outer_iter_mut().zip(rj.clone()) {
                let from_row = square(k, point[0], spacing_mm[0]) + square(j, point[1], spacing_mm[1]);
                if from_row > limit {
                    continue;
                }
                for (v, i) in row.iter_mut().zip(ri.clone()) {
                    let d = from_row + square(i, point[2], spacing_mm[2]);
                    if d <= limit {
                        *v = v.max(value(d));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The box `[k, j, i]` of voxels that may lie within `reach_mm` of `point`, cut to the array.
pub(crate) fn reach_box(
    shape: [usize; 3],
    point: [usize; 3],
    spacing_mm: [f32; 3],
    reach_mm: f32,
) -> [Range<usize>; 3] {
    let range = |n: usize, centre: usize, spacing: f32| {
        // Casts saturate, so a huge reach covers the axis. One voxel more guards against rounding.
        let steps = (reach_mm / spacing) as usize;
        centre.saturating_sub(steps.saturating_add(1))..centre.saturating_add(steps.saturating_add(2)).min(n)
    };
    let ([nk, nj, ni], [k, j, i], [sk, sj, si]) = (shape, point, spacing_mm);
    [range(nk, k, sk), range(nj, j, sj), range(ni, i, si)]
}
