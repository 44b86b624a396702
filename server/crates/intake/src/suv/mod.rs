//! Standardised uptake values of PET: from stored units to SUV, or a refusal that names what is missing.
//!
//! `SUV = activity · normaliser / dose`, with the dose at the time to which the voxels were decay-corrected.
//! The procedure is the vendor-neutral one of QIBA, with Decay Correction taken at its word (PS3.3 C.8.9.1.1.5):
//!
//! | Units | what is done |
//! |---|---|
//! | BQML, decay correction ADMIN | the injected dose as it is |
//! | BQML, START | the dose decayed from injection to the scan's start |
//! | BQML, NONE or missing | refused |
//! | CNTS | Philips' private SUV factor, else its activity factor and then as BQML; else refused |
//! | GML | SUV already; the SUV type must be the one asked for |
//!
//! ATTN and DECY must be among the corrections. Body weight, dose and half-life are never guessed; they can be
//! set by hand, and the report says so. [`work_out`] is the whole interface.

mod body;
mod facts;
mod options;
mod report;
mod scan_time;
mod steps;

pub use facts::{PetFacts, SliceTiming};
pub use options::{SuvByHand, SuvOptions, SuvUse};
pub use report::{SuvKind, SuvReport, SuvValue};
pub use steps::work_out;

pub(crate) use facts::gather;
