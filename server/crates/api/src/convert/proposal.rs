use super::{axis, grid, point, u32_of};
use crate::v1;
use isochrone_session::{Proposal, Uncertainty};
use std::time::Duration;

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

pub(crate) fn proposal(label_id: u32, p: &Proposal) -> v1::Proposal {
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
