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

/// Expected calibration error of a foreground probability: over `bins` bins of equal width, the mean distance between
/// a bin's mean probability and its share of foreground, weighted by its voxels. `None` without voxels.
///
/// The probability itself is binned, not the confidence of the winning class: too much on one side of one half cannot
/// make up for too little on the other.
#[must_use]
pub fn calibration_error(probability: &[f32], truth: &[bool], bins: usize) -> Option<f64> {
    let bins = bins.max(1);
    let mut sums = vec![(0.0f64, 0.0f64); bins];
    for (&p, &t) in probability.iter().zip(truth) {
        let bin = ((p * bins as f32) as usize).min(bins - 1);
        if let Some((probability, foreground)) = sums.get_mut(bin) {
            *probability += f64::from(p);
            *foreground += f64::from(u8::from(t));
        }
    }
    let count = probability.len().min(truth.len());
    (count > 0).then(|| sums.iter().map(|(p, t)| (p - t).abs()).sum::<f64>() / count as f64)
}
