#![allow(clippy::indexing_slicing)] // Neighbours are clamped to the array before they are looked up.

use super::bits::Bits;
use super::curvature::{dilate, erode, smooth};
use crate::ClassicalError;
use crate::error::{same_shape, usable};
use ndarray::{Array3, ArrayView3};

/// How a contour moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeodesicContour {
    /// Steps.
    pub iterations: usize,
    /// Curvature steps in each; 1 to 4 are usual.
    pub smoothing: usize,
    /// Above 0 the contour swells where there is no edge, below 0 it shrinks, at 0 it waits.
    pub balloon: f32,
    /// Edge image above which there is no edge; `None` takes its 40th percentile.
    pub threshold: Option<f32>,
}

/// Voxels that a contour may not change, `[k, j, i]`.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// Always inside.
    pub inside: ArrayView3<'a, bool>,
    /// Always outside.
    pub outside: ArrayView3<'a, bool>,
}

/// Moves the border of `initial` to valleys of `edges`, `[k, j, i]`.
///
/// `edges` is near 0 at edges and near 1 elsewhere ([`super::inverse_gaussian_gradient`]). Each
/// iteration applies balloon, edge attraction and smoothing, as
/// `skimage.segmentation.morphological_geodesic_active_contour` does in a fresh process. `stop` is
/// asked once an iteration; once it says true there is no answer.
///
/// # Errors
/// Shapes that differ, or an empty array.
pub fn geodesic_active_contour(
    edges: ArrayView3<'_, f32>,
    initial: ArrayView3<'_, bool>,
    pinned: Option<Pinned<'_>>,
    options: &GeodesicContour,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Array3<bool>>, ClassicalError> {
    same_shape("The initial contour", initial.dim(), edges.dim())?;
    let shape = usable(edges.dim())?;
    let pins = match pinned {
        Some(pinned) => {
            same_shape("The pinned inside", pinned.inside.dim(), edges.dim())?;
            same_shape("The pinned outside", pinned.outside.dim(), edges.dim())?;
            Some((Bits::of(pinned.inside, |v| v), Bits::of(pinned.outside, |v| v)))
        }
        None => None,
    };
    let edges = edges.as_standard_layout();
    let threshold = options.threshold.unwrap_or_else(|| percentile(edges.iter().copied().collect(), 40.0));
    let still = threshold / options.balloon.abs();
    let free = Bits::of(edges.view(), |v| v > still);
    let mut contour = Contour { now: Bits::of(initial, |v| v), scratch: Bits::empty(shape), turn: 0 };
    // States alternate with the smoothing's turn; once one returns, only the parity is left to decide.
    let mut before: [Option<Bits>; 2] = [None, None];
    let mut left = options.iterations;
    while left > 0 {
        if stop() {
            return Ok(None);
        }
        contour.step(edges.view(), &free, options);
        if let Some((inside, outside)) = &pins {
            contour.now.set(inside);
            contour.now.unset(outside);
        }
        left -= 1;
        if before[left % 2].as_ref() == Some(&contour.now) {
            left %= 2;
        }
        before[left % 2] = Some(contour.now.clone());
    }
    Ok(Some(contour.now.to_array()))
}

struct Contour {
    now: Bits,
    scratch: Bits,
    /// Smoothing steps so far.
    turn: usize,
}

impl Contour {
    fn step(&mut self, edges: ArrayView3<'_, f32>, free: &Bits, options: &GeodesicContour) {
        if options.balloon != 0.0 {
            self.now.map(&mut self.scratch, if options.balloon > 0.0 { dilate } else { erode });
            self.now.replace_where(free, &self.scratch);
        }
        self.attach(edges);
        for _ in 0..options.smoothing {
            smooth(&mut self.now, &mut self.scratch, self.turn);
            self.turn += 1;
        }
    }

    /// Voxels at the contour go to the side from which the edge image falls.
    fn attach(&mut self, edges: ArrayView3<'_, f32>) {
        let ([nk, nj, ni], now) = (self.now.shape, &self.now);
        let g = edges.as_slice().unwrap_or_default();
        self.scratch.rows_mut(|k, j, words| {
            let ([k0, k1], [j0, j1]) = (either(k, nk), either(j, nj));
            let rows = [(now.words(k0, j), now.words(k1, j)), (now.words(k, j0), now.words(k, j1))];
            let here = now.words(k, j);
            for (n, word) in words.iter_mut().enumerate() {
                *word = here[n];
                let low = here[n] << 1 | if n > 0 { here[n - 1] >> 63 } else { here[0] & 1 };
                let high = here[n] >> 1 | here.get(n + 1).map_or(0, |w| w << 63);
                let mut moving = low ^ high;
                // The last voxel of a row has no neighbour beyond it but itself.
                if n + 1 == here.len() {
                    moving |= 1 << ((ni - 1) % 64);
                }
                rows.iter().for_each(|(a, b)| moving |= a[n] ^ b[n]);
                while moving != 0 {
                    let bit = moving.trailing_zeros() as usize;
                    moving &= moving - 1;
                    let i = n * 64 + bit;
                    if i >= ni {
                        break;
                    }
                    let [i0, i1] = either(i, ni);
                    let at = |k: usize, j: usize, i: usize| g[(k * nj + j) * ni + i];
                    let bit_of = |k: usize, j: usize, i: usize| i32::from(now.get(k, j, i));
                    let part = |span: usize, dg: f32, du: i32| if du == 0 { 0.0 } else { dg * du as f32 * scale(span) };
                    let pull = part(k1 - k0, at(k1, j, i) - at(k0, j, i), bit_of(k1, j, i) - bit_of(k0, j, i))
                        + part(j1 - j0, at(k, j1, i) - at(k, j0, i), bit_of(k, j1, i) - bit_of(k, j0, i))
                        + part(i1 - i0, at(k, j, i1) - at(k, j, i0), bit_of(k, j, i1) - bit_of(k, j, i0));
                    if pull > 0.0 {
                        *word |= 1 << bit;
                    } else if pull < 0.0 {
                        *word &= !(1 << bit);
                    }
                }
            }
        });
        std::mem::swap(&mut self.now, &mut self.scratch);
    }
}

/// Indices between which a derivative is taken: one-sided at the ends.
fn either(n: usize, len: usize) -> [usize; 2] {
    [n.saturating_sub(1), (n + 1).min(len - 1)]
}

/// Both derivatives are divided by their span.
fn scale(span: usize) -> f32 {
    if span == 2 { 0.25 } else { 1.0 }
}

/// Percentile with linear interpolation between ranks, as NumPy's default.
fn percentile(mut values: Vec<f32>, percent: f64) -> f32 {
    let rank = percent / 100.0 * (values.len().max(1) - 1) as f64;
    let below = rank.floor() as usize;
    if below >= values.len() {
        return 0.0;
    }
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    (f64::from(low) + f64::from(high - low) * (rank - rank.floor())) as f32
}
