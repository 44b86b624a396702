//! Exact Euclidean distance transform of a mask, axis by axis.
//!
//! A run length along `i`, then, along `j` and along `k`, the least of the parabolas of each column
//! (Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8,
//! 2012): by SIMD over columns side by side where masks are not too thick ([`columns`]), else by their
//! lower envelope ([`envelope`]).

mod columns;
mod envelope;

use crate::{GuidanceError, check};
use columns::{Columns, Finish};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis};

/// Distance in mm from the centre of every set voxel of `mask` `[k, j, i]` to the centre of the
/// nearest unset one; 0 at unset voxels.
///
/// `spacing_mm` holds the voxel's sides in `(k, j, i)` order. With `border_is_background` the
/// voxels just outside the array count as unset, except along axes of length 1, so that a slice of
/// depth 1 is treated as a 2D image. Without it, and without an unset voxel, every distance is +∞.
///
/// # Errors
/// An empty array or an unusable spacing.
pub fn distance_transform(
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    border_is_background: bool,
) -> Result<Array3<f32>, GuidanceError> {
    check::shape(check::shape_of(&mask))?;
    let mut out = Array3::zeros(mask.raw_dim());
    distance_transform_into(out.view_mut(), mask, spacing_mm, border_is_background)?;
    Ok(out)
}

/// Which voxels of a mask hold a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaskSide {
    /// Set voxels, to the nearest unset one; unset voxels are 0.
    #[default]
    Inside,
    /// Unset voxels, to the nearest set one; set voxels are 0.
    Outside,
    /// All, to the nearest voxel of the other kind: negative at set voxels, positive at unset ones.
    Signed,
}

/// Distance in mm between the centres of voxels inside and outside a mask; see [`MaskSide`].
///
/// `mask` is `[k, j, i]`, `spacing_mm` in the same order. Where there is no voxel of the other kind
/// at all, the distance is ±∞.
///
/// # Errors
/// An empty array or an unusable spacing.
pub fn mask_distance(
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    side: MaskSide,
) -> Result<Array3<f32>, GuidanceError> {
    check::shape(check::shape_of(&mask))?;
    let mut out = Array3::zeros(mask.raw_dim());
    mask_distance_into(out.view_mut(), mask, spacing_mm, side)?;
    Ok(out)
}

/// As [`mask_distance`], into an array `[k, j, i]` that exists (its values do not matter).
///
/// # Errors
/// An empty array, arrays of different shape, an unusable spacing.
pub fn mask_distance_into(
    out: ArrayViewMut3<'_, f32>,
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    side: MaskSide,
) -> Result<(), GuidanceError> {
    transform(out, mask, spacing_mm, (side, false))
}

/// As [`distance_transform`], into an array `[k, j, i]` that exists (its values do not matter).
///
/// # Errors
/// An empty array, arrays of different shape, an unusable spacing.
pub fn distance_transform_into(
    out: ArrayViewMut3<'_, f32>,
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    border_is_background: bool,
) -> Result<(), GuidanceError> {
    transform(out, mask, spacing_mm, (MaskSide::Inside, border_is_background))
}

fn transform(
    mut out: ArrayViewMut3<'_, f32>,
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f32; 3],
    (side, border_is_background): (MaskSide, bool),
) -> Result<(), GuidanceError> {
    let (expected, got) = (check::shape_of(&mask), check::shape_of(&out.view()));
    if expected != got {
        return Err(GuidanceError::ShapesDiffer { expected, got });
    }
    check::shape(expected)?;
    check::spacing(spacing_mm)?;
    let [nk, nj, ni] = expected;
    let border = |n: usize| border_is_background && n > 1;
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(mask.axis_iter(Axis(0))).for_each_init(
        || {
            (
                Columns::new(nj, spacing_mm[1], border(nj), (side, Finish::Squares)),
                vec![0.0; if side == MaskSide::Signed { ni } else { 0 }],
            )
        },
        |(columns, other), (mut slice, mask)| {
            for (mut row, mask) in slice.rows_mut().into_iter().zip(mask.rows()) {
                let outside = side == MaskSide::Outside;
                squares_along_row(row.view_mut(), mask.iter().map(|set| *set != outside), spacing_mm[2], border(ni));
                if side == MaskSide::Signed {
                    squares_along_row(
                        ndarray::ArrayViewMut1::from(&mut other[..]),
                        mask.iter().map(|set| !set),
                        spacing_mm[2],
                        false,
                    );
                    row.iter_mut().zip(&*other).for_each(|(inside, outside)| *inside = outside - *inside);
                }
            }
            columns.run(slice.view_mut());
        },
    );
    out.axis_iter_mut(Axis(1)).into_par_iter().for_each_init(
        || Columns::new(nk, spacing_mm[0], border(nk), (side, Finish::Roots)),
        |columns, plane| columns.run(plane),
    );
    Ok(())
}

/// Square of the distance along one row to the nearest unset voxel, mm².
fn squares_along_row(
    mut row: ndarray::ArrayViewMut1<'_, f32>,
    mask: impl Iterator<Item = bool>,
    spacing: f32,
    border: bool,
) {
    let far = if border { 0.0 } else { f32::INFINITY };
    let mut steps = far;
    for (v, set) in row.iter_mut().zip(mask) {
        steps = if set { steps + 1.0 } else { 0.0 };
        *v = steps;
    }
    let mut steps = far;
    for v in row.iter_mut().rev() {
        steps = if *v == 0.0 { 0.0 } else { steps + 1.0 };
        let mm = steps.min(*v) * spacing;
        *v = mm * mm;
    }
}
