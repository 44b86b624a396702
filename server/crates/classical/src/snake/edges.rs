use super::curve::{Curve, Point};
use crate::ClassicalError;
use crate::morphological::{filtered, kernels};
use ndarray::{Array2, ArrayView2, Axis};

/// What the image offers a snake at one σ: `P = −g / (g + ḡ)`, `g` being the gradient's magnitude and `ḡ`
/// its median along the curve, taken at the strongest within 2σ. Across a step as strong as `ḡ`, which the
/// Gaussian makes a bell, the valley of `P` is curved by `1 / (4σ²)`; across any other, by less.
pub(super) struct Edges {
    /// `−∇P`, along `j` and `i`, for steps in mm.
    force: [Array2<f32>; 2],
    spacing_mm: [f64; 2],
}

impl Edges {
    pub fn new(
        image: ArrayView2<'_, f32>,
        spacing_mm: [f32; 2],
        sigma_mm: f32,
        curve: &Curve,
    ) -> Result<Self, ClassicalError> {
        let [sj, si] = spacing_mm;
        let finite = image.mapv(|v| if v.is_finite() { v } else { 0.0 });
        let slice = finite.view().insert_axis(Axis(0));
        let limit = |s: f32| kernels((sigma_mm / s).clamp(0.3, 200.0));
        let ((smooth_j, slope_j), (smooth_i, slope_i)) = (limit(sj), limit(si));
        let pass = |along_j: &[f32], along_i: &[f32]| {
            filtered(filtered(slice, Axis(1), along_j).view(), Axis(2), along_i).index_axis_move(Axis(0), 0)
        };
        let (dj, di) = (pass(&slope_j, &smooth_i) / sj, pass(&smooth_j, &slope_i) / si);
        let mut strength = (&dj * &dj + &di * &di).mapv(f32::sqrt);
        let spacing = spacing_mm.map(f64::from);
        let typical = typical(&strength, spacing, f64::from(sigma_mm), curve);
        if typical > 0.0 {
            strength.mapv_inplace(|g| g / (g + typical));
        } else {
            strength.fill(0.0);
        }
        let force = [(Axis(0), sj), (Axis(1), si)].map(|(axis, s)| derivative(&strength, axis) / s);
        Ok(Self { force, spacing_mm: spacing })
    }

    /// The force at a place in mm; beyond the slice's border, as at the border.
    pub fn force(&self, [y, x]: Point) -> Point {
        let [sj, si] = self.spacing_mm;
        let [force_j, force_i] = &self.force;
        [interpolated(force_j, y / sj, x / si), interpolated(force_i, y / sj, x / si)]
    }
}

/// The median along the curve of the strongest edge within 2σ along its normal.
fn typical(strength: &Array2<f32>, [sj, si]: [f64; 2], sigma: f64, curve: &Curve) -> f32 {
    let strongest = |(p, n): (&Point, Point)| {
        let at = |way: f64| interpolated(strength, (p[0] + way * n[0]) / sj, (p[1] + way * n[1]) / si);
        (-8..=8).map(|w| at(f64::from(w) * sigma / 4.0)).fold(0.0, f64::max)
    };
    let mut found: Vec<f64> = curve.points.iter().zip(curve.normals()).map(strongest).collect();
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied().unwrap_or_default() as f32
}

/// Central differences, one-sided at the ends, per voxel.
fn derivative(values: &Array2<f32>, axis: Axis) -> Array2<f32> {
    let mut out = values.clone();
    for (mut to, from) in out.lanes_mut(axis).into_iter().zip(values.lanes(axis)) {
        let last = from.len().saturating_sub(1);
        for (n, v) in to.iter_mut().enumerate() {
            let (a, b) = (n.saturating_sub(1), (n + 1).min(last));
            let (low, high) = (from.get(a).copied().unwrap_or_default(), from.get(b).copied().unwrap_or_default());
            *v = (high - low) / b.saturating_sub(a).max(1) as f32;
        }
    }
    out
}

fn interpolated(values: &Array2<f32>, j: f64, i: f64) -> f64 {
    let (nj, ni) = values.dim();
    let (j, i) = (j.clamp(0.0, nj as f64 - 1.0), i.clamp(0.0, ni as f64 - 1.0));
    let (low_j, low_i) = (j.floor(), i.floor());
    let mut sum = 0.0;
    for (dj, wj) in [(0, 1.0 - (j - low_j)), (1, j - low_j)] {
        for (di, wi) in [(0, 1.0 - (i - low_i)), (1, i - low_i)] {
            let at = ((low_j as usize + dj).min(nj - 1), (low_i as usize + di).min(ni - 1));
            sum += wj * wi * f64::from(values.get(at).copied().unwrap_or_default());
        }
    }
    sum
}
