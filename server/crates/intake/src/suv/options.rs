use super::SuvKind;
use serde::{Deserialize, Serialize};

/// What to make of PET values, and what the caller knows better than the files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SuvOptions {
    /// Whether to turn values into SUV.
    pub wanted: SuvUse,
    /// Which SUV.
    pub kind: SuvKind,
    /// Values set by hand; recorded as such.
    pub by_hand: SuvByHand,
}

/// Whether PET values become SUV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SuvUse {
    /// Where it can be worked out; else a warning says why not.
    #[default]
    Auto,
    /// Values stay in the units of the files.
    Off,
    /// A series that does not allow it is refused.
    Required,
}

/// Values that stand above those of the files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SuvByHand {
    /// Body weight, kg.
    pub weight_kg: Option<f64>,
    /// Body height, m.
    pub height_m: Option<f64>,
    /// `M` or `F`.
    pub sex: Option<String>,
    /// Injected dose, Bq.
    pub dose_bq: Option<f64>,
    /// Half-life of the nuclide, s.
    pub half_life_s: Option<f64>,
    /// When it was injected: `YYYYMMDDHHMMSS`.
    pub injected_at: Option<String>,
    /// The time to which the voxels were decay-corrected: `YYYYMMDDHHMMSS`.
    pub scan_at: Option<String>,
}
