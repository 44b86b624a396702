use super::{axis, grid, point, u32_of};
use crate::v1;
use isochrone_session::{Proposal, Ranking, Uncertainty};
use std::time::Duration;

/// Below this expected gain in Dice, further corrections hardly pay.
const ENOUGH: f64 = 0.01;

/// A ranking without its provenance.
pub(crate) fn proposals(revision: u64, label_id: u32, ranked: &Ranking, elapsed: Duration) -> v1::Proposals {
    let slices = ranked.profiles.iter().map(|p| v1::SliceScores {
        axis: axis(p.axis).into(),
        first_index: u32_of(p.first),
        scores: p.scores.iter().map(|&s| s as f32).collect(),
    });
    v1::Proposals {
        revision,
        proposals: ranked.proposals.iter().map(|p| proposal(label_id, p)).collect(),
        elapsed_ms: elapsed.as_secs_f64() * 1000.0,
        provenance: None,
        slices: slices.collect(),
        expected_dice: ranked.expected.dice,
        expected_gain: ranked.expected.gain,
        enough: ranked.expected.gain < ENOUGH,
    }
}

pub(crate) fn uncertainty(found: &Uncertainty, elapsed: Duration) -> v1::UncertaintyUpdate {
    v1::UncertaintyUpdate {
        revision: found.revision,
        label_id: found.label,
        grid: Some(grid(&found.measures.grid)),
        samples: u32_of(found.samples),
        band_mean: found.band_mean,
        elapsed_ms: elapsed.as_secs_f64() * 1000.0,
    }
}

fn proposal(label_id: u32, p: &Proposal) -> v1::Proposal {
    v1::Proposal {
        label_id,
        axis: axis(p.axis).into(),
        index: u32_of(p.index),
        score: p.score,
        plane_origin: Some(point(p.origin_lps_mm)),
        plane_normal: Some(point(p.normal_lps)),
        spot: Some(point(p.spot_lps_mm)),
    }
}
