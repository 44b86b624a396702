use crate::PromptError;
use isochrone_volume::DVec3;
use serde::{Deserialize, Serialize};

/// Whether a prompt says "this belongs to the lesion" or "this does not".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Polarity {
    /// Inside the lesion.
    #[default]
    Positive,
    /// Outside the lesion.
    Negative,
}

/// One point with a polarity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Click {
    /// Where, in LPS mm.
    pub position_lps_mm: DVec3,
    /// Lesion or not.
    pub polarity: Polarity,
}

impl std::str::FromStr for Click {
    type Err = PromptError;

    /// Reads `x,y,z`, `x,y,z,+` or `x,y,z,-` in LPS mm.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let wrong = || PromptError::Text(text.chars().take(64).collect());
        let mut parts = text.split(',').map(str::trim);
        let mut number =
            || parts.next().and_then(|p| p.parse::<f64>().ok()).filter(|v| v.is_finite()).ok_or_else(wrong);
        let position_lps_mm = DVec3::new(number()?, number()?, number()?);
        let polarity = match (parts.next(), parts.next()) {
            (None | Some("+"), None) => Polarity::Positive,
            (Some("-"), None) => Polarity::Negative,
            _ => return Err(wrong()),
        };
        Ok(Self { position_lps_mm, polarity })
    }
}
