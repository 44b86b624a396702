//! What the reader points at.
//!
//! | prompt | what it marks | since |
//! |---|---|---|
//! | [`Click`] | one voxel | 0.1 |
//! | [`Scribble`] | a brush stroke on a plane or in space | 0.1 |
//! | [`Box2D`], [`Box3D`] | a rectangle on a plane, a box in space, that enclose | 0.1 |
//! | [`ExtremePoints`] | four or six points: the box round them | 0.1 |
//! | [`Lasso`] | all that a closed curve on a plane goes round | 0.1 |
//! | [`Polygon`] | the label's border on a plane, with vertices to drag | 0.1 |
//! | [`InitialMask`] | a mask made elsewhere | 0.1 |
//! | [`Gaze`] | the voxels on which the eyes rest | 0.1 |
//! | [`LabelName`] | nothing: it says in words what is meant | 0.1 |
//!
//! Prompts arrive in LPS mm with the frame of reference they were made in, never as bare voxel
//! indices. [`Prompt::place`] checks them against a volume once; what it returns is inside.
//! Every kind can be read from text ([`std::str::FromStr`]; an initial mask is read from a file
//! instead), has bounds, and is rasterised on any grid ([`Rasterised`]). Shapes may reach beyond the
//! volume, but must mark at least one voxel of it.

mod boxes;
mod check;
mod click;
mod error;
mod extreme;
mod gaze;
mod initial;
mod lasso;
mod name;
mod place;
mod plane;
mod polygon;
mod raster;
mod rasterised;
mod scribble;
mod text;

pub use boxes::{Box2D, Box3D, BoxAxes};
pub use click::{Click, Polarity};
pub use error::PromptError;
pub use extreme::{ExtremeBox, ExtremePoints};
pub use gaze::{Fixation, Gaze, GazeSample};
pub use initial::InitialMask;
pub use lasso::Lasso;
pub use name::LabelName;
pub use place::{PlacedPrompt, Prompt};
pub use plane::Plane;
pub use polygon::{Drag, Follow, Polygon};
pub use rasterised::{Meaning, Rasterised, Run};
pub use scribble::Scribble;
