//! Euclidean distance to a set of points, row by row.
//!
//! Two ways, both exact: the lower envelope of a row ([`envelope`]), for which a tile of rows first
//! drops the points that can be nearest nowhere in it; and, for a scribble that lies in a few
//! planes, the distance within each plane, computed once ([`planes`]).

mod envelope;
mod planes;

use crate::simd::arch;
use crate::{GuidanceError, check, transform};
use envelope::Envelope;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayViewMut1, ArrayViewMut3, Axis};
use pulp::{Simd, WithSimd};

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
    if sources.len() > MANY
        && let Some(planes) = planes::Planes::new(&sources, shape, spacing_mm)
    {
        planes.fill(&mut out);
    } else if sources.len() > VERY_MANY {
        // So many that a transform of the whole grid is quicker.
        let mut away = Array3::from_elem(shape, true);
        points.iter().for_each(|p| away.get_mut(*p).into_iter().for_each(|v| *v = false));
        transform::distance_transform_into(out, away.view(), spacing_mm, false)?;
    } else {
        fill(out, [0; 3], &sources, spacing_mm);
    }
    Ok(())
}

/// Points from which on planes are looked for, and from which on the whole grid is transformed.
const MANY: usize = 16;
const VERY_MANY: usize = 1000;

/// Slices and rows of a tile.
const TILE: [usize; 2] = [8, 16];

/// Fills an array whose voxel `[0; 3]` is `origin` in the grid of the points.
pub(crate) fn fill(mut out: ArrayViewMut3<'_, f32>, origin: [usize; 3], sources: &[Source], spacing_mm: [f32; 3]) {
    let [nk, nj, ni] = check::shape_of(&out.view());
    let [ok, oj, oi] = origin;
    let end = sources.iter().map(|p| p[0] + 1).max().unwrap_or_default().max(oi + ni);
    out.axis_chunks_iter_mut(Axis(0), TILE[0]).into_par_iter().enumerate().for_each_init(
        || Envelope::new(end, spacing_mm[2]),
        |envelope, (chunk, mut slices)| {
            let ks = ok + chunk * TILE[0]..ok + ((chunk + 1) * TILE[0]).min(nk);
            for (tile, mut rows) in slices.axis_chunks_iter_mut(Axis(1), TILE[1]).enumerate() {
                let js = oj + tile * TILE[1]..oj + ((tile + 1) * TILE[1]).min(nj);
                let near = nearest_somewhere(sources, [&(oi..oi + ni), &js, &ks], spacing_mm);
                for (mut slice, k) in rows.outer_iter_mut().zip(ks.clone()) {
                    let near_k = nearest_along_k(&near, k, spacing_mm[0]);
                    for (row, j) in slice.outer_iter_mut().zip(js.clone()) {
                        envelope.build(&near_k, j, spacing_mm[1]);
                        write(
                            row,
                            #[inline(always)]
                            |row| envelope.roots(row, oi, spacing_mm[2]),
                        );
                    }
                }
            }
        },
    );
}

/// A point as `[i, j, k]`.
pub(crate) type Source = [usize; 3];

/// Points in `(i, j, k)` order of importance, without doubles.
pub(crate) fn sorted(points: &[[usize; 3]]) -> Vec<Source> {
    let mut ijk: Vec<_> = points.iter().map(|&[k, j, i]| [i, j, k]).collect();
    ijk.sort_unstable();
    ijk.dedup();
    ijk
}

/// Points above which it is not worth to compare each with each.
const FEW: usize = 64;

/// The points that are nearest somewhere in a box, perhaps with some that are not.
///
/// The difference of two points' squared distances is linear in the voxel's place, so its least
/// value in a box is the sum of the least values along each axis.
fn nearest_somewhere(sources: &[Source], span: [&std::ops::Range<usize>; 3], spacing_mm: [f32; 3]) -> Vec<Source> {
    if sources.len() > FEW {
        return sources.to_vec();
    }
    let [sk, sj, si] = spacing_mm.map(f64::from);
    let ends = |span: &std::ops::Range<usize>, side: f64| {
        (2.0 * side * span.start as f64, 2.0 * side * span.end.saturating_sub(1) as f64)
    };
    let [span_i, span_j, span_k] = span;
    let (ends_i, ends_j, ends_k) = (ends(span_i, si), ends(span_j, sj), ends(span_k, sk));
    let mm: Vec<_> = sources.iter().map(|&[i, j, k]| (i as f64 * si, j as f64 * sj, k as f64 * sk)).collect();
    // The least of (p − x)² − (q − x)² over the ends of an axis, which come doubled.
    let ahead = |p: f64, q: f64, (low, high): (f64, f64)| {
        let (at_low, at_high) = ((p - q) * (p + q - low), (p - q) * (p + q - high));
        if at_low < at_high { at_low } else { at_high }
    };
    let hidden = |p: &(f64, f64, f64)| {
        mm.iter().any(|q| ahead(p.0, q.0, ends_i) + ahead(p.1, q.1, ends_j) + ahead(p.2, q.2, ends_k) > 0.0)
    };
    sources.iter().zip(&mm).filter(|(_, p)| !hidden(p)).map(|(source, _)| *source).collect()
}

/// Per `(i, j)` that holds points: the square of the smallest offset along `k`, in mm².
fn nearest_along_k(sources: &[Source], k: usize, spacing_mm: f32) -> Vec<(usize, usize, f32)> {
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

/// Fills a row, compiled for each instruction set.
fn write(mut row: ArrayViewMut1<'_, f32>, fill: impl Fn(&mut [f32])) {
    match row.as_slice_mut() {
        Some(row) => arch().dispatch(Write { row, fill }),
        None => {
            let mut scratch = vec![0.0; row.len()];
            arch().dispatch(Write { row: &mut scratch, fill });
            row.iter_mut().zip(&scratch).for_each(|(to, from)| *to = *from);
        }
    }
}

struct Write<'a, F> {
    row: &'a mut [f32],
    fill: F,
}

impl<F: Fn(&mut [f32])> WithSimd for Write<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        (self.fill)(self.row);
    }
}
