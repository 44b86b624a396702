use crate::Normalisation;
use ndarray::Array3;

/// Least divisor, as in training.
const LEAST_STD: f64 = 1e-6;

impl Normalisation {
    /// Normalises a region `[k, j, i]` in place. NaN and infinity mark voxels outside the volume: they
    /// do not count, and become 0.
    pub fn apply(&self, region: &mut Array3<f32>) {
        let inside: Vec<f32> = region.iter().copied().filter(|v| v.is_finite()).collect();
        let (low, high, mean, std) = match *self {
            Self::None => (f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0),
            Self::Window { low, high } => (low, high, low, high - low),
            Self::ZScore => moments(&inside, f64::NEG_INFINITY, f64::INFINITY),
            Self::PercentileZScore { low, high } => {
                let mut values = inside.clone();
                let (low, high) = (percentile(&mut values, low), percentile(&mut values, high));
                moments(&inside, low, high)
            }
        };
        let (low, high, mean, scale) = (low as f32, high as f32, mean as f32, (1.0 / std) as f32);
        region.mapv_inplace(|v| if v.is_finite() { (v.max(low).min(high) - mean) * scale } else { 0.0 });
    }
}

/// The limits again, and mean and standard deviation of the values clipped to them.
fn moments(values: &[f32], low: f64, high: f64) -> (f64, f64, f64, f64) {
    let count = values.len().max(1) as f64;
    let clipped = || values.iter().map(|&v| f64::from(v).clamp(low, high));
    let mean = clipped().sum::<f64>() / count;
    let variance = clipped().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
    (low, high, mean, variance.sqrt().max(LEAST_STD))
}

/// Percentile with linear interpolation between ranks, as NumPy's default; reorders the values. 0 of nothing.
fn percentile(values: &mut [f32], percent: f64) -> f64 {
    let rank = percent / 100.0 * (values.len().max(1) - 1) as f64;
    let below = rank.floor() as usize;
    if below >= values.len() {
        return 0.0;
    }
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    f64::from(low) + (f64::from(high) - f64::from(low)) * (rank - rank.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_numpys() {
        let mut values = [3.0, 1.0, 2.0, 10.0];
        // numpy.percentile([3, 1, 2, 10], [0, 25, 50, 99.5, 100])
        let expected = [1.0, 1.75, 2.5, 9.895, 10.0];
        for (p, e) in [0.0, 25.0, 50.0, 99.5, 100.0].into_iter().zip(expected) {
            assert!((percentile(&mut values, p) - e).abs() < 1e-6, "{p}");
        }
        assert_eq!(percentile(&mut [], 50.0), 0.0);
    }

    #[test]
    fn outside_does_not_count() {
        let mut region = Array3::from_shape_vec((1, 1, 5), vec![f32::NAN, 1.0, 3.0, f32::INFINITY, 5.0]).unwrap();
        Normalisation::ZScore.apply(&mut region);
        let std = (8.0f32 / 3.0).sqrt();
        let expected = [0.0, -2.0 / std, 0.0, 0.0, 2.0 / std];
        assert!(region.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{region}");
    }

    #[test]
    fn percentile_z_score_clips_first() {
        // numpy: v = arange(101.); lo, hi = percentile(v, [0.5, 99.5]); c = v.clip(lo, hi); (c - c.mean()) / c.std()
        let mut region = Array3::from_shape_fn((1, 1, 101), |(_, _, i)| i as f32);
        Normalisation::PercentileZScore { low: 0.5, high: 99.5 }.apply(&mut region);
        let expected = [(0, -1.698_820_7), (1, -1.681_661), (50, 0.0), (100, 1.698_820_7)];
        for (i, e) in expected {
            assert!((region[[0, 0, i]] - e).abs() < 1e-5, "{i}: {}", region[[0, 0, i]]);
        }
    }

    #[test]
    fn windows_and_constants() {
        let mut region = Array3::from_shape_vec((1, 1, 3), vec![-100.0, 50.0, 900.0]).unwrap();
        Normalisation::Window { low: 0.0, high: 100.0 }.apply(&mut region);
        assert_eq!(region.as_slice().unwrap(), [0.0, 0.5, 1.0]);
        let mut flat = Array3::from_elem((2, 2, 2), 7.0);
        Normalisation::PercentileZScore { low: 0.5, high: 99.5 }.apply(&mut flat);
        assert!(flat.iter().all(|v| *v == 0.0));
        let mut empty = Array3::from_elem((2, 2, 2), f32::NAN);
        Normalisation::PercentileZScore { low: 0.5, high: 99.5 }.apply(&mut empty);
        assert!(empty.iter().all(|v| *v == 0.0));
    }
}
