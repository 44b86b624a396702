//! From one grid to another.
//!
//! Grids whose axes are parallel (a working grid and the volume it was made from) are resampled
//! axis by axis with a triangle filter: linear interpolation where the target is finer, a
//! weighted mean over the target voxel's footprint where it is coarser, so that nothing aliases.
//! Any other pair (a tilted volume, another series) is sampled trilinearly point by point.

use crate::{Grid, Volume, VoxelBox};
use glam::{DAffine3, DVec3};
use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array3, ArrayView3, Axis, Zip};

/// Resamples `src` `[k, j, i]` on `src_grid` to `dst_grid`; voxels of `dst_grid` whose centre lies
/// outside `src_grid` (by more than half a voxel) get `fill`.
#[must_use]
pub fn to_grid(src: ArrayView3<'_, f32>, src_grid: &Grid, dst_grid: &Grid, fill: f32) -> Array3<f32> {
    let src_from_dst = src_grid.voxel_from_world() * dst_grid.world_from_voxel();
    if is_diagonal(&src_from_dst) {
        separable(src, &src_from_dst, dst_grid.size(), fill)
    } else {
        trilinear(src, &src_from_dst, dst_grid.shape(), fill)
    }
}

/// Resamples the part of a volume that `dst_grid` covers; `fill` outside the volume.
#[must_use]
pub fn volume_to_grid(volume: &Volume, dst_grid: &Grid, fill: f32) -> Array3<f32> {
    let region = footprint(volume.grid(), dst_grid);
    match volume.grid().crop(&region) {
        Ok(grid) => to_grid(volume.values(&region).view(), &grid, dst_grid, fill),
        Err(_) => Array3::from_elem(dst_grid.shape(), fill),
    }
}

/// The voxels of `grid` that are needed to interpolate anywhere inside `other` (cut to `grid`).
#[must_use]
pub fn footprint(grid: &Grid, other: &Grid) -> VoxelBox {
    let grid_from_other = grid.voxel_from_world() * other.world_from_voxel();
    let m = grid_from_other.matrix3;
    // Half a voxel of `other`, but at least one of `grid`, on each side.
    let margin = (m.x_axis.abs() + m.y_axis.abs() + m.z_axis.abs()).max(DVec3::ONE);
    let last = other.size().map(|n| n as f64 - 1.0);
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    for corner in 0..8u8 {
        let pick = |axis: u8, end: f64| if corner >> axis & 1 == 1 { end } else { 0.0 };
        let [x, y, z] = last;
        let p = grid_from_other.transform_point3(DVec3::new(pick(0, x), pick(1, y), pick(2, z)));
        (low, high) = (low.min(p), high.max(p));
    }
    let (low, high) = ((low - margin).floor(), (high + margin).ceil() + 1.0);
    let [ni, nj, nk] = grid.size();
    // Casts saturate, so a far-off box becomes empty.
    VoxelBox {
        min: [(low.x as usize).min(ni), (low.y as usize).min(nj), (low.z as usize).min(nk)],
        max: [(high.x as usize).min(ni), (high.y as usize).min(nj), (high.z as usize).min(nk)],
    }
}

fn is_diagonal(affine: &DAffine3) -> bool {
    let m = affine.matrix3;
    let off = [m.x_axis.y, m.x_axis.z, m.y_axis.x, m.y_axis.z, m.z_axis.x, m.z_axis.y];
    // A hundredth of a source voxel at the far end of the longest axis.
    off.iter().all(|v| v.abs() < 1e-6) && [m.x_axis.x, m.y_axis.y, m.z_axis.z].iter().all(|v| *v != 0.0)
}

/// Weights of one output voxel: the first source voxel and one weight for each that follows.
struct Taps {
    first: usize,
    weights: Array1<f32>,
}

fn taps(n_src: usize, n_dst: usize, scale: f64, offset: f64) -> Vec<Option<Taps>> {
    let half = scale.abs().max(1.0);
    let last = n_src as f64 - 1.0;
    (0..n_dst)
        .map(|n| {
            let centre = n as f64 * scale + offset;
            if centre < -0.5 || centre > last + 0.5 {
                return None;
            }
            let centre = centre.clamp(0.0, last);
            let first = (centre - half).ceil().max(0.0);
            let end = (centre + half).floor().min(last);
            let weight = |s: f64| (1.0 - (s - centre).abs() / half).max(0.0);
            let count = (end - first) as usize + 1;
            let places = (0..count).map(|m| first + m as f64);
            let raw: Vec<(f64, f64)> = places.map(|s| (s, weight(s))).collect();
            let sum: f64 = raw.iter().map(|(_, w)| w).sum();
            let mean = raw.iter().map(|(s, w)| s * w).sum::<f64>() / sum;
            let variance = raw.iter().map(|(s, w)| (s - mean).powi(2) * w).sum::<f64>() / sum;
            // A sampled triangle is a little off centre; tilting it puts a linear image back in its
            // place. At the array's ends the window is cut and stays as it is.
            let cut = first > centre - half + 1.0 || end < centre + half - 1.0;
            let tilt = if cut || variance < 1e-9 { 0.0 } else { (centre - mean) / variance };
            let weights = raw.iter().map(|(s, w)| (w / sum * (1.0 + tilt * (s - mean))) as f32).collect();
            Some(Taps { first: first as usize, weights })
        })
        .collect()
}

fn separable(src: ArrayView3<'_, f32>, affine: &DAffine3, [ni, nj, nk]: [usize; 3], fill: f32) -> Array3<f32> {
    let (sk, sj, si) = src.dim();
    let m = affine.matrix3;
    let o = affine.translation;
    let along_i = taps(si, ni, m.x_axis.x, o.x);
    let along_j = taps(sj, nj, m.y_axis.y, o.y);
    let along_k = taps(sk, nk, m.z_axis.z, o.z);
    // Slices first: what follows then works on fewer of them.
    let pass = along_axis(src, Axis(0), &along_k);
    let pass = along_axis(pass.view(), Axis(1), &along_j);
    let mut out = along_i_rows(pass.view(), &along_i);
    fill_outside(&mut out, [&along_k, &along_j, &along_i], fill);
    out
}

fn along_axis(src: ArrayView3<'_, f32>, axis: Axis, taps: &[Option<Taps>]) -> Array3<f32> {
    let mut shape = src.raw_dim();
    if let Some(n) = ndarray::Dimension::slice_mut(&mut shape).get_mut(axis.0) {
        *n = taps.len();
    }
    let mut out = Array3::<f32>::zeros(shape);
    Zip::from(out.axis_iter_mut(axis)).and(taps).par_for_each(|mut plane, taps| {
        let Some(taps) = taps else { return };
        for (n, &w) in taps.weights.iter().enumerate() {
            plane.scaled_add(w, &src.index_axis(axis, taps.first + n));
        }
    });
    out
}

fn along_i_rows(src: ArrayView3<'_, f32>, taps: &[Option<Taps>]) -> Array3<f32> {
    let (nk, nj, _) = src.dim();
    let mut out = Array3::<f32>::zeros((nk, nj, taps.len()));
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(src.axis_iter(Axis(0))).for_each(|(mut out, src)| {
        for (mut row_out, row) in out.rows_mut().into_iter().zip(src.rows()) {
            let row = row.to_slice().unwrap_or_default();
            for (v, taps) in row_out.iter_mut().zip(taps) {
                let Some(taps) = taps else { continue };
                let from = row.get(taps.first..).unwrap_or_default();
                *v = taps.weights.iter().zip(from).map(|(w, s)| w * s).sum();
            }
        }
    });
    out
}

fn fill_outside(out: &mut Array3<f32>, taps: [&[Option<Taps>]; 3], fill: f32) {
    for (axis, taps) in taps.into_iter().enumerate() {
        for (n, t) in taps.iter().enumerate() {
            if t.is_none() {
                out.index_axis_mut(Axis(axis), n).fill(fill);
            }
        }
    }
}

fn trilinear(src: ArrayView3<'_, f32>, affine: &DAffine3, shape: [usize; 3], fill: f32) -> Array3<f32> {
    let (sk, sj, si) = src.dim();
    let last = DVec3::new(si as f64 - 1.0, sj as f64 - 1.0, sk as f64 - 1.0);
    let mut out = Array3::<f32>::from_elem(shape, fill);
    out.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(k, mut plane)| {
        for ((j, i), v) in plane.indexed_iter_mut() {
            let p = affine.transform_point3(DVec3::new(i as f64, j as f64, k as f64));
            if p.cmplt(DVec3::splat(-0.5)).any() || p.cmpgt(last + 0.5).any() {
                continue;
            }
            *v = interpolate(src, p.clamp(DVec3::ZERO, last));
        }
    });
    out
}

fn interpolate(src: ArrayView3<'_, f32>, p: DVec3) -> f32 {
    let low = p.floor();
    let t = (p - low).as_vec3();
    let [i, j, k] = [low.x as usize, low.y as usize, low.z as usize];
    let mut sum = 0.0;
    for (dk, wk) in [(0, 1.0 - t.z), (1, t.z)] {
        for (dj, wj) in [(0, 1.0 - t.y), (1, t.y)] {
            for (di, wi) in [(0, 1.0 - t.x), (1, t.x)] {
                let w = wk * wj * wi;
                if w > 0.0 {
                    sum += w * src.get((k + dk, j + dj, i + di)).copied().unwrap_or_default();
                }
            }
        }
    }
    sum
}
