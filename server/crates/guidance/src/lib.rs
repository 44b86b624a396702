//! Guidance maps: what clicks and scribbles look like to a network.
//!
//! Arrays are indexed `[k, j, i]` (`i` fastest), points and `spacing_mm` come in the same order,
//! distances are in mm. A scribble is simply many points; a 2D image has depth 1.
//!
//! | map | function | without points |
//! |---|---|---|
//! | distance to the nearest point | [`euclidean_distance`] | +∞ |
//! | depth inside a mask | [`distance_transform`] | – |
//! | cheapest path through the image | [`geodesic_distance`] | +∞ |
//! | the same, 1 at points falling to 0 | [`exponential_geodesic`] | 0 |
//! | Gaussian bump round each point | [`gaussian`] | 0 |
//! | ball round each point | [`disk`] | 0 |
//!
//! Nothing here reads a file or knows where an array lies in the patient.

mod check;
mod error;
mod euclidean;
mod geodesic;
mod local;
mod transform;

pub use error::GuidanceError;
pub use euclidean::{euclidean_distance, euclidean_distance_into};
pub use geodesic::{Geodesic, GeodesicCells, GeodesicField, Touched, exponential_geodesic, exponential_geodesic_channels, geodesic_distance, geodesic_distance_channels};
pub use local::{add_disk, add_gaussian, disk, gaussian};
pub use transform::{distance_transform, distance_transform_into};
