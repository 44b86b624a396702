//! The cells that a line passes through.

use super::SLACK;
use crate::rasterised::Runs;
use isochrone_volume::{DVec3, Grid};

/// Marks every voxel whose cell a polyline (LPS mm) passes through, so that even the thinnest line is
/// connected (26 neighbours). Where it runs on the border between cells, the higher index is taken, as
/// [`Grid::voxel_at`] does. What lies outside of the grid is left out.
pub(crate) fn cells(grid: &Grid, points: &[DVec3], closed: bool, out: &mut Runs) {
    let voxels: Vec<DVec3> = points.iter().map(|p| grid.voxel_from_world().transform_point3(*p)).collect();
    let mut mark = |p: DVec3| {
        // With some slack, so that a line along a border does not stray to both sides of it.
        let [i, j, k] = p.to_array().map(|x| (x + 0.5 + SLACK).floor());
        let [ni, nj, nk] = grid.size().map(|n| n as f64);
        if (0.0..ni).contains(&i) && (0.0..nj).contains(&j) && (0.0..nk).contains(&k) {
            out.push(k as usize, j as usize, i as usize..i as usize + 1);
        }
    };
    voxels.iter().for_each(|p| mark(*p));
    let ends = voxels.iter().skip(1).chain(voxels.first().filter(|_| closed));
    for (&a, &b) in voxels.iter().zip(ends) {
        let crossings = crossings(a, b, grid.size());
        for (&from, &to) in crossings.iter().zip(crossings.iter().skip(1)) {
            // Two borders crossed at once: the line goes through the edge or corner.
            if to - from > 1e-12 {
                mark(a.lerp(b, (from + to) / 2.0));
            }
        }
    }
}

/// Where on the way from `a` (0) to `b` (1), both in voxels, a border between cells is crossed; with both
/// ends, in order, cut to the grid.
fn crossings(a: DVec3, b: DVec3, size: [usize; 3]) -> Vec<f64> {
    let axes = || a.to_array().into_iter().zip(b.to_array()).zip(size);
    let (mut first, mut last) = (0.0f64, 1.0f64);
    for ((a, b), n) in axes() {
        let (p, q) = ((-0.5 - a) / (b - a), (n as f64 - 0.5 - a) / (b - a));
        // A segment along this border has no crossing here: NaN and infinity fall out.
        if a != b {
            (first, last) = (first.max(p.min(q)), last.min(p.max(q)));
        }
    }
    let mut found = Vec::new();
    if first > last {
        return found;
    }
    found.extend([first, last]);
    for ((a, b), _) in axes() {
        let (p, q) = (a + first * (b - a), a + last * (b - a));
        let mut border = (p.min(q) + 0.5).ceil();
        while border < p.max(q) + 0.5 {
            let t = (border - 0.5 - a) / (b - a);
            if first < t && t < last {
                found.push(t);
            }
            border += 1.0;
        }
    }
    found.sort_unstable_by(f64::total_cmp);
    found
}
