/// How often values occur, smoothed: what a seed's voxels say about the rest of its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    low: f32,
    per_bin: f32,
    /// Logarithm of the density of each bin, relative to an even one.
    log_density: Vec<f32>,
}

impl Histogram {
    /// A histogram of `bins` bins over `range`, smoothed by a Gaussian of `smoothing_bins`; values
    /// outside the range count at its ends. `floor` is the share of an even density mixed in, so that no
    /// value is impossible. NaN is left out.
    #[must_use]
    pub fn new(
        values: impl Iterator<Item = f32>,
        range: [f32; 2],
        bins: usize,
        smoothing_bins: f32,
        floor: f32,
    ) -> Self {
        let [low, high] = range;
        let bins = bins.max(1);
        let per_bin = bins as f32 / (high - low).max(f32::MIN_POSITIVE);
        let mut counts = vec![0.0f32; bins];
        let mut total = 0.0f32;
        for v in values.filter(|v| !v.is_nan()) {
            let bin = ((v - low) * per_bin).clamp(0.0, bins as f32 - 1.0) as usize;
            if let Some(count) = counts.get_mut(bin) {
                *count += 1.0;
                total += 1.0;
            }
        }
        let smooth = smoothed(&counts, smoothing_bins);
        let even = 1.0 / bins as f32;
        let density = smooth.iter().map(|c| if total > 0.0 { (1.0 - floor) * c / total + floor * even } else { even });
        let log_density = density.map(|p| (p / even).max(1e-6).ln()).collect();
        Self { low, per_bin, log_density }
    }

    /// Logarithm of the density at a value, relative to an even one: 0 where nothing is known. 0 for NaN.
    #[must_use]
    pub fn log_density(&self, value: f32) -> f32 {
        if value.is_nan() {
            return 0.0;
        }
        let bin = ((value - self.low) * self.per_bin).clamp(0.0, self.log_density.len() as f32 - 1.0);
        self.log_density.get(bin as usize).copied().unwrap_or_default()
    }
}

fn smoothed(counts: &[f32], sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil().max(0.0) as usize;
    let weights: Vec<f32> = (0..=reach).map(|d| (-0.5 * (d as f32 / sigma.max(1e-6)).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().skip(1).sum::<f32>() * 2.0 + 1.0;
    let mut out = vec![0.0; counts.len()];
    for (at, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        for (d, w) in weights.iter().enumerate() {
            // What would fall off an end is kept there.
            for to in if d == 0 { vec![at] } else { vec![at.saturating_sub(d), (at + d).min(counts.len() - 1)] } {
                if let Some(o) = out.get_mut(to) {
                    *o += count * w / sum;
                }
            }
        }
    }
    out
}
