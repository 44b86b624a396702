//! Standardised uptake values of PET.

mod report;

pub use report::{SuvKind, SuvReport, SuvValue};
