//! How maps are brought to a network's range.

use crate::{GuidanceError, check};
use ndarray::ArrayViewMut3;

/// A way to bring a map of distances to a range that a network likes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Normalisation {
    /// As it is.
    #[default]
    None,
    /// To `[0, 1]` by the least and the greatest finite value; +∞ becomes 1. The usual rescaling.
    MinMax,
    /// As [`Normalisation::MinMax`], then what is not above this percentile of the values above 0 (linear
    /// between ranks) becomes 0, so that a margin round the points is flat. So does the code published with
    /// Marinov et al., "Guiding the Guidance" (MICCAI 2023); their θ.
    Percentile(f32),
    /// `exp(−v/τ)`: 1 at 0, 0 at +∞, as Luo et al., "MIDeepSeg" (Medical Image Analysis 2021), do it to
    /// geodesic distances.
    Exponential(f32),
}

impl Normalisation {
    /// Checks the parameter.
    ///
    /// # Errors
    /// A percentage outside `[0, 100]`, a τ not above 0.
    pub fn check(self) -> Result<(), GuidanceError> {
        match self {
            Self::None | Self::MinMax => Ok(()),
            Self::Percentile(percent) => check::percent(percent),
            Self::Exponential(tau) => check::positive("tau", tau),
        }
    }

    /// Normalises a map `[k, j, i]` in place.
    ///
    /// # Errors
    /// As [`Normalisation::check`].
    pub fn apply(self, mut map: ArrayViewMut3<'_, f32>) -> Result<(), GuidanceError> {
        self.check()?;
        match self {
            Self::None => {}
            Self::MinMax => min_max(&mut map),
            Self::Percentile(percent) => {
                min_max(&mut map);
                flatten(&mut map, percent);
            }
            Self::Exponential(tau) => map.par_mapv_inplace(|v| (-v / tau).exp()),
        }
        Ok(())
    }
}

/// Scales the finite values to `[0, 1]` by their minimum and maximum; +∞ becomes 1, a constant map 0.
fn min_max(map: &mut ArrayViewMut3<'_, f32>) {
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

/// Sets to 0 what is not above the `percent`-th percentile of the values above 0.
fn flatten(map: &mut ArrayViewMut3<'_, f32>, percent: f32) {
    let Some(last) = map.iter().filter(|v| **v > 0.0).count().checked_sub(1) else { return };
    let rank = f64::from(percent) / 100.0 * last as f64;
    let (low, high) = (ranked(map, rank as usize), ranked(map, (rank as usize + 1).min(last)));
    let threshold = low + (high - low) * rank.fract() as f32;
    map.par_mapv_inplace(|v| if v > threshold { v } else { 0.0 });
}

/// The value above 0 that so many others precede.
fn ranked(map: &ArrayViewMut3<'_, f32>, mut rank: usize) -> f32 {
    // Bits of numbers above 0 sort as they do: the upper half is found by counting, then the lower, without a copy.
    let mut found = 0u32;
    for shift in [16, 0] {
        let mut counts = vec![0usize; 1 << 16];
        let bits = map.iter().filter(|v| **v > 0.0).map(|v| v.to_bits());
        for bits in bits.filter(|bits| shift == 16 || bits >> 16 == found >> 16) {
            counts.get_mut((bits >> shift & 0xFFFF) as usize).into_iter().for_each(|n| *n += 1);
        }
        for (digit, count) in (0u32..).zip(counts) {
            if rank < count {
                found |= digit << shift;
                break;
            }
            rank -= count;
        }
    }
    f32::from_bits(found)
}
