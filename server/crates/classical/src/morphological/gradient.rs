use crate::ClassicalError;
use crate::error::{not_negative, positive, usable};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, Zip};

/// `1 / √(1 + α·|∇(G_σ * I)|)`: near 1 in even places, near 0 at edges. `[k, j, i]`.
///
/// `sigma_voxels` is the Gaussian's σ along every axis, cut off at 4σ; the image goes on beyond its
/// border with its border's value. Gradients are per voxel, so use a grid of equal spacing.
///
/// # Errors
/// An empty array, α below 0, or σ not above 0.
pub fn inverse_gaussian_gradient(
    image: ArrayView3<'_, f32>,
    alpha: f32,
    sigma_voxels: f32,
) -> Result<Array3<f32>, ClassicalError> {
    usable(image.dim())?;
    let alpha = not_negative("alpha", alpha)?;
    let sigma = positive("sigma", sigma_voxels)?.min(1000.0);
    let (even, odd) = kernels(sigma);
    let along_k = filtered(image, Axis(0), &even);
    let both = filtered(along_k.view(), Axis(1), &even);
    let mut squares = filtered(both.view(), Axis(2), &odd);
    squares.par_mapv_inplace(|v| v * v);
    let first = filtered(along_k.view(), Axis(1), &odd);
    add_square(&mut squares, &filtered(first.view(), Axis(2), &even));
    let first = filtered(image, Axis(0), &odd);
    let second = filtered(first.view(), Axis(1), &even);
    add_square(&mut squares, &filtered(second.view(), Axis(2), &even));
    squares.par_mapv_inplace(|v| 1.0 / (1.0 + alpha * v.sqrt()).sqrt());
    Ok(squares)
}

fn add_square(sum: &mut Array3<f32>, part: &Array3<f32>) {
    Zip::from(sum).and(part).par_for_each(|s, p| *s += p * p);
}

/// The Gaussian of unit sum and its derivative, sampled from `-4σ` to `4σ`.
pub(crate) fn kernels(sigma: f32) -> (Vec<f32>, Vec<f32>) {
    let sigma = f64::from(sigma);
    let reach = (4.0 * sigma + 0.5) as i64;
    let bell: Vec<f64> = (-reach..=reach).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = bell.iter().sum();
    let slope = |(x, b): (i64, &f64)| (x as f64 / (sigma * sigma) * b / sum) as f32;
    (bell.iter().map(|b| (b / sum) as f32).collect(), (-reach..=reach).zip(&bell).map(slope).collect())
}

/// Correlates along one axis.
pub(crate) fn filtered(image: ArrayView3<'_, f32>, axis: Axis, kernel: &[f32]) -> Array3<f32> {
    let len = image.len_of(axis);
    let reach = kernel.len() / 2;
    let mut out = Array3::zeros(image.dim());
    if axis == Axis(2) {
        Zip::from(out.lanes_mut(axis)).and(image.lanes(axis)).par_for_each(|mut out, row| {
            let last = row.len() - 1;
            let padded: Vec<f32> =
                (0..len + 2 * reach).filter_map(|n| row.get(n.saturating_sub(reach).min(last)).copied()).collect();
            for (o, window) in out.iter_mut().zip(padded.windows(kernel.len())) {
                *o = window.iter().zip(kernel).map(|(a, b)| a * b).sum();
            }
        });
    } else {
        // Whole planes at a time, so that memory is walked along rows.
        out.axis_iter_mut(axis).into_par_iter().enumerate().for_each(|(n, mut plane)| {
            for (m, &w) in kernel.iter().enumerate() {
                let from = (n + m).saturating_sub(reach).min(len - 1);
                plane.scaled_add(w, &image.index_axis(axis, from));
            }
        });
    }
    out
}
