use isochrone_classical::iso_contour::{Contoured, flood, split};
use ndarray::{Array3, Zip};

/// How much hotter than a negative prompt a voxel has to be to stay, in its surroundings: a share of the
/// way from threshold to maximum.
const ABOVE: f32 = 0.02;

/// A contour with the prompts' corrections, on the box that the kernel looked at.
pub(super) struct Local {
    /// Values less the threshold that holds there, in units of the lesion's contrast, `[k, j, i]`.
    margin: Array3<f32>,
    mask: Array3<bool>,
}

impl Local {
    /// Prompts are voxels `[k, j, i]` of the whole image.
    pub fn new(found: Contoured, positive: &[[usize; 3]], negative: &[[usize; 3]], spacing_mm: [f32; 3]) -> Self {
        let [i0, j0, k0] = found.region.min;
        let here = |points: &[[usize; 3]]| -> Vec<[usize; 3]> {
            let shifted = points
                .iter()
                .filter_map(|&[k, j, i]| Some([k.checked_sub(k0)?, j.checked_sub(j0)?, i.checked_sub(i0)?]));
            shifted.filter(|v| found.values.get(*v).is_some()).collect()
        };
        let (positive, negative) = (here(positive), here(negative));
        let contrast = (found.maximum - found.threshold).abs();
        let contrast = if contrast.is_finite() && contrast > 0.0 { contrast } else { 1.0 };
        let value = |v: &[usize; 3]| found.values.get(*v).copied().unwrap_or_default();
        let lowered = |v: &[usize; 3]| found.threshold.min(value(v));
        let raised = |v: &[usize; 3]| found.threshold.max(value(v) + ABOVE * contrast);
        let over = |rivals: &[([usize; 3], f32)]| margins(&found.values, rivals, spacing_mm) / contrast;
        if negative.is_empty() && positive.iter().all(|v| lowered(v) >= found.threshold) {
            return Self { margin: found.values.map(|v| (v - found.threshold) / contrast), mask: found.mask };
        }
        let keep: Vec<_> = positive.iter().map(|v| (*v, lowered(v))).collect();
        let with = |threshold: &dyn Fn(&[usize; 3]) -> f32| -> Vec<_> {
            keep.iter().copied().chain(negative.iter().map(|v| (*v, threshold(v)))).collect()
        };
        // Where the mask is without negative prompts, which then take from it.
        let mut seeds = positive.clone();
        seeds.extend(summit(&found));
        let mask = flood(over(&with(&|_| found.threshold)).view(), &seeds, 0.0).mask;
        let mut mask = split(found.values.view(), mask.view(), &seeds, &negative);
        let margin = over(&with(&raised));
        mask.zip_mut_with(&margin, |m, &d| *m &= d >= 0.0);
        Self { margin, mask }
    }

    /// From 0 to 1; at least 0.5 inside the mask and nowhere else, and crossing 0.5 where the value crosses its threshold.
    pub fn probability(&self) -> Array3<f32> {
        let mut out = self.margin.map(|&d| if d.is_finite() { (0.5 + 0.5 * d).clamp(0.0, 1.0) } else { 0.0 });
        out.zip_mut_with(&self.mask, |p, &inside| *p = if inside { p.max(0.5) } else { p.min(0.499) });
        out
    }
}

/// The brightest voxel of the mask.
fn summit(found: &Contoured) -> Option<[usize; 3]> {
    let inside = found.mask.indexed_iter().filter(|(_, m)| **m);
    let best = inside.filter_map(|(at, _)| Some((*found.values.get(at)?, at))).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, (k, j, i))| [k, j, i])
}

/// Values less the threshold of the nearest prompt; below the lowest of them, less that one.
fn margins(values: &Array3<f32>, prompts: &[([usize; 3], f32)], spacing_mm: [f32; 3]) -> Array3<f32> {
    let lowest = prompts.iter().map(|(_, t)| *t).fold(f32::INFINITY, f32::min);
    let mut out = values.clone();
    Zip::indexed(&mut out).par_for_each(|(k, j, i), v| {
        let distance = |at: &[usize; 3]| -> f32 {
            at.iter().zip([k, j, i]).zip(spacing_mm).map(|((&a, b), s)| (a.abs_diff(b) as f32 * s).powi(2)).sum()
        };
        let nearest = || prompts.iter().map(|(at, t)| (distance(at), *t)).reduce(|a, b| if b.0 < a.0 { b } else { a });
        *v -= if *v < lowest { lowest } else { nearest().map_or(f32::INFINITY, |(_, t)| t) };
    });
    out
}
