//! The [`Segmenter`] trait, its engines, and the region round a prompt.
//!
//! The data's way through this crate, for one new prompt:
//! 1. [`refine`] picks the working region: round the newest prompt and the mask component it touches;
//! 2. an engine ([`Segmenter::segment`]) turns image, prompts and previous mask into a probability there;
//! 3. `refine` zooms out while the new component meets the region's border, then puts the result
//!    back on the volume's grid and leaves everything else of the mask as it was.
//!
//! | engine | what it needs |
//! |---|---|
//! | [`NetworkEngine`] | a model bundle |
//! | [`GeodesicEngine`] | nothing: nearer to positive than to negative prompts |
//! | [`GraphCutEngine`] | nothing: minimum cut with colour models from the prompts |
//! | [`ActiveContourEngine`] | nothing: a surface that slides to edges, and a curve that does so on its slice |
//! | [`IsoContourEngine`] | nothing: brighter than a threshold, for hot spots in PET |
//!
//! [`FallbackEngine`] puts a second engine behind one whose device may fail.

mod active_contour;
mod border;
mod cancel;
mod channels;
mod classical;
mod drawn;
mod engine;
mod error;
mod fallback;
mod flood;
mod geodesic;
mod graph_cut;
mod iso_contour;
mod network;
mod normalised;
mod on_grid;
mod parameters;
mod refine;
mod region;
mod sharpen;
mod sweep;

pub use active_contour::ActiveContourEngine;
pub use cancel::Cancel;
pub use channels::check_together;
pub use engine::{
    Candidate, Channel, Draw, EngineDescription, Estimator, Prepared, RegionPolicy, Samples, Segmenter, Task,
    configured,
};
pub use error::SegmentError;
pub use fallback::FallbackEngine;
pub use geodesic::GeodesicEngine;
pub use graph_cut::GraphCutEngine;
pub use iso_contour::IsoContourEngine;
pub use network::NetworkEngine;
pub use on_grid::{content_box, mask_on_grid};
pub use parameters::Chosen;
pub use refine::{RefineInput, Refined, RefinedTask, refine, sample};
pub use sweep::{SweepPlan, SweepPolicy, Swept};
