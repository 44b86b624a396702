//! Coarse samples on the working grid.

use isochrone_volume::{Grid, resample};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, Axis, Zip};

/// Beyond this logit (p = 0.0003) nothing is uncertain.
const SURE: f32 = 8.0;

/// Samples `[t, k, j, i]` on the region from coarser ones: the answer's logit plus how far each sample's logit lies from
/// the samples' mean, interpolated. The coarse samples say how the answer varies, the answer where its edges are.
pub(crate) fn sharpened(coarse: &Array4<f32>, coarse_grid: &Grid, answer: &Array3<f32>, region: &Grid) -> Array4<f32> {
    let logits = coarse.mapv(logit);
    let mean = logits.mean_axis(Axis(0)).unwrap_or_else(|| Array3::zeros(coarse_grid.shape()));
    let answer = answer.mapv(logit);
    let (nk, nj, ni) = answer.dim();
    let mut samples = Array4::zeros((coarse.len_of(Axis(0)), nk, nj, ni));
    samples.outer_iter_mut().into_par_iter().zip(logits.outer_iter()).for_each(|(mut sample, logits)| {
        let change = resample::to_grid((&logits - &mean).view(), coarse_grid, region, 0.0);
        Zip::from(&mut sample).and(&answer).and(&change).for_each(|p, &answer, &change| {
            // Far from the border most voxels are sure, and need no exponential.
            let logit = answer + change;
            *p = if logit < -SURE {
                0.0
            } else if logit > SURE {
                1.0
            } else {
                1.0 / (1.0 + (-logit).exp())
            };
        });
    });
    samples
}

fn logit(p: f32) -> f32 {
    let p = p.clamp(1e-5, 1.0 - 1e-5);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isochrone_volume::{DAffine3, DVec3};

    #[test]
    fn the_answer_gives_the_edge_and_the_samples_the_spread() {
        let grid = |n: usize, spacing: f64| {
            let middle = DVec3::splat((spacing - 1.0) / 2.0);
            let affine = DAffine3 { translation: middle, ..DAffine3::from_scale(DVec3::splat(spacing)) };
            Grid::new([n; 3], affine).unwrap()
        };
        let (fine, coarse) = (grid(16, 1.0), grid(4, 4.0));
        let answer = Array3::from_shape_fn((16, 16, 16), |(_, _, i)| if i < 7 { 0.9 } else { 0.1 });
        // One sample a logit above the mean, one a logit below; and everywhere the same.
        let p = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        let samples = Array4::from_shape_fn((2, 4, 4, 4), |(t, ..)| p(if t == 0 { 0.5 } else { -1.5 }));
        let sharp = sharpened(&samples, &coarse, &answer, &fine);
        assert_eq!(sharp.dim(), (2, 16, 16, 16));
        for ((t, _, _, i), &v) in sharp.indexed_iter() {
            let edge = if i < 7 { 0.9f32 } else { 0.1 };
            let expected = p((edge / (1.0 - edge)).ln() + if t == 0 { 1.0 } else { -1.0 });
            assert!((v - expected).abs() < 1e-5, "{v} {expected}");
        }
        // Samples that agree are the answer.
        let agreed = sharpened(&Array4::from_elem((3, 4, 4, 4), 0.3), &coarse, &answer, &fine);
        for sample in agreed.outer_iter() {
            assert!(sample.iter().zip(&answer).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
