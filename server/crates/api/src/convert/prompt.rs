use super::at_most;
use super::geometry::{finite, point, voxel};
use crate::{ApiError, v1};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_session::NumberedPrompt;

pub(crate) fn prompts(wire: &[v1::Prompt], limit: usize) -> Result<Vec<Prompt>, ApiError> {
    at_most("prompts", wire, limit)?;
    if wire.is_empty() {
        return Err(ApiError::field("prompts", "empty; send at least one prompt"));
    }
    wire.iter().enumerate().map(|(n, prompt)| one(&format!("prompts[{n}]"), prompt)).collect()
}

fn one(field: &str, prompt: &v1::Prompt) -> Result<Prompt, ApiError> {
    match &prompt.kind {
        Some(v1::prompt::Kind::Click(click)) => {
            let position_lps_mm = finite(&format!("{field}.click.position"), click.position.as_ref())?;
            let polarity = polarity(&format!("{field}.click.polarity"), click.polarity)?;
            Ok(Prompt::Click(Click { position_lps_mm, polarity }))
        }
        None => Err(ApiError::field(
            format!("{field}.kind"),
            "missing, or of a kind that this server does not know; send a click",
        )),
    }
}

fn polarity(field: &str, number: i32) -> Result<Polarity, ApiError> {
    match v1::Polarity::try_from(number) {
        Ok(v1::Polarity::Positive) => Ok(Polarity::Positive),
        Ok(v1::Polarity::Negative) => Ok(Polarity::Negative),
        _ => Err(ApiError::field(
            field,
            format!("{number} is not a polarity; send POLARITY_POSITIVE or POLARITY_NEGATIVE"),
        )),
    }
}

pub(crate) fn placed(prompt: &NumberedPrompt) -> v1::PlacedPrompt {
    // Kinds that the wire does not know yet are named by their number and voxel alone.
    let kind = match &prompt.placed.prompt {
        Prompt::Click(click) => {
            let polarity = match click.polarity {
                Polarity::Positive => v1::Polarity::Positive,
                Polarity::Negative => v1::Polarity::Negative,
            };
            let position = Some(point(click.position_lps_mm));
            Some(v1::prompt::Kind::Click(v1::Click { position, polarity: polarity.into() }))
        }
        _ => None,
    };
    v1::PlacedPrompt {
        prompt_id: prompt.id,
        prompt: kind.map(|kind| v1::Prompt { kind: Some(kind) }),
        voxel: Some(voxel(prompt.placed.voxel)),
    }
}

/// A name that can be shown and written into files.
pub(crate) fn label_name(name: &str, limit: usize) -> Result<&str, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > limit || name.chars().any(char::is_control) {
        return Err(ApiError::field("name", format!("give the label a name of 1 to {limit} printable characters")));
    }
    Ok(name)
}
