use serde::{Deserialize, Serialize};

/// How SUV was worked out: every value, where it came from, and the factor or the refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuvReport {
    /// Which SUV was asked for.
    pub kind: SuvKind,
    /// Values in the order in which they were used.
    pub values: Vec<SuvValue>,
    /// SUV for one unit of the series (one Bq/mL, one count); `None` if it was refused.
    pub scale: Option<f64>,
    /// Why it was refused, with what to do.
    pub refusal: Option<String>,
    /// What the reader should know, one sentence each.
    pub warnings: Vec<String>,
}

impl SuvReport {
    /// The values that somebody set by hand, in one line; `None` if there are none.
    #[must_use]
    pub fn by_hand_note(&self) -> Option<String> {
        let set: Vec<String> =
            self.values.iter().filter(|v| v.by_hand).map(|v| format!("{} {}", v.name, v.value)).collect();
        (!set.is_empty()).then(|| format!("SUV with values set by hand: {}", set.join(", ")))
    }
}

/// One value of the calculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuvValue {
    /// Such as `weight`.
    pub name: String,
    /// With its unit.
    pub value: String,
    /// Attribute, formula, or `set by hand`.
    pub from: String,
    /// True if somebody set it by hand.
    pub by_hand: bool,
}

/// What an uptake is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SuvKind {
    /// Body weight, g/mL.
    #[default]
    BodyWeight,
    /// Lean body mass by Janmahasatian 2005, g/mL.
    LeanJanmahasatian,
    /// Lean body mass by James 1976 (128 for men, 148 for women), g/mL.
    LeanJames,
    /// Body surface by Du Bois 1916, cm²/mL.
    BodySurface,
}
