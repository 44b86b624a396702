//! Guidance maps: what clicks and scribbles look like to a network.
//!
//! Arrays are indexed `[k, j, i]` (`i` fastest), points and `spacing_mm` come in the same order,
//! distances are in mm. A scribble is simply many points; a 2D image has depth 1.
//!
//! | map | function | without points |
//! |---|---|---|
//! | distance to the nearest point | [`euclidean_distance`] | +∞ |
//! | depth inside a mask | [`distance_transform`] | – |
//! | distance inside, outside, or signed | [`mask_distance`] | – |
//! | cheapest path through the image | [`geodesic_distance`] | +∞ |
//! | the same, 1 at points falling to 0 | [`exponential_geodesic`] | 0 |
//! | Gaussian bump round each point | [`gaussian`] | 0 |
//! | ball round each point | [`disk`] | 0 |
//! | a bump as wide as the image is flat | [`adaptive_gaussian`] | 0 |
//! | 255 less 10 for each edge crossed | [`location_prior`] | 0 |
//! | field of charges | [`attraction_field`] | 0 |
//!
//! [`GeodesicField`] keeps a geodesic map up to date while clicks come and go; [`GuidanceState`] does
//! so for any signal, per label and polarity, and hands out the region that a network looks at.
//! [`Normalisation`] brings a map to a network's range.
//!
//! Nothing here reads a file or knows where an array lies in the patient.

mod check;
mod error;
mod euclidean;
mod geodesic;
mod local;
mod normalise;
mod signals;
mod simd;
mod state;
mod transform;

pub use error::GuidanceError;
pub use euclidean::{euclidean_distance, euclidean_distance_into};
pub use geodesic::{
    Geodesic, GeodesicCells, GeodesicField, Touched, exponential_geodesic, exponential_geodesic_channels,
    geodesic_distance, geodesic_distance_channels, geodesic_distance_into,
};
pub use local::{add_disk, add_gaussian, disk, gaussian};
pub use normalise::Normalisation;
pub use signals::{Adaptive, adaptive_gaussian, attraction_field, location_prior};
pub use simd::instruction_set;
pub use state::{GuidanceState, Layer, Signal};
pub use transform::{MaskSide, distance_transform, distance_transform_into, mask_distance, mask_distance_into};
