//! Rarer signals of the literature: adaptive Gaussian, location prior, attraction field; and the
//! ways in which maps are normalised for a network.

use crate::local::{add_gaussian, reach_box};
use crate::{Geodesic, GuidanceError, check, geodesic_distance_channels};
use ndarray::{Array3, ArrayView3, s};
use rayon::prelude::*;
use std::collections::VecDeque;

/// How an adaptive Gaussian chooses its width: `σ = a·exp(−b·x)` voxels, `x` the mean geodesic
/// distance from the click in the box of `window`³ voxels round it.
///
/// The constants are those of "Guiding the Guidance" (Marinov et al., 2023); the continuous σ, and
/// the conversion to mm by the smallest voxel side, are ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// Width where the image is flat, in voxels.
    pub a: f32,
    /// How fast it narrows.
    pub b: f32,
    /// Side of the box, in voxels (odd).
    pub window: usize,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { a: 13.0, b: 0.15, window: 9 }
    }
}

/// A Gaussian round each point whose width follows the image: wide in flat tissue, narrow at edges.
///
/// `image` holds channels `[k, j, i]`, `points` are `[k, j, i]`; the highest bump wins, 0 without points.
///
/// # Errors
/// As [`geodesic_distance_channels`]; `a` not above 0, an even window.
pub fn adaptive_gaussian(
    image: &[ArrayView3<'_, f32>],
    points: &[[usize; 3]],
    metric: &Geodesic,
    adaptive: &Adaptive,
) -> Result<Array3<f32>, GuidanceError> {
    let shape = check::channels(image)?;
    check::all(shape, points, metric.spacing_mm)?;
    check::positive("a", adaptive.a)?;
    if adaptive.window.is_multiple_of(2) {
        return Err(GuidanceError::Parameter {
            name: "window",
            value: adaptive.window as f32,
            range: "an odd number of voxels",
        });
    }
    let side = metric.spacing_mm.into_iter().fold(f32::INFINITY, f32::min);
    let mut out = Array3::zeros(shape);
    for &point in points {
        let [k, j, i] = reach_box(shape, point, [1.0; 3], adaptive.window as f32 / 2.0 - 1.5);
        let near: Vec<_> = image.iter().map(|c| c.slice(s![k.clone(), j.clone(), i.clone()])).collect();
        let [pk, pj, pi] = point;
        let inside = [pk - k.start, pj - j.start, pi - i.start];
        let far = geodesic_distance_channels(&near, &[inside], &Geodesic { cutoff: None, ..*metric })?;
        let sigma = adaptive.a * (-adaptive.b * far.mean().unwrap_or_default()).exp() * side;
        // Far below a voxel the bump is the point itself.
        add_gaussian(out.view_mut(), &[point], metric.spacing_mm, sigma.max(0.1 * side))?;
    }
    Ok(out)
}

/// 255 at the points, 10 less for each edge voxel entered on the way (the way that enters fewest), at least 0.
///
/// `edges` `[k, j, i]` marks edge voxels; ways lead over 26 neighbours. 0 everywhere without points.
///
/// # Errors
/// An empty array, a point outside it.
pub fn location_prior(edges: ArrayView3<'_, bool>, points: &[[usize; 3]]) -> Result<Array3<f32>, GuidanceError> {
    let shape = check::shape_of(&edges);
    check::all(shape, points, [1.0; 3])?;
    let mut crossed = Array3::from_elem(shape, u32::MAX);
    let mut queue = VecDeque::new();
    for &point in points {
        if let Some(n) = crossed.get_mut(point) {
            *n = 0;
            queue.push_back((point, 0));
        }
    }
    while let Some((at, count)) = queue.pop_front() {
        if crossed.get(at).is_none_or(|&n| n < count) {
            continue;
        }
        let [rk, rj, ri] = reach_box(shape, at, [1.0; 3], 0.5);
        for k in rk {
            for j in rj.clone() {
                for i in ri.clone() {
                    let edge = edges.get([k, j, i]).copied().unwrap_or_default();
                    let through = count + u32::from(edge);
                    let Some(n) = crossed.get_mut([k, j, i]).filter(|n| through < **n) else { continue };
                    *n = through;
                    if edge { queue.push_back(([k, j, i], through)) } else { queue.push_front(([k, j, i], through)) }
                }
            }
        }
    }
    Ok(crossed.mapv(|n| (255.0 - 10.0 * n as f32).max(0.0)))
}

/// The field of charges at the clicks: `Σ q / (d² + ε)`, `q` +1 at `positive` and −1 at `negative`
/// points, `d` in mm.
///
/// Our formula (the literature names the signal without one). `epsilon_mm2` bounds it at the points
/// themselves. Points are `[k, j, i]`; 0 without any.
///
/// # Errors
/// An empty shape, a point outside it, an unusable spacing, ε not above 0.
pub fn attraction_field(
    shape: [usize; 3],
    positive: &[[usize; 3]],
    negative: &[[usize; 3]],
    spacing_mm: [f32; 3],
    epsilon_mm2: f32,
) -> Result<Array3<f32>, GuidanceError> {
    check::all(shape, positive, spacing_mm)?;
    check::points(negative, shape)?;
    check::positive("epsilon", epsilon_mm2)?;
    let charges: Vec<_> = positive.iter().map(|p| (*p, 1.0)).chain(negative.iter().map(|p| (*p, -1.0))).collect();
    let [sk, sj, si] = spacing_mm;
    let mut out = Array3::zeros(shape);
    out.axis_iter_mut(ndarray::Axis(0)).into_par_iter().enumerate().for_each(|(k, mut slice)| {
        for (j, mut row) in slice.rows_mut().into_iter().enumerate() {
            for &([pk, pj, pi], charge) in &charges {
                let (dk, dj) = (k.abs_diff(pk) as f32 * sk, j.abs_diff(pj) as f32 * sj);
                let beside = dk * dk + dj * dj + epsilon_mm2;
                for (v, i) in row.iter_mut().zip(0i32..) {
                    let di = (i - pi as i32) as f32 * si;
                    *v += charge / (beside + di * di);
                }
            }
        }
    });
    Ok(out)
}

/// Scales the finite values to `[0, 1]` by their minimum and maximum; +∞ becomes 1, a constant map 0.
pub fn normalise_min_max(map: &mut Array3<f32>) {
    let (low, high) = map
        .iter()
        .filter(|v| v.is_finite())
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let width = high - low;
    map.par_mapv_inplace(|v| match () {
        () if v == f32::INFINITY => 1.0,
        () if width > 0.0 => (v - low) / width,
        () => 0.0,
    });
}

/// Caps values above the `percent`-th percentile of the finite ones (nearest rank), +∞ too.
///
/// # Errors
/// A percentage outside `[0, 100]`.
pub fn cap_at_percentile(map: &mut Array3<f32>, percent: f32) -> Result<(), GuidanceError> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(GuidanceError::Parameter { name: "percent", value: percent, range: "between 0 and 100" });
    }
    let mut values: Vec<f32> = map.iter().copied().filter(|v| v.is_finite()).collect();
    let Some(last) = values.len().checked_sub(1) else { return Ok(()) };
    let rank = ((f64::from(percent) / 100.0 * values.len() as f64).ceil() as usize).saturating_sub(1).min(last);
    let (_, &mut cap, _) = values.select_nth_unstable_by(rank, f32::total_cmp);
    map.par_mapv_inplace(|v| v.min(cap));
    Ok(())
}
