//! Whether an uncertainty points at mistakes, and whether a probability means what it says.

/// Area under the ROC curve of a score that should be higher where something is wrong; ties count half (Mann and
/// Whitney). `None` where nothing or everything is wrong, or a score is NaN.
#[must_use]
pub fn auroc(scores: &[f32], wrong: &[bool]) -> Option<f64> {
    let mut ranked: Vec<(f32, bool)> = scores.iter().copied().zip(wrong.iter().copied()).collect();
    if ranked.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum) = (0.0, 0.0);
    // 0 and −0 are a tie as well.
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let wrong = tied.iter().filter(|t| t.1).count() as f64;
        let right = tied.len() as f64 - wrong;
        sum += wrong * (below + right / 2.0);
        below += right;
    }
    let wrong = ranked.iter().filter(|t| t.1).count() as f64;
    let pairs = wrong * (ranked.len() as f64 - wrong);
    (pairs > 0.0).then(|| sum / pairs)
}

/// How probable things were said to be and how often they were, by bins of equal width of the probability: a
/// reliability diagram. The probability of foreground is binned, not the confidence of the winning class: too much on
/// one side of one half cannot make up for too little on the other.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    /// A bin's sum of probabilities and its voxels of foreground.
    bins: Vec<(f64, f64)>,
    count: usize,
}

impl Calibration {
    /// Of voxels.
    #[must_use]
    pub fn of(probability: &[f32], truth: &[bool], bins: usize) -> Self {
        let bins = bins.max(1);
        let mut sums = vec![(0.0f64, 0.0f64); bins];
        for (&p, &t) in probability.iter().zip(truth) {
            let bin = ((p * bins as f32) as usize).min(bins - 1);
            if let Some((probability, foreground)) = sums.get_mut(bin) {
                *probability += f64::from(p);
                *foreground += f64::from(u8::from(t));
            }
        }
        Self { bins: sums, count: probability.len().min(truth.len()) }
    }

    /// Of the voxels of several together, of as many bins each.
    #[must_use]
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter().fold(Self::default(), |mut sum, one| {
            sum.bins.resize(one.bins.len().max(sum.bins.len()), (0.0, 0.0));
            for (sum, bin) in sum.bins.iter_mut().zip(&one.bins) {
                *sum = (sum.0 + bin.0, sum.1 + bin.1);
            }
            sum.count += one.count;
            sum
        })
    }

    /// Expected calibration error: the mean distance between a bin's mean probability and its share of foreground,
    /// weighted by its voxels. `None` without voxels.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let gaps = self.bins.iter().map(|(p, t)| (p - t).abs()).sum::<f64>();
        (self.count > 0).then(|| gaps / self.count as f64)
    }
}
