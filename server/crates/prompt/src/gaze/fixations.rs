//! Fixations by dispersion threshold.

use super::{Fixation, Gaze};
use isochrone_volume::DVec3;
use std::ops::Range;

/// A longer time without a position ends a fixation, ms: a blink takes 100 to 400.
const MAX_GAP_MS: f64 = 100.0;
/// A pause between two fixations at one place that does not part them, ms: no saccade there and back is shorter.
const MAX_PAUSE_MS: f64 = 75.0;
/// Neighbours on each side in the median that takes out jitter.
const NEIGHBOURS: usize = 2;

/// A sample with a position, along the axes of the dispersion.
#[derive(Debug, Clone, Copy)]
struct Look {
    time_ms: f64,
    at: DVec3,
}

pub(super) fn find(gaze: &Gaze) -> Vec<Fixation> {
    let looks: Vec<Look> = gaze
        .samples
        .iter()
        .filter_map(|s| {
            let p = s.position_lps_mm?;
            let at = gaze.plane.as_ref().map_or(p, |plane| plane.coordinates(p).with_z(0.0));
            Some(Look { time_ms: s.time_ms, at })
        })
        .collect();
    let place = |at: DVec3| gaze.plane.as_ref().map_or(at, |p| p.origin() + at.x * p.u() + at.y * p.v());
    let without_gaps = looks.chunk_by(|a, b| b.time_ms - a.time_ms <= MAX_GAP_MS);
    let found = without_gaps.flat_map(|looks| {
        let smooth = smoothed(looks);
        let spans = joined(looks, spans(&smooth, gaze.dispersion_mm, gaze.min_duration_ms), gaze.dispersion_mm);
        spans.into_iter().filter_map(|span| looks.get(span)).filter_map(fixation).collect::<Vec<_>>()
    });
    found.map(|f| Fixation { position_lps_mm: place(f.position_lps_mm), ..f }).collect()
}

fn fixation(looks: &[Look]) -> Option<Fixation> {
    let (first, last) = (looks.first()?, looks.last()?);
    let position_lps_mm = median(looks);
    Some(Fixation { start_ms: first.time_ms, end_ms: last.time_ms, position_lps_mm, samples: looks.len() })
}

fn smoothed(looks: &[Look]) -> Vec<Look> {
    let around = |n: usize| {
        // As many on one side as on the other, so that a jump stays where it is.
        let reach = NEIGHBOURS.min(n).min(looks.len() - 1 - n);
        looks.get(n - reach..=n + reach).unwrap_or_default()
    };
    looks.iter().enumerate().map(|(n, look)| Look { at: median(around(n)), ..*look }).collect()
}

/// The median along each axis; of an even number, the mean of the middle two.
fn median(looks: &[Look]) -> DVec3 {
    let along = |axis: fn(DVec3) -> f64| {
        let mut values: Vec<f64> = looks.iter().map(|l| axis(l.at)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (values.get((values.len().max(1) - 1) / 2), values.get(values.len() / 2));
        low.zip(high).map_or(0.0, |(a, b)| a.midpoint(*b))
    };
    DVec3::new(along(|p| p.x), along(|p| p.y), along(|p| p.z))
}

/// Spans of samples that last and stay together.
fn spans(looks: &[Look], dispersion_mm: f64, min_duration_ms: f64) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = looks.get(start..)
        && let Some(first) = rest.first()
    {
        let Some(needed) = rest.iter().position(|l| l.time_ms - first.time_ms >= min_duration_ms) else { break };
        let mut spread = Spread::default();
        let fits = rest.iter().take_while(|l| spread.with(l.at) <= dispersion_mm).count();
        if fits > needed {
            found.push(start..start + fits);
            start += fits;
        } else {
            start += 1;
        }
    }
    found
}

/// One fixation of two that follow each other at one place: the method takes samples greedily, so that one
/// that began in the jump before it is cut short by the next outlier.
fn joined(looks: &[Look], spans: Vec<Range<usize>>, dispersion_mm: f64) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        let of = |span: &Range<usize>| looks.get(span.clone()).unwrap_or_default();
        let same = kept.last().is_some_and(|last| {
            let pause = of(last).last().zip(of(&span).first()).map_or(0.0, |(a, b)| b.time_ms - a.time_ms);
            pause <= MAX_PAUSE_MS && median(of(last)).distance(median(of(&span))) <= dispersion_mm / 2.0
        });
        match kept.last_mut() {
            Some(last) if same => last.end = span.end,
            _ => kept.push(span),
        }
    }
    kept
}

/// The dispersion of the points so far: the sum of their ranges along the axes.
struct Spread(DVec3, DVec3);

impl Default for Spread {
    fn default() -> Self {
        Self(DVec3::INFINITY, DVec3::NEG_INFINITY)
    }
}

impl Spread {
    fn with(&mut self, p: DVec3) -> f64 {
        *self = Self(self.0.min(p), self.1.max(p));
        (self.1 - self.0).element_sum()
    }
}
