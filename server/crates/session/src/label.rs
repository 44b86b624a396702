//! What a label is called, looks like and stands for, and how labels meet.

use serde::{Deserialize, Serialize};
/// What is said of a label, beside its mask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What the reader calls it.
    pub name: String,
    /// sRGB.
    pub colour: [u8; 3],
    /// DICOM Segmented Property Category.
    pub category: Option<Code>,
    /// DICOM Segmented Property Type.
    pub kind: Option<Code>,
    /// DICOM Anatomic Region.
    pub anatomy: Option<Code>,
    /// Nothing changes its mask until it is unlocked.
    pub locked: bool,
}

/// A DICOM coded concept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Code Value, such as `108369006`.
    pub value: String,
    /// Coding Scheme Designator, such as `SCT`.
    pub scheme: String,
    /// Code Meaning, such as `Neoplasm`.
    pub meaning: String,
}

/// What is to be said otherwise; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutChange {
    /// What the reader calls it.
    pub name: Option<String>,
    /// sRGB.
    pub colour: Option<[u8; 3]>,
    /// DICOM Segmented Property Category; `Some(None)` takes it away.
    pub category: Option<Option<Code>>,
    /// DICOM Segmented Property Type; `Some(None)` takes it away.
    pub kind: Option<Option<Code>>,
    /// DICOM Anatomic Region; `Some(None)` takes it away.
    pub anatomy: Option<Option<Code>>,
    /// Lock or unlock.
    pub locked: Option<bool>,
}

impl About {
    /// A label of this name in the colour of its number, without codes, unlocked.
    #[must_use]
    pub fn new(name: &str, label: u32) -> Self {
        Self {
            name: name.to_owned(),
            colour: colour_of(label),
            category: None,
            kind: None,
            anatomy: None,
            locked: false,
        }
    }

    /// The same with a change.
    #[must_use]
    pub fn with(self, change: &AboutChange) -> Self {
        Self {
            name: change.name.clone().unwrap_or(self.name),
            colour: change.colour.unwrap_or(self.colour),
            category: change.category.clone().unwrap_or(self.category),
            kind: change.kind.clone().unwrap_or(self.kind),
            anatomy: change.anatomy.clone().unwrap_or(self.anatomy),
            locked: change.locked.unwrap_or(self.locked),
        }
    }
}

/// What happens where a step would give a voxel to a label that another label has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Overlap {
    /// It stays with the other label. Other labels are background to the engine.
    #[default]
    Never,
    /// It is taken from the other label, unless that one is locked. Locked ones are background to the engine.
    ReplaceUnlocked,
    /// Both have it.
    Allow,
}

impl Overlap {
    /// True if a step leaves every voxel of that other label alone.
    pub(crate) fn spares(self, other: &About) -> bool {
        match self {
            Self::Never => true,
            Self::ReplaceUnlocked => other.locked,
            Self::Allow => false,
        }
    }
}

/// A colour that sets a label off from those with numbers near its own: hues by the golden angle, over a grey image.
fn colour_of(label: u32) -> [u8; 3] {
    let hue = (f64::from(label.wrapping_sub(1)) * 137.508).rem_euclid(360.0) / 60.0;
    let (high, low) = (235.0, 60.0);
    // A hue as red, green and blue: each a trapezoid over the circle.
    let channel = |offset: f64| {
        let at = (hue + offset).rem_euclid(6.0);
        let share = (2.0 - (at - 3.0).abs().mul_add(-1.0, 3.0)).clamp(0.0, 1.0);
        (low + (high - low) * share) as u8
    };
    [channel(0.0), channel(4.0), channel(2.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colours_are_far_apart() {
        let colours: Vec<[u8; 3]> = (1..=12).map(colour_of).collect();
        assert_eq!(colours[0], [235, 60, 60]);
        for (n, a) in colours.iter().enumerate() {
            for b in &colours[..n] {
                let apart: i32 = a.iter().zip(b).map(|(x, y)| (i32::from(*x) - i32::from(*y)).abs()).sum();
                assert!(apart > 30, "{a:?} {b:?}");
            }
        }
    }
}
