#![allow(dead_code)] // Not every test file uses everything.
//! Random grids and planes, and a brute-force reference for figures on a plane.

use isochrone_prompt::{Plane, Rasterised};
use isochrone_volume::{DAffine3, DMat3, DQuat, DVec3, Grid};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn in_range(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    rng.random_range(low..high)
}

pub fn direction(rng: &mut ChaCha8Rng) -> DVec3 {
    loop {
        let d = DVec3::new(in_range(rng, -1.0, 1.0), in_range(rng, -1.0, 1.0), in_range(rng, -1.0, 1.0));
        if d.length() > 0.1 && d.length() < 1.0 {
            return d.normalize();
        }
    }
}

/// Anisotropic, turned, sometimes mirrored, sometimes with a gantry tilt.
pub fn grid(rng: &mut ChaCha8Rng) -> Grid {
    let turn = DMat3::from_quat(DQuat::from_axis_angle(direction(rng), in_range(rng, 0.0, 3.0)));
    let mirror = if rng.random_bool(0.3) { -1.0 } else { 1.0 };
    let mut local = DMat3::from_diagonal(DVec3::new(
        in_range(rng, 0.5, 2.0) * mirror,
        in_range(rng, 0.5, 2.0),
        in_range(rng, 0.8, 5.0),
    ));
    if rng.random_bool(0.25) {
        local.z_axis.y = in_range(rng, -0.4, 0.4) * local.z_axis.z;
    }
    let size = [rng.random_range(14..30), rng.random_range(14..30), rng.random_range(8..20)];
    let translation =
        DVec3::new(in_range(rng, -300.0, 300.0), in_range(rng, -300.0, 300.0), in_range(rng, -300.0, 300.0));
    Grid::new(size, DAffine3 { matrix3: turn * local, translation }).unwrap()
}

/// A plane at any angle through the middle part of a grid.
pub fn plane(rng: &mut ChaCha8Rng, grid: &Grid) -> Plane {
    let [ni, nj, nk] = grid.size().map(|n| n as f64);
    let mut part = |n: f64| in_range(rng, 0.3 * n, 0.7 * n);
    let voxel = DVec3::new(part(ni), part(nj), part(nk));
    let origin = grid.world_from_voxel().transform_point3(voxel);
    Plane::new(origin, direction(rng), direction(rng)).unwrap()
}

/// A point of the plane, in its own coordinates.
pub fn at(plane: &Plane, [x, y]: [f64; 2]) -> DVec3 {
    plane.origin() + x * plane.u() + y * plane.v()
}

/// Half of the longest diagonal of a voxel, mm.
pub fn half_diagonal(grid: &Grid) -> f64 {
    let m = grid.world_from_voxel().matrix3;
    let ends = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
    ends.iter().map(|[y, z]| (m.x_axis + *y * m.y_axis + *z * m.z_axis).length() / 2.0).fold(0.0, f64::max)
}

/// A figure on a plane, by its distance: negative inside, mm.
pub trait Shape {
    fn signed_distance(&self, p: [f64; 2]) -> f64;
    fn bounds(&self) -> ([f64; 2], [f64; 2]);
}

/// Voxels that are wrong by more than half a voxel's diagonal: found by supersampling the figure, and by
/// looking at every marked voxel. Returns how many samples were checked.
pub fn check(grid: &Grid, plane: &Plane, shape: &dyn Shape, found: &Rasterised) -> usize {
    let tolerance = half_diagonal(grid) + 1e-5;
    for voxel in found.voxels() {
        let p = plane.coordinates(grid.centre_mm(voxel));
        let beside = shape.signed_distance([p.x, p.y]).max(0.0);
        assert!(p.z.hypot(beside) <= tolerance, "voxel {voxel:?} lies {} mm off, {beside} beside", p.z.hypot(beside));
    }
    let marked: HashSet<[usize; 3]> = found.voxels().collect();
    assert_eq!(marked.len(), found.count());
    let step = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) / 4.0;
    let ([x0, y0], [x1, y1]) = shape.bounds();
    let mut samples = 0;
    for nx in 0..=((x1 - x0) / step) as usize {
        for ny in 0..=((y1 - y0) / step) as usize {
            let p = [x0 + nx as f64 * step, y0 + ny as f64 * step];
            let Some(voxel) = grid.voxel_at(at(plane, p)) else { continue };
            if marked.contains(&voxel) {
                continue;
            }
            samples += 1;
            let depth = -shape.signed_distance(p);
            assert!(depth <= tolerance, "the cell {voxel:?} holds a sample {depth} mm deep inside, and is not marked");
        }
    }
    samples
}

/// The documented rule, asked of every voxel of the grid: the plane passes through the cell, and the centre,
/// moved onto the plane, lies inside. Voxels where rounding could decide are left out.
pub fn by_rule(grid: &Grid, plane: &Plane, shape: &dyn Shape) -> Vec<([usize; 3], Option<bool>)> {
    let m = grid.world_from_voxel().matrix3;
    let n = plane.normal();
    let half = (m.x_axis.dot(n).abs() + m.y_axis.dot(n).abs() + m.z_axis.dot(n).abs()) / 2.0;
    let [ni, nj, nk] = grid.size();
    let all = (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])));
    all.map(|voxel| {
        let p = plane.coordinates(grid.centre_mm(voxel));
        let inside = shape.signed_distance([p.x, p.y]);
        let clear = (p.z.abs() - half).abs() > 1e-4 && inside.abs() > 1e-4;
        (voxel, clear.then_some(p.z.abs() < half && inside < 0.0))
    })
    .collect()
}

/// Distance of a point from a segment.
pub fn from_segment([x, y]: [f64; 2], [ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let square = dx * dx + dy * dy;
    let t = if square > 0.0 { (((x - ax) * dx + (y - ay) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (x - ax - t * dx).hypot(y - ay - t * dy)
}

/// How often a closed curve goes round a point: the sum of the angles, not a ray.
pub fn turns([x, y]: [f64; 2], curve: &[[f64; 2]]) -> i64 {
    let next = curve.iter().cycle().skip(1);
    let sum: f64 = curve
        .iter()
        .zip(next)
        .map(|([ax, ay], [bx, by])| {
            let (px, py, qx, qy) = (ax - x, ay - y, bx - x, by - y);
            (px * qy - py * qx).atan2(px * qx + py * qy)
        })
        .sum();
    (sum / std::f64::consts::TAU).round() as i64
}

pub fn bounds(points: &[[f64; 2]], margin: f64) -> ([f64; 2], [f64; 2]) {
    let nothing = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    let (low, high) =
        points.iter().fold(nothing, |(l, h), p| ([l[0].min(p[0]), l[1].min(p[1])], [h[0].max(p[0]), h[1].max(p[1])]));
    (low.map(|x| x - margin), high.map(|x| x + margin))
}
