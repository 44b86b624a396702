//! Overlap of masks, and figures that summarise a series of scores.

use crate::RobotError;
use ndarray::{ArrayView3, Zip};

/// `2·|P∧G| / (|P| + |G|)`; `None` where the truth is empty (undefined, never silently 1).
///
/// # Errors
/// Shapes that differ.
pub fn dice(prediction: ArrayView3<'_, bool>, truth: ArrayView3<'_, bool>) -> Result<Option<f64>, RobotError> {
    let count = Counts::of(prediction, truth)?;
    Ok((count.truth > 0).then(|| 2.0 * count.both as f64 / (count.prediction + count.truth) as f64))
}

/// `|P∧G| / |P∨G|`; `None` where the truth is empty.
///
/// # Errors
/// Shapes that differ.
pub fn iou(prediction: ArrayView3<'_, bool>, truth: ArrayView3<'_, bool>) -> Result<Option<f64>, RobotError> {
    let count = Counts::of(prediction, truth)?;
    Ok((count.truth > 0).then(|| count.both as f64 / (count.prediction + count.truth - count.both) as f64))
}

pub(crate) fn same_shape(prediction: ArrayView3<'_, bool>, truth: ArrayView3<'_, bool>) -> Result<(), RobotError> {
    let shape = |(k, j, i)| [k, j, i];
    if prediction.dim() == truth.dim() {
        return Ok(());
    }
    Err(RobotError::ShapesDiffer { prediction: shape(prediction.dim()), truth: shape(truth.dim()) })
}

struct Counts {
    prediction: usize,
    truth: usize,
    both: usize,
}

impl Counts {
    fn of(prediction: ArrayView3<'_, bool>, truth: ArrayView3<'_, bool>) -> Result<Self, RobotError> {
        same_shape(prediction, truth)?;
        let none = Self { prediction: 0, truth: 0, both: 0 };
        Ok(Zip::from(prediction).and(truth).fold(none, |n, &p, &t| Self {
            prediction: n.prediction + usize::from(p),
            truth: n.truth + usize::from(t),
            both: n.both + usize::from(p && t),
        }))
    }
}

/// Number of clicks to a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noc {
    /// Index of the first click that reached it, from 1; the limit if none did.
    pub clicks: usize,
    /// Whether it was reached (RITM's own count takes success at the last click for failure).
    pub reached: bool,
}

/// NoC@t: the first click, numbered from 1, whose score is at least `threshold`; `limit` if none is.
///
/// `scores` holds one value a click, without the score before the first. Scores beyond `limit`
/// clicks are not looked at; NaN never reaches a threshold.
#[must_use]
pub fn noc_at(scores: &[f64], threshold: f64, limit: usize) -> Noc {
    match scores.iter().take(limit).position(|&s| s >= threshold) {
        Some(n) => Noc { clicks: n + 1, reached: true },
        None => Noc { clicks: limit, reached: false },
    }
}

/// Per cent of steps that strictly improve the score; `None` for fewer than two scores.
///
/// A step leads from one score of the list to the next: put the score before the first click first
/// if the first click is to count.
#[must_use]
pub fn consistent_improvement(scores: &[f64]) -> Option<f64> {
    let steps = scores.len().checked_sub(1).filter(|&n| n > 0)?;
    let better = scores.iter().zip(scores.iter().skip(1)).filter(|(before, after)| after > before).count();
    Some(100.0 * better as f64 / steps as f64)
}

/// Area under the scores by trapezia of width 1; its maximum is the number of scores less 1.
///
/// Eleven scores (0 to 10 clicks) give autoPET IV's figure, the five click scores CVPR 2025's.
#[must_use]
pub fn auc(scores: &[f64]) -> f64 {
    scores.iter().zip(scores.iter().skip(1)).map(|(a, b)| (a + b) / 2.0).sum()
}

/// [`auc`] over its maximum, so in `[0, 1]`; `None` for fewer than two scores.
#[must_use]
pub fn normalised_auc(scores: &[f64]) -> Option<f64> {
    let steps = scores.len().checked_sub(1).filter(|&n| n > 0)?;
    Some(auc(scores) / steps as f64)
}
