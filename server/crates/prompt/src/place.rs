use crate::{Click, Polarity, PromptError};
use isochrone_volume::{DVec3, Volume};

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
        let voxel = volume.grid().voxel_at(*p).ok_or_else(|| PromptError::outside(*p, volume.grid()))?;
        Ok(PlacedPrompt { prompt: self, voxel })
    }
}
