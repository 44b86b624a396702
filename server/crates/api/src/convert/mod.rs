//! Between the protocol's types and ours. What comes in is checked, and the field that is wrong is named.

mod change;
mod geometry;
mod label;
mod prompt;
mod proposal;
mod session;
mod volume;

pub(crate) use change::{edit, mask_update, provenance, whole_mask};
pub(crate) use geometry::{axis, grid, point, slice_axis};
pub(crate) use label::{label, label_change, new_label, operation, overlap, wire_overlap};
pub use prompt::wire_prompt;
pub(crate) use prompt::{label_name, placed, prompts};
pub(crate) use proposal::{proposals, uncertainty};
pub(crate) use session::{names_of, session};
pub(crate) use volume::{format, modality, suv, volume};

use crate::ApiError;

/// A number for the wire; what does not fit there is cut.
pub(crate) fn u32_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A repeated field that holds too much.
pub(crate) fn at_most<T>(field: &str, items: &[T], limit: usize) -> Result<(), ApiError> {
    if items.len() > limit {
        return Err(ApiError::field(field, format!("{} entries; at most {limit} may be sent", items.len())));
    }
    Ok(())
}

/// A number with a limit; 0 leaves it to the server.
pub(crate) fn number(field: &str, n: u32, limit: u32) -> Result<Option<usize>, ApiError> {
    match n {
        0 => Ok(None),
        n if n <= limit => Ok(Some(n as usize)),
        n => Err(ApiError::field(field, format!("{n} is too many; 1 to {limit}, or 0 for the server's default"))),
    }
}
