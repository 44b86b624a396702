//! Prompts: from the wire with every field checked, and back as they were placed.

mod from_wire;
mod to_wire;

pub(crate) use from_wire::prompts;
pub(crate) use to_wire::placed;
pub use to_wire::wire_prompt;

use crate::ApiError;

/// A name that can be shown and written into files.
pub(crate) fn label_name(name: &str, limit: usize) -> Result<&str, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > limit || name.chars().any(char::is_control) {
        return Err(ApiError::field("name", format!("give the label a name of 1 to {limit} printable characters")));
    }
    Ok(name)
}
