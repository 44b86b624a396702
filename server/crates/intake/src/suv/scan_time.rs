//! The time to which a series with decay correction START refers.

use super::facts::PetFacts;
use chrono::{NaiveDateTime, TimeDelta};

/// The scan's start, how it was found, and whether it needs a warning.
pub(super) struct ScanStart {
    pub(super) at: NaiveDateTime,
    pub(super) from: String,
    pub(super) unsure: bool,
}

/// Finds the scan's start: what an enhanced image says itself; else the series' time if no slice was taken before it; else GE's own field; else
/// back-computed from the frame reference time; else the first acquisition.
pub(super) fn find(facts: &PetFacts, half_life_s: f64) -> Option<ScanStart> {
    if let Some(at) = facts.corrected_to {
        return Some(ScanStart { at, from: "Decay Correction DateTime (0018,9701)".to_owned(), unsure: false });
    }
    let first = facts.slices.iter().filter(|s| s.acquired.is_some()).min_by_key(|s| s.acquired);
    let acquired = first.and_then(|s| s.acquired);
    if let Some(series) = facts.series
        && acquired.is_none_or(|a| series <= a)
    {
        let from = "Series Date and Time (0008,0021), (0008,0031): not after the first acquisition".to_owned();
        return Some(ScanStart { at: series, from, unsure: false });
    }
    if let Some(at) = facts.ge_scan {
        let from = "GE scan date and time (0009,100D), as the series' time lies after the first acquisition".to_owned();
        return Some(ScanStart { at, from, unsure: false });
    }
    let acquired = acquired?;
    let back = first.and_then(|s| Some((s.frame_reference_ms?, s.duration_ms.filter(|d| *d > 0.0)?)));
    if let Some((reference_ms, duration_ms)) = back {
        let average_s = average_time_s(duration_ms / 1000.0, half_life_s);
        let at = acquired.checked_add_signed(seconds(average_s - reference_ms / 1000.0)?)?;
        let from = format!(
            "acquisition {} − Frame Reference Time {:.1} s + average-count time {average_s:.1} s of a frame of {:.1} s",
            acquired.format("%H:%M:%S"),
            reference_ms / 1000.0,
            duration_ms / 1000.0
        );
        return Some(ScanStart { at, from, unsure: false });
    }
    let from = "first Acquisition Date and Time (0008,0022), (0008,0032)".to_owned();
    Some(ScanStart { at: acquired, from, unsure: true })
}

/// When, in a frame, the count rate is at its average: `(1/λ)·ln(λT / (1 − e^{−λT}))`.
fn average_time_s(duration_s: f64, half_life_s: f64) -> f64 {
    let lambda = std::f64::consts::LN_2 / half_life_s;
    let f = lambda * duration_s;
    (f / -(-f).exp_m1()).ln() / lambda
}

pub(super) fn seconds(s: f64) -> Option<TimeDelta> {
    s.is_finite().then(|| TimeDelta::try_milliseconds((s * 1000.0).round() as i64)).flatten()
}
