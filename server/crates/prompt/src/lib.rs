//! What the reader points at.
//!
//! | prompt | since |
//! |---|---|
//! | [`Click`], positive or negative | 0.1 |
//!
//! Prompts arrive in LPS mm with the frame of reference they were made in, never as bare voxel
//! indices. [`Prompt::place`] checks them against a volume once; what it returns is inside.

use isochrone_volume::{DVec3, Volume};

/// Whether a prompt says "this belongs to the lesion" or "this does not".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// Inside the lesion.
    Positive,
    /// Outside the lesion.
    Negative,
}

/// One point with a polarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Click {
    /// Where, in LPS mm.
    pub position_lps_mm: DVec3,
    /// Lesion or not.
    pub polarity: Polarity,
}

/// Anything a reader can point with.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// A click.
    Click(Click),
}

/// A prompt that has been checked against the volume it points into.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedPrompt {
    /// What the reader did.
    pub prompt: Prompt,
    /// The voxel `(i, j, k)` of the volume that the prompt's position falls into.
    pub voxel: [usize; 3],
}

impl PlacedPrompt {
    /// Where, in LPS mm.
    #[must_use]
    pub fn position_lps_mm(&self) -> DVec3 {
        match &self.prompt {
            Prompt::Click(click) => click.position_lps_mm,
        }
    }

    /// Lesion or not.
    #[must_use]
    pub fn polarity(&self) -> Polarity {
        match &self.prompt {
            Prompt::Click(click) => click.polarity,
        }
    }
}

/// Why a prompt was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PromptError {
    /// A coordinate is NaN or infinite.
    #[error("The point ({0}, {1}, {2}) is not a place: every coordinate must be a finite number of millimetres (LPS)")]
    NotFinite(f64, f64, f64),
    /// The point lies outside the volume.
    #[error("The point ({x:.1}, {y:.1}, {z:.1}) mm lies outside the volume, which spans ({low}) to ({high}) mm (LPS). Click inside the image; if it looked inside, the client may be sending RAS instead of LPS")]
    Outside {
        /// LPS x in mm.
        x: f64,
        /// LPS y in mm.
        y: f64,
        /// LPS z in mm.
        z: f64,
        /// Lowest corner of the volume's bounding box, LPS mm.
        low: String,
        /// Highest corner of the volume's bounding box, LPS mm.
        high: String,
    },
    /// The prompt was made in another frame of reference.
    #[error("The point was made in frame of reference {given:?}, the volume is in {expected:?}. Point in the volume that the session was opened on")]
    FrameOfReference {
        /// The volume's.
        expected: String,
        /// The prompt's.
        given: String,
    },
    /// A text such as `1,2,3,-` could not be read.
    #[error("{0:?} is not a click: write x,y,z in mm (LPS), with ,- or ,+ after it for the polarity, such as 12.5,-30,88,-")]
    Text(String),
}

impl Prompt {
    /// Checks a prompt against the volume it points into. An empty `frame_of_reference` means the volume's own.
    ///
    /// # Errors
    /// A coordinate that is not finite, another frame of reference, or a point outside the volume.
    pub fn place(self, volume: &Volume, frame_of_reference: &str) -> Result<PlacedPrompt, PromptError> {
        if !frame_of_reference.is_empty() && frame_of_reference != volume.frame_of_reference() {
            return Err(PromptError::FrameOfReference {
                expected: volume.frame_of_reference().to_owned(),
                given: frame_of_reference.chars().take(64).collect(),
            });
        }
        let Self::Click(Click { position_lps_mm: p, .. }) = &self;
        if !p.is_finite() {
            return Err(PromptError::NotFinite(p.x, p.y, p.z));
        }
        let Some(voxel) = volume.grid().voxel_at(*p) else {
            let (low, high) = volume.grid().bounds_mm();
            let text = |v: DVec3| format!("{:.1}, {:.1}, {:.1}", v.x, v.y, v.z);
            return Err(PromptError::Outside { x: p.x, y: p.y, z: p.z, low: text(low), high: text(high) });
        };
        Ok(PlacedPrompt { prompt: self, voxel })
    }
}

impl std::str::FromStr for Click {
    type Err = PromptError;

    /// Reads `x,y,z`, `x,y,z,+` or `x,y,z,-` in LPS mm.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let wrong = || PromptError::Text(text.chars().take(64).collect());
        let mut parts = text.split(',').map(str::trim);
        let mut number = || parts.next().and_then(|p| p.parse::<f64>().ok()).filter(|v| v.is_finite()).ok_or_else(wrong);
        let position_lps_mm = DVec3::new(number()?, number()?, number()?);
        let polarity = match (parts.next(), parts.next()) {
            (None | Some("+"), None) => Polarity::Positive,
            (Some("-"), None) => Polarity::Negative,
            _ => return Err(wrong()),
        };
        Ok(Self { position_lps_mm, polarity })
    }
}
