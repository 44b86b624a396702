//! Signals that live in a box round each point: Gaussian and disk.

use crate::simd::arch;
use crate::{GuidanceError, check};
use ndarray::{Array3, ArrayViewMut3, s};
use pulp::{Simd, WithSimd};
use std::collections::HashSet;
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
    check::all(check::shape_of(&out.view()), points, spacing_mm)?;
    check::measure("sigma", sigma_mm)?;
    paint(out, [0; 3], points, spacing_mm, Bump::gaussian(sigma_mm));
    Ok(())
}

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
    check::all(check::shape_of(&out.view()), points, spacing_mm)?;
    check::not_negative("radius", radius_mm)?;
    paint(out, [0; 3], points, spacing_mm, Bump::disk(radius_mm));
    Ok(())
}

/// σ beyond which a Gaussian is cut off.
const GAUSSIAN_REACH: f32 = 5.0;

/// What stands round each point: `exp(d²·exponent)` as far as `reach_mm`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bump {
    reach_mm: f32,
    exponent: f32,
}

impl Bump {
    pub fn gaussian(sigma_mm: f32) -> Self {
        Self { reach_mm: GAUSSIAN_REACH * sigma_mm, exponent: -0.5 / (sigma_mm * sigma_mm) }
    }

    pub fn disk(radius_mm: f32) -> Self {
        Self { reach_mm: radius_mm, exponent: 0.0 }
    }
}

/// Writes the maximum of the map and each point's bump. Voxel `[0; 3]` of `out` is `origin` in the
/// grid of the points, which may lie outside `out`.
pub(crate) fn paint(
    mut out: ArrayViewMut3<'_, f32>,
    origin: [usize; 3],
    points: &[[usize; 3]],
    spacing_mm: [f32; 3],
    bump: Bump,
) {
    let limit = bump.reach_mm * bump.reach_mm;
    let (shape, arch) = (check::shape_of(&out.view()), arch());
    let inner = Inner::of(points, origin, shape);
    for point in points {
        if inner.holds(*point) {
            let at = [0, 1, 2].map(|axis| point.get(axis)?.checked_sub(*origin.get(axis)?));
            let [Some(k), Some(j), Some(i)] = at else { continue };
            out.get_mut([k, j, i]).into_iter().for_each(|v| *v = v.max(1.0));
            continue;
        }
        let [k, j, i] = [0, 1, 2].map(|axis| {
            let [n, o, p] = [shape, origin, *point].map(|a| a.get(axis).copied().unwrap_or_default());
            Axis::new(n, o, p, spacing_mm.get(axis).copied().unwrap_or(1.0), bump)
        });
        let mut part = out.slice_mut(s![k.range.clone(), j.range.clone(), i.range.clone()]);
        for (mut slice, at_k) in part.outer_iter_mut().zip(0..) {
            for (mut row, at_j) in slice.outer_iter_mut().zip(0..) {
                let ((square_k, value_k), (square_j, value_j)) = (k.at(at_k), j.at(at_j));
                let (square, value) = (square_k + square_j, value_k * value_j);
                if square > limit {
                    continue;
                }
                match row.as_slice_mut() {
                    Some(row) => arch.dispatch(Row { row, square, value, limit, i: &i }),
                    None => row.iter_mut().zip(0..).for_each(|(v, x)| {
                        let (square_i, value_i) = i.at(x);
                        *v = v.max(if square + square_i <= limit { value * value_i } else { 0.0 });
                    }),
                }
            }
        }
    }
}

/// Points all of whose neighbours are points too, as far as voxels are written on that side: nowhere but at its own
/// voxel is the bump of such a point the highest, for the neighbour's is nearer.
struct Inner {
    points: HashSet<[usize; 3]>,
    /// The box that is written: its first voxel, and the first beyond it.
    ends: [[usize; 3]; 2],
}

impl Inner {
    /// Fewer points are drawn as they are.
    const MANY: usize = 512;

    fn of(points: &[[usize; 3]], origin: [usize; 3], shape: [usize; 3]) -> Self {
        let many = points.len() >= Self::MANY;
        let points = if many { points.iter().copied().collect() } else { HashSet::new() };
        let [(a, x), (b, y), (c, z)] = [0, 1, 2].map(|axis| {
            let [from, length] = [origin, shape].map(|v| v.get(axis).copied().unwrap_or_default());
            (from, from + length)
        });
        Self { points, ends: [[a, b, c], [x, y, z]] }
    }

    fn holds(&self, point: [usize; 3]) -> bool {
        if self.points.is_empty() {
            return false;
        }
        let [first, end] = self.ends;
        let sides = point.iter().zip(first).zip(end).enumerate();
        sides.into_iter().all(|(axis, ((&at, first), end))| {
            let beside = |to: usize| {
                let mut next = point;
                next.get_mut(axis).into_iter().for_each(|n| *n = to);
                self.points.contains(&next)
            };
            (at <= first || beside(at - 1)) && (at + 1 >= end || beside(at + 1))
        })
    }
}

/// One axis of a bump: a Gaussian is the product of three.
struct Axis {
    /// In the array that is written.
    range: Range<usize>,
    /// Squares of the offsets from the point, mm², and the Gaussian of each.
    square: Vec<f32>,
    value: Vec<f32>,
}

impl Axis {
    fn new(length: usize, origin: usize, point: usize, spacing_mm: f32, bump: Bump) -> Self {
        let reach = reach(origin + length, point, spacing_mm, bump.reach_mm);
        let range = reach.start.saturating_sub(origin)..reach.end.saturating_sub(origin);
        let square: Vec<f32> = range
            .clone()
            .map(|x| {
                let mm = (x + origin).abs_diff(point) as f32 * spacing_mm;
                mm * mm
            })
            .collect();
        let value = square.iter().map(|square| (square * bump.exponent).exp()).collect();
        Self { range, square, value }
    }

    fn at(&self, x: usize) -> (f32, f32) {
        let of = |values: &[f32]| values.get(x).copied().unwrap_or_default();
        (of(&self.square), of(&self.value))
    }
}

/// One row of a bump, compiled for each instruction set.
struct Row<'a> {
    row: &'a mut [f32],
    square: f32,
    value: f32,
    limit: f32,
    i: &'a Axis,
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { row, square, value, limit, i } = self;
        for ((v, square_i), value_i) in row.iter_mut().zip(&i.square).zip(&i.value) {
            let new = if square + square_i <= limit { value * value_i } else { 0.0 };
            *v = if new > *v { new } else { *v };
        }
    }
}

/// Voxels of an axis of length `n` that may lie within `reach_mm` of `centre`.
fn reach(n: usize, centre: usize, spacing_mm: f32, reach_mm: f32) -> Range<usize> {
    // Casts saturate, so a huge reach covers the axis. One voxel more guards against rounding.
    let steps = (reach_mm / spacing_mm) as usize;
    let end = centre.saturating_add(steps.saturating_add(2)).min(n);
    centre.saturating_sub(steps.saturating_add(1)).min(end)..end
}

/// The box `[k, j, i]` of voxels that may lie within `reach_mm` of `point`, cut to the array.
pub(crate) fn reach_box(
    shape: [usize; 3],
    point: [usize; 3],
    spacing_mm: [f32; 3],
    reach_mm: f32,
) -> [Range<usize>; 3] {
    let ([nk, nj, ni], [k, j, i], [sk, sj, si]) = (shape, point, spacing_mm);
    [reach(nk, k, sk, reach_mm), reach(nj, j, sj, reach_mm), reach(ni, i, si, reach_mm)]
}
