//! Euclidean distance to a set of points, by the lower envelope of each row.
//!
//! Along one row the squared distance to a point is a parabola in `i`, and all of them have the
//! same curvature. So the nearest point changes at most once between neighbours in `i` order, and
//! a row of hundreds of voxels costs a few comparisons a point and one square root a voxel.

use crate::{GuidanceError, check};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayViewMut3, Axis};
use pulp::{Arch, Simd, WithSimd};

/// Distance in mm from every voxel to the nearest of `points`.
///
/// `shape` and `points` are `[k, j, i]`, `spacing_mm` the voxel's sides in the same order; the
/// result has that shape. Without points every distance is +∞, the minimum of nothing.
///
/// # Errors
/// An empty shape, a point outside it, an unusable spacing.
pub fn euclidean_distance(
    shape: [usize; 3],
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
) -> Result<Array3<f32>, GuidanceError> {
    check::shape(shape)?;
    let mut out = Array3::zeros(shape);
    euclidean_distance_into(out.view_mut(), points, spacing_mm)?;
    Ok(out)
}

/// As [`euclidean_distance`], into an array `[k, j, i]` that exists (its values do not matter).
///
/// # Errors
/// An empty array, a point outside it, an unusable spacing.
pub fn euclidean_distance_into(
    mut out: ArrayViewMut3<'_, f32>,
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
) -> Result<(), GuidanceError> {
    let shape = check::shape_of(&out.view());
    check::all(shape, points, spacing_mm)?;
    let sources = sorted(points);
    let arch = Arch::new();
    out.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each_init(
        || Envelope::new(shape[2], spacing_mm[2]),
        |envelope, (k, mut slice)| {
            let near_k = nearest_along_k(&sources, k, spacing_mm[0]);
            for (j, mut row) in slice.rows_mut().into_iter().enumerate() {
                envelope.build(&near_k, j, spacing_mm[1]);
                match row.as_slice_mut() {
                    Some(row) => arch.dispatch(Fill { envelope, row, spacing_i: spacing_mm[2] }),
                    None => {
                        let mut scratch = vec![0.0; row.len()];
                        envelope.fill(&mut scratch, spacing_mm[2]);
                        row.iter_mut().zip(&scratch).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        },
    );
    Ok(())
}

/// Points in `(i, j, k)` order of importance, without doubles.
fn sorted(points: &[[usize; 3]]) -> Vec<[usize; 3]> {
    let mut ijk: Vec<_> = points.iter().map(|&[k, j, i]| [i, j, k]).collect();
    ijk.sort_unstable();
    ijk.dedup();
    ijk
}

/// Per `(i, j)` that holds points: the square of the smallest offset along `k`, in mm².
fn nearest_along_k(sources: &[[usize; 3]], k: usize, spacing_mm: f32) -> Vec<(usize, usize, f32)> {
    let mut near: Vec<(usize, usize, f32)> = Vec::with_capacity(sources.len());
    for &[i, j, source_k] in sources {
        let offset = source_k.abs_diff(k) as f32 * spacing_mm;
        let square = offset * offset;
        match near.last_mut() {
            Some(last) if (last.0, last.1) == (i, j) => last.2 = last.2.min(square),
            _ => near.push((i, j, square)),
        }
    }
    near
}

/// [`Envelope::fill`], compiled for each instruction set.
struct Fill<'a> {
    envelope: &'a Envelope,
    row: &'a mut [f32],
    spacing_i: f32,
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.envelope.fill(self.row, self.spacing_i);
    }
}

/// The lower envelope of one row: which point is nearest from where on.
struct Envelope {
    parts: Vec<Part>,
    /// `1 / (2·spacing²·n)`, mm⁻²: turns a difference of squares into one of places.
    reciprocal: Vec<f64>,
}

struct Part {
    /// First `i` where this point is nearest.
    start: usize,
    /// The point's own `i`.
    i: usize,
    /// Square of its distance from the row, mm².
    square: f32,
}

impl Envelope {
    fn new(length: usize, spacing_i: f32) -> Self {
        let double_square = 2.0 * f64::from(spacing_i) * f64::from(spacing_i);
        let reciprocal = (0..length).map(|n| 1.0 / (double_square * n as f64)).collect();
        Self { parts: Vec::new(), reciprocal }
    }

    fn build(&mut self, sources: &[(usize, usize, f32)], j: usize, spacing_j: f32) {
        self.parts.clear();
        for &(i, source_j, square_k) in sources {
            let offset = source_j.abs_diff(j) as f32 * spacing_j;
            let square = square_k + offset * offset;
            let start = loop {
                let Some(last) = self.parts.last() else { break Some(0) };
                if last.i == i {
                    if last.square <= square {
                        break None;
                    }
                    self.parts.pop();
                    continue;
                }
                // Where the new parabola falls below the last one.
                let middle = (i + last.i) as f64 / 2.0;
                let reciprocal = self.reciprocal.get(i - last.i).copied().unwrap_or_default();
                let cross = middle + f64::from(square - last.square) * reciprocal;
                let start = if cross < 0.0 { 0 } else { cross as usize + 1 };
                if start <= last.start {
                    self.parts.pop();
                    continue;
                }
                break Some(start);
            };
            if let Some(start) = start {
                self.parts.push(Part { start, i, square });
            }
        }
    }

    #[inline(always)]
    fn fill(&self, row: &mut [f32], spacing_i: f32) {
        if self.parts.is_empty() {
            row.fill(f32::INFINITY);
            return;
        }
        let ends = self.parts.iter().skip(1).map(|p| p.start).chain([usize::MAX]);
        for (part, end) in self.parts.iter().zip(ends) {
            let end = end.min(row.len());
            let Some(span) = row.get_mut(part.start..end) else { continue };
            let first = part.start as i32 - part.i as i32;
            for (v, n) in span.iter_mut().zip(first..) {
                let offset = n as f32 * spacing_i;
                *v = (part.square + offset * offset).sqrt();
            }
        }
    }
}
