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
    /// Values above a percentile (of the finite ones, nearest rank) are set to it, then as
    /// [`Normalisation::MinMax`]: truncated distance maps as studied by Marinov et al., "Guiding the
    /// Guidance" (2023).
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
                cap(&mut map, percent);
                min_max(&mut map);
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

/// Caps values above the `percent`-th percentile of the finite ones (nearest rank), +∞ too.
fn cap(map: &mut ArrayViewMut3<'_, f32>, percent: f32) {
    let mut values: Vec<f32> = map.iter().copied().filter(|v| v.is_finite()).collect();
    let Some(last) = values.len().checked_sub(1) else { return };
    let rank = ((f64::from(percent) / 100.0 * values.len() as f64).ceil() as usize).saturating_sub(1).min(last);
    let (_, &mut cap, _) = values.select_nth_unstable_by(rank, f32::total_cmp);
    map.par_mapv_inplace(|v| v.min(cap));
}
