//! Smoothing by a Gaussian.

use super::{Edited, grown};
use crate::{Mask, VolumeError, VoxelBox};
use ndarray::{Array3, ArrayView3, Axis, Dimension, s};
use rayon::prelude::*;

/// Largest radius that [`smooth`] takes, mm.
pub const MAX_SMOOTHING_MM: f64 = 50.0;

/// Radius within which half of a Gaussian's weight lies in space, over its standard deviation (the median
/// of the chi distribution with three degrees of freedom).
const HALF_WEIGHT: f64 = 1.538_172_254_455;
/// Standard deviations after which the Gaussian is cut off.
const REACH: f64 = 3.0;
/// Voxels along a side of the blocks that are worked at once.
const TILE: usize = 40;
/// A voxel whose value is this near to one half stays what it was.
const TIE: f32 = 1e-5;

/// The mask, smoothed: voxels where a Gaussian finds at least half of its weight set. Half of the Gaussian's
/// weight lies within `radius_mm`, so that a ball of less than that radius vanishes, and so does a dent.
///
/// At the border of the volume the Gaussian weighs what is inside; an axis with a single voxel is left out.
/// Voxels where both halves are equal stay as they are.
///
/// # Errors
/// A radius that is not above 0 and at most [`MAX_SMOOTHING_MM`].
pub fn smooth(mask: &Mask, radius_mm: f64) -> Result<Edited, VolumeError> {
    if !(radius_mm > 0.0 && radius_mm <= MAX_SMOOTHING_MM) {
        return Err(VolumeError::Radius { got: radius_mm, most: MAX_SMOOTHING_MM });
    }
    let content = mask.bounding_box();
    if content.is_empty() {
        return Ok(Edited::unchanged(mask));
    }
    let size = mask.grid().size();
    let [si, sj, sk] = mask.grid().spacing_mm();
    let [ni, nj, nk] = size;
    let kernel =
        |spacing: f64, n: usize| if n == 1 { vec![1.0] } else { gaussian(radius_mm / HALF_WEIGHT / spacing, n) };
    let kernels = [kernel(sk, nk), kernel(sj, nj), kernel(si, ni)];
    let [rk, rj, ri] = kernels.each_ref().map(|k| k.len() / 2);
    let affected = grown(&content, [ri, rj, rk], size);
    let done: Vec<(VoxelBox, Array3<bool>)> = tiles(&affected)
        .into_par_iter()
        .filter_map(|tile| {
            let around = grown(&tile, [ri, rj, rk], size);
            let from = mask.voxels().slice(around.slice());
            // Deep inside and far outside nothing changes.
            let (any, all) = from.iter().fold((false, true), |(any, all), &v| (any | v, all & v));
            (any && !all).then(|| (tile, smoothed(from, &around, &tile, &kernels)))
        })
        .collect();
    let mut new = mask.voxels().slice(affected.slice()).to_owned();
    let [i0, j0, k0] = affected.min;
    for (tile, content) in done {
        let ([a, b, c], [x, y, z]) = (tile.min, tile.max);
        new.slice_mut(s![c - k0..z - k0, b - j0..y - j0, a - i0..x - i0]).assign(&content);
    }
    Ok(Edited::rewrite(mask, &affected, new.view()))
}

/// Blocks that cover a box.
fn tiles(region: &VoxelBox) -> Vec<VoxelBox> {
    let ([i0, j0, k0], [i1, j1, k1]) = (region.min, region.max);
    let mut all = Vec::new();
    for k in (k0..k1).step_by(TILE) {
        for j in (j0..j1).step_by(TILE) {
            for i in (i0..i1).step_by(TILE) {
                all.push(VoxelBox {
                    min: [i, j, k],
                    max: [(i + TILE).min(i1), (j + TILE).min(j1), (k + TILE).min(k1)],
                });
            }
        }
    }
    all
}

/// Weights from `-reach` to `reach` voxels, no longer than an axis of `n` voxels needs.
fn gaussian(sigma: f64, n: usize) -> Vec<f32> {
    let reach = ((REACH * sigma).ceil() as usize).min(n);
    let weight = |x: usize| (-0.5 * (x as f64 / sigma).powi(2)).exp() as f32;
    (0..=2 * reach).map(|x| weight(x.abs_diff(reach))).collect()
}

/// A tile's new content, from the mask around it.
fn smoothed(from: ArrayView3<'_, bool>, around: &VoxelBox, tile: &VoxelBox, kernels: &[Vec<f32>; 3]) -> Array3<bool> {
    let mut values = from.mapv(|v| if v { 1.0f32 } else { 0.0 });
    let (size, [i, j, k], [a, b, c]) = (tile.size(), tile.min, around.min);
    let first = [k - c, j - b, i - a];
    let [ni, nj, nk] = size;
    for (axis, ((kernel, first), n)) in kernels.iter().zip(first).zip([nk, nj, ni]).enumerate() {
        values = blurred(&values, Axis(axis), kernel, first, n);
    }
    let own = from.slice(s![k - c..k - c + nk, j - b..j - b + nj, i - a..i - a + ni]);
    ndarray::Zip::from(&values).and(own).map_collect(|&v, &own| if (v - 0.5).abs() < TIE { own } else { v > 0.5 })
}

/// `n` planes across an axis from `first`, each the weighted mean of those around it.
fn blurred(values: &Array3<f32>, axis: Axis, kernel: &[f32], first: usize, n: usize) -> Array3<f32> {
    let mut shape = values.raw_dim();
    if let Some(length) = shape.as_array_view_mut().get_mut(axis.0) {
        *length = n;
    }
    let mut out = Array3::<f32>::zeros(shape);
    let reach = kernel.len() / 2;
    for (at, mut plane) in out.axis_iter_mut(axis).enumerate() {
        let mut sum = 0.0;
        for (tap, &weight) in kernel.iter().enumerate() {
            // What would lie outside of the array lies outside of the volume.
            let Some(source) = (first + at + tap).checked_sub(reach).filter(|&p| p < values.len_of(axis)) else {
                continue;
            };
            plane.scaled_add(weight, &values.index_axis(axis, source));
            sum += weight;
        }
        plane.mapv_inplace(|v| v / sum);
    }
    out
}
