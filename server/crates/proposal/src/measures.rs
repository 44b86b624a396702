use crate::ProposalError;
use isochrone_segment::Samples;
use isochrone_volume::Grid;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis, Zip};

/// Which map of an [`Uncertainty`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Variance of the samples' probabilities (over T, not T − 1).
    Variance,
    /// Entropy of the mean probability: what the network does not know, for any reason.
    Entropy,
    /// Mutual information: entropy of the mean less the mean of the samples' entropies. What the samples
    /// disagree about, which a correction can teach.
    #[default]
    MutualInformation,
    /// Probability that the present mask is wrong: 1 − p̄ inside it, p̄ outside. Its sum over a slice is the expected
    /// number of wrong voxels there.
    Wrong,
}

/// Uncertainty of one label in one region; all maps `[k, j, i]` on `grid`.
#[derive(Debug, Clone)]
pub struct Uncertainty {
    /// Where the maps are.
    pub grid: Grid,
    /// Number of samples.
    pub t: usize,
    /// Mean probability.
    pub mean: Array3<f32>,
    /// Variance of the probability.
    pub variance: Array3<f32>,
    /// Entropy of the mean, nats (0 to ln 2).
    pub entropy: Array3<f32>,
    /// Mutual information, nats (0 to ln 2).
    pub mutual_information: Array3<f32>,
    /// Probability that the present mask is wrong.
    pub wrong: Array3<f32>,
}

impl Uncertainty {
    /// One of the maps, `[k, j, i]`. A single sample has no variance and no mutual information: then
    /// these are the entropy.
    #[must_use]
    pub fn map(&self, measure: Measure) -> &Array3<f32> {
        match measure {
            Measure::Wrong => &self.wrong,
            _ if self.t == 1 => &self.entropy,
            Measure::Variance => &self.variance,
            Measure::Entropy => &self.entropy,
            Measure::MutualInformation => &self.mutual_information,
        }
    }
}

/// The measures of Monte-Carlo sampling, voxel by voxel, about the present `mask` `[k, j, i]` on the samples' grid:
/// mean p̄, variance, H(p̄), and mutual information H(p̄) − mean H(pₜ), after Houlsby et al. (2011)
/// and Gal and Ghahramani (2016).
///
/// # Errors
/// No samples, or samples or a mask whose shape is not their grid's.
pub fn measures(samples: &Samples, mask: &Array3<bool>) -> Result<Uncertainty, ProposalError> {
    let t = samples.probability.len_of(Axis(0));
    let shape = samples.grid.shape();
    if t == 0 {
        return Err(ProposalError::NoSamples);
    }
    let got = samples.probability.shape().iter().skip(1).copied().collect::<Vec<_>>();
    if got != shape {
        return Err(ProposalError::Shape { expected: shape, got });
    }
    if mask.shape() != shape {
        return Err(ProposalError::Shape { expected: shape, got: mask.shape().to_vec() });
    }
    let new = || Array3::<f32>::zeros(shape);
    let (mut mean, mut variance, mut entropy, mut information) = (new(), new(), new(), new());
    let count = t as f32;
    // Slice by slice along k, so that both cores work.
    let slices = mean.axis_iter_mut(Axis(0)).into_par_iter().zip(variance.axis_iter_mut(Axis(0)));
    let slices = slices.zip(entropy.axis_iter_mut(Axis(0))).zip(information.axis_iter_mut(Axis(0)));
    slices.zip(samples.probability.axis_iter(Axis(1))).for_each(
        |((((mut mean, mut variance), mut entropy), mut information), samples)| {
            for sample in samples.outer_iter() {
                Zip::from(&mut mean).and(&mut information).and(&sample).for_each(|mean, expected, &p| {
                    *mean += p / count;
                    *expected += binary_entropy(p) / count;
                });
            }
            for sample in samples.outer_iter() {
                Zip::from(&mut variance)
                    .and(&mean)
                    .and(&sample)
                    .for_each(|v, &mean, &p| *v += (p - mean) * (p - mean) / count);
            }
            Zip::from(&mut entropy).and(&mut information).and(&mean).for_each(|entropy, information, &mean| {
                *entropy = binary_entropy(mean);
                // Never negative but for rounding.
                *information = (*entropy - *information).max(0.0);
            });
        },
    );
    let wrong = Zip::from(&mean).and(mask).par_map_collect(|&p, &set| if set { 1.0 - p } else { p });
    let (grid, mutual_information) = (samples.grid.clone(), information);
    Ok(Uncertainty { grid, t, mean, variance, entropy, mutual_information, wrong })
}

/// H(p) = −p ln p − (1 − p) ln(1 − p), nats; 0 at 0 and 1.
fn binary_entropy(p: f32) -> f32 {
    let part = |p: f32| if p > 0.0 { -p * p.ln() } else { 0.0 };
    part(p) + part(1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isochrone_volume::DAffine3;
    use ndarray::Array4;

    fn samples(values: &[&[f32]]) -> Samples {
        let n = values[0].len();
        let flat: Vec<f32> = values.iter().flat_map(|v| v.iter().copied()).collect();
        let grid = Grid::new([n, 1, 1], DAffine3::IDENTITY).unwrap();
        Samples { probability: Array4::from_shape_vec((values.len(), 1, 1, n), flat).unwrap(), grid }
    }

    #[test]
    fn by_hand() {
        // Full disagreement; agreement on one half; agreement on certainty; 0.9 against 0.1; 0.2 against 0.6.
        let given = samples(&[&[0.0, 0.5, 1.0, 0.9, 0.2], &[1.0, 0.5, 1.0, 0.1, 0.6]]);
        let mask = Array3::from_shape_vec((1, 1, 5), vec![true, false, true, false, false]).unwrap();
        let u = measures(&given, &mask).unwrap();
        let ln2 = std::f32::consts::LN_2;
        // −0.9 ln 0.9 − 0.1 ln 0.1 = 0.3250830; H(0.4) = 0.6730117; H(0.2) = 0.5004024; H(0.6) = H(0.4).
        let expected = [
            (&u.mean, [0.5, 0.5, 1.0, 0.5, 0.4]),
            (&u.wrong, [0.5, 0.5, 0.0, 0.5, 0.4]),
            (&u.variance, [0.25, 0.0, 0.0, 0.16, 0.04]),
            (&u.entropy, [ln2, ln2, 0.0, ln2, 0.673_011_7]),
            (&u.mutual_information, [ln2, 0.0, 0.0, ln2 - 0.325_083, 0.673_011_7 - (0.500_402_4 + 0.673_011_7) / 2.0]),
        ];
        for (map, values) in expected {
            for (got, want) in map.iter().zip(values) {
                assert!((got - want).abs() < 1e-6, "{got} instead of {want}");
            }
        }
        assert_eq!(u.map(Measure::default()), &u.mutual_information);
    }

    #[test]
    fn one_sample_is_judged_by_its_entropy() {
        let u = measures(&samples(&[&[0.5, 0.99]]), &Array3::from_elem((1, 1, 2), true)).unwrap();
        assert_eq!(u.map(Measure::MutualInformation), &u.entropy);
        assert!(u.mutual_information.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn wrong_input() {
        let mut s = samples(&[&[0.5, 0.5]]);
        s.grid = Grid::new([3, 1, 1], DAffine3::IDENTITY).unwrap();
        let mask = |n| Array3::from_elem((1, 1, n), false);
        assert!(matches!(measures(&s, &mask(3)), Err(ProposalError::Shape { .. })));
        assert!(matches!(measures(&samples(&[&[0.5]]), &mask(2)), Err(ProposalError::Shape { .. })));
        s.probability = Array4::zeros((0, 1, 1, 3));
        assert_eq!(measures(&s, &mask(3)).unwrap_err(), ProposalError::NoSamples);
    }
}
