//! Exact Euclidean distance transform of a mask, axis by axis.
//!
//! After Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (Theory of
//! Computing 8, 2012): a run length along `i`, then the lower envelope of parabolas along `j` and
//! along `k`. Crossings are computed relative to the middle of two parabolas, so that squares of
//! large distances never cancel.
#![allow(clippy::indexing_slicing)] // Columns are gathered to buffers whose lengths are known here.

use crate::{GuidanceError, check};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis};
use std::ops::Range;

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
                Columns::new(nj, spacing_mm[1], border(nj), side),
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
        || Columns::new(nk, spacing_mm[0], border(nk), side),
        |columns, mut plane| {
            columns.run(plane.view_mut());
            plane.mapv_inplace(|square| square.abs().sqrt().copysign(square));
        },
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

/// Columns handled together: one cache line of `f32`.
const BLOCK: usize = 16;

/// Lower envelopes along the first axis of a plane, a block of columns at a time.
struct Columns {
    length: usize,
    spacing: f32,
    border: bool,
    /// Values are signed: two transforms in one array, each 0 where the other is not.
    signed: bool,
    /// Column after column of one block.
    values: Vec<f32>,
    other: Vec<f32>,
    /// `1 / (2·spacing²·n)`: turns a difference of heights into one of places.
    reciprocal: Vec<f32>,
    envelope: Vec<Parabola>,
}

impl Columns {
    fn new(length: usize, spacing: f32, border: bool, side: MaskSide) -> Self {
        let signed = side == MaskSide::Signed;
        let reciprocal = (0..length).map(|n| 0.5 / (spacing * spacing * n as f32)).collect();
        Self {
            length,
            spacing,
            border,
            signed,
            values: vec![0.0; length * BLOCK],
            other: vec![0.0; if signed { length } else { 0 }],
            reciprocal,
            envelope: vec![Parabola::default(); length],
        }
    }

    fn run(&mut self, mut plane: ArrayViewMut2<'_, f32>) {
        if self.length == 1 {
            return;
        }
        for mut block in plane.axis_chunks_iter_mut(Axis(1), BLOCK) {
            let mut changes = [false; BLOCK];
            for (n, row) in block.rows().into_iter().enumerate() {
                for (c, &v) in row.iter().enumerate() {
                    self.values[c * self.length + n] = v;
                    changes[c] |= v != 0.0;
                }
            }
            for (c, _) in changes.iter().enumerate().filter(|(_, changes)| **changes) {
                if self.signed { self.signed_column(c) } else { self.column(c) }
            }
            for (n, mut row) in block.rows_mut().into_iter().enumerate() {
                for (c, v) in row.iter_mut().enumerate() {
                    *v = self.values[c * self.length + n];
                }
            }
        }
    }

    fn signed_column(&mut self, column: usize) {
        let mut other = std::mem::take(&mut self.other);
        let span = column * self.length..(column + 1) * self.length;
        for (v, other) in self.values[span.clone()].iter_mut().zip(&mut other) {
            (*v, *other) = (v.max(0.0), (-*v).max(0.0));
        }
        self.column(column);
        self.values[span.clone()].swap_with_slice(&mut other);
        self.column(column);
        self.values[span].iter_mut().zip(&other).for_each(|(minus, plus)| *minus = plus - *minus);
        self.other = other;
    }

    /// Replaces one column by the minimum over all its parabolas.
    ///
    /// Voxels that are 0 stay so and cut the column in runs that do not see past them.
    fn column(&mut self, column: usize) {
        let n = self.length;
        let Self { spacing, border, ref mut values, ref reciprocal, ref mut envelope, .. } = *self;
        let values = &mut values[column * n..(column + 1) * n];
        let mut q = 0;
        while q < n {
            if values[q] == 0.0 {
                q += 1;
                continue;
            }
            let end = values[q..].iter().position(|v| *v == 0.0).map_or(n, |length| q + length);
            run(values, q..end, spacing, reciprocal, envelope);
            q = end;
        }
        if border {
            for (q, v) in values.iter_mut().enumerate() {
                let mm = (q + 1).min(n - q) as f32 * spacing;
                *v = v.min(mm * mm);
            }
        }
    }
}

/// One parabola of an envelope: where it stands, its height, and where it begins to be lowest.
#[derive(Clone, Copy, Default)]
struct Parabola {
    index: usize,
    height: f32,
    start: f32,
}

/// Minimum over the parabolas of a run of values above 0 and of the zeros at its ends.
#[inline]
fn run(values: &mut [f32], span: Range<usize>, spacing: f32, reciprocal: &[f32], envelope: &mut [Parabola]) {
    let n = values.len();
    let (first, last) = (span.start.saturating_sub(1), (span.end + 1).min(n));
    if span.len() == 1 {
        if last - first > 1 {
            values[span.start] = values[span.start].min(spacing * spacing);
        }
        return;
    }
    let mut parts = 0;
    for (q, &height) in values.iter().enumerate().take(last).skip(first) {
        if height == f32::INFINITY {
            continue;
        }
        let mut start = f32::NEG_INFINITY;
        while parts > 0 {
            let p = envelope[parts - 1];
            start = (p.index + q) as f32 * 0.5 + (height - p.height) * reciprocal[q - p.index];
            if start > p.start {
                break;
            }
            parts -= 1;
            start = f32::NEG_INFINITY;
        }
        // A parabola that begins past the run is never seen in it.
        if start < last as f32 {
            envelope[parts] = Parabola { index: q, height, start };
            parts += 1;
        }
    }
    if parts == 0 {
        return;
    }
    let mut part = 0;
    for q in span {
        while part + 1 < parts && envelope[part + 1].start < q as f32 {
            part += 1;
        }
        let mm = q.abs_diff(envelope[part].index) as f32 * spacing;
        values[q] = envelope[part].height + mm * mm;
    }
}
