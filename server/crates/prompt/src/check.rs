//! Checks that every kind makes before it is used.

use crate::PromptError;
use isochrone_volume::DVec3;

/// Farthest from the frame's origin that a point may lie, mm: as far as any grid.
const MAX_OFFSET_MM: f64 = 1e6;

/// All points finite, and no farther away than a volume can be.
pub(crate) fn points(points: &[DVec3]) -> Result<(), PromptError> {
    for p in points {
        if !p.is_finite() {
            return Err(PromptError::NotFinite(p.x, p.y, p.z));
        }
        range("A coordinate (mm)", p.abs().max_element(), 0.0, MAX_OFFSET_MM)?;
    }
    Ok(())
}

pub(crate) fn count(what: &'static str, got: usize, low: usize, high: usize) -> Result<(), PromptError> {
    if (low..=high).contains(&got) { Ok(()) } else { Err(PromptError::Count { what, got, low, high }) }
}

pub(crate) fn range(what: &'static str, got: f64, low: f64, high: f64) -> Result<(), PromptError> {
    if (low..=high).contains(&got) { Ok(()) } else { Err(PromptError::Range { what, got, low, high }) }
}

/// The box round points, LPS mm.
pub(crate) fn bounds(points: &[DVec3]) -> (DVec3, DVec3) {
    let nothing = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    points.iter().fold(nothing, |(low, high), p| (low.min(*p), high.max(*p)))
}
