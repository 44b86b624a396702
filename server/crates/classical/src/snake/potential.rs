use super::Snake;
use crate::ClassicalError;
use crate::morphological::{filtered, kernels};
use ndarray::{Array2, ArrayView2, Axis};

/// What the image offers a snake, as the force `−∇P` at every voxel.
pub(super) struct Potential {
    /// Along `j` and `i`, for steps in mm.
    force: [Array2<f32>; 2],
    spacing_mm: [f64; 2],
}

impl Potential {
    /// `P = line·I − edge·|∇I|²` of the smoothed slice `[j, i]`, with brightness scaled to its range
    /// and the squared gradient to its maximum, so that weights mean the same on every image.
    pub fn new(image: ArrayView2<'_, f32>, spacing_mm: [f32; 2], snake: &Snake) -> Result<Self, ClassicalError> {
        let [sj, si] = spacing_mm;
        let sigma = crate::error::positive("sigma", snake.sigma_mm)?;
        let finite = image.mapv(|v| if v.is_finite() { v } else { 0.0 });
        let slice = finite.view().insert_axis(Axis(0));
        let limit = |s: f32| kernels((sigma / s).clamp(0.1, 500.0));
        let ((smooth_j, slope_j), (smooth_i, slope_i)) = (limit(sj), limit(si));
        let pass = |along_j: &[f32], along_i: &[f32]| {
            filtered(filtered(slice, Axis(1), along_j).view(), Axis(2), along_i).index_axis_move(Axis(0), 0)
        };
        let (smooth, dj, di) =
            (pass(&smooth_j, &smooth_i), pass(&slope_j, &smooth_i) / sj, pass(&smooth_j, &slope_i) / si);
        let squared = &dj * &dj + &di * &di;
        let (low, high) = smooth.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let strongest = squared.iter().copied().fold(0.0, f32::max);
        // An even slice offers nothing.
        let share = |weight: f64, range: f32| {
            if range > 0.0 { (weight / f64::from(range)).clamp(-1e30, 1e30) as f32 } else { 0.0 }
        };
        let line = share(snake.line, high - low);
        let potential = smooth * line - squared * share(snake.edge, strongest);
        let force = [(Axis(0), sj), (Axis(1), si)].map(|(axis, s)| derivative(&potential, axis) / -s);
        Ok(Self { force, spacing_mm: spacing_mm.map(f64::from) })
    }

    /// The force at a place in mm; at the slice's border beyond it.
    pub fn force(&self, [y, x]: [f64; 2]) -> [f64; 2] {
        let [sj, si] = self.spacing_mm;
        let [force_j, force_i] = &self.force;
        [interpolated(force_j, y / sj, x / si), interpolated(force_i, y / sj, x / si)]
    }
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
