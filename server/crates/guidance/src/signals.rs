//! Rarer signals of the literature: adaptive Gaussian, location prior, attraction field.

use crate::local::{add_gaussian, reach_box};
use crate::{Geodesic, GuidanceError, check, geodesic_distance_channels};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};
use rayon::prelude::*;

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
    check::points(points, shape)?;
    metric.check()?;
    adaptive.check()?;
    let mut out = Array3::zeros(shape);
    for &point in points {
        add_gaussian(out.view_mut(), &[point], metric.spacing_mm, adaptive_sigma(image, point, metric, adaptive)?)?;
    }
    Ok(out)
}

impl Adaptive {
    pub(crate) fn check(&self) -> Result<(), GuidanceError> {
        check::measure("a", self.a)?;
        check::not_negative("b", self.b)?;
        let (value, range) = (self.window as f32, "an odd number of voxels");
        if self.window.is_multiple_of(2) {
            return Err(GuidanceError::Parameter { name: "window", value, range });
        }
        Ok(())
    }
}

/// σ in mm of an adaptive Gaussian round `point`; everything was checked before.
pub(crate) fn adaptive_sigma(
    image: &[ArrayView3<'_, f32>],
    point: [usize; 3],
    metric: &Geodesic,
    adaptive: &Adaptive,
) -> Result<f32, GuidanceError> {
    let shape = image.first().map(check::shape_of).unwrap_or_default();
    let side = metric.spacing_mm.into_iter().fold(f32::INFINITY, f32::min);
    let [k, j, i] = reach_box(shape, point, [1.0; 3], adaptive.window as f32 / 2.0 - 1.5);
    let near: Vec<_> = image.iter().map(|c| c.slice(s![k.clone(), j.clone(), i.clone()])).collect();
    let [pk, pj, pi] = point;
    let inside = [pk - k.start, pj - j.start, pi - i.start];
    let far = geodesic_distance_channels(&near, &[inside], &Geodesic { cutoff: None, ..*metric })?;
    let sigma = adaptive.a * (-adaptive.b * far.mean().unwrap_or_default()).exp() * side;
    // Far below a voxel the bump is the point itself.
    Ok(sigma.max(0.1 * side))
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
    let mut out = Array3::from_elem(shape, f32::NAN);
    let mut level: Vec<u32> = Vec::new();
    let [_, nj, ni] = shape;
    let (flat, voxel) = (
        |[k, j, i]: [usize; 3]| ((k * nj + j) * ni + i) as u32,
        |at: u32| {
            let at = at as usize;
            [at / (nj * ni), at / ni % nj, at % ni]
        },
    );
    for &point in points {
        out.get_mut(point).into_iter().for_each(|v| *v = 255.0);
        level.push(flat(point));
    }
    // Wave after wave through what costs nothing; edges are left to the next level.
    let mut value = 255.0;
    while value > 0.0 && !level.is_empty() {
        let mut edge_level = Vec::new();
        while !level.is_empty() {
            let mut wave = Vec::new();
            for at in level {
                let [rk, rj, ri] = reach_box(shape, voxel(at), [1.0; 3], 0.5);
                for near in rk.flat_map(|k| rj.clone().map(move |j| (k, j))) {
                    for to in ri.clone().map(|i| [near.0, near.1, i]) {
                        let Some(v) = out.get_mut(to).filter(|v| v.is_nan()) else { continue };
                        let edge = edges.get(to).copied().unwrap_or_default();
                        *v = if edge { (value - 10.0_f32).max(0.0) } else { value };
                        if edge { edge_level.push(flat(to)) } else { wave.push(flat(to)) }
                    }
                }
            }
            level = wave;
        }
        (level, value) = (edge_level, value - 10.0);
    }
    // Never reached: behind too many edges, or no points at all.
    out.par_mapv_inplace(|v| if v.is_nan() { 0.0 } else { v });
    Ok(out)
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
    check::measure("epsilon", epsilon_mm2)?;
    let charges: Vec<_> = positive.iter().map(|p| (*p, 1.0)).chain(negative.iter().map(|p| (*p, -1.0))).collect();
    let mut out = Array3::zeros(shape);
    attract(out.view_mut(), [0; 3], &charges, spacing_mm, epsilon_mm2);
    Ok(out)
}

/// Adds the field of charges; voxel `[0; 3]` of `out` is `origin` in their grid.
pub(crate) fn attract(
    mut out: ArrayViewMut3<'_, f32>,
    [ok, oj, oi]: [usize; 3],
    charges: &[([usize; 3], f32)],
    spacing_mm: [f32; 3],
    epsilon_mm2: f32,
) {
    let [sk, sj, si] = spacing_mm;
    out.axis_iter_mut(ndarray::Axis(0)).into_par_iter().enumerate().for_each(|(k, mut slice)| {
        for (j, mut row) in slice.rows_mut().into_iter().enumerate() {
            for &([pk, pj, pi], charge) in charges {
                let (dk, dj) = ((k + ok).abs_diff(pk) as f32 * sk, (j + oj).abs_diff(pj) as f32 * sj);
                let beside = dk * dk + dj * dj + epsilon_mm2;
                for (v, i) in row.iter_mut().zip(oi as i32..) {
                    let di = (i - pi as i32) as f32 * si;
                    *v += charge / (beside + di * di);
                }
            }
        }
    });
}
