//! Active contours by morphology.
//!
//! Márquez-Neila, Baumela, Álvarez: A morphological approach to curvature-based evolution of curves
//! and surfaces, IEEE TPAMI 36 (2014). The level set is binary; balloon, edge attraction and curvature
//! of the geodesic active contour (Caselles, Kimmel, Sapiro 1997) become dilations, erosions and
//! a choice between neighbours. Sixty-four voxels share a machine word, so a step costs about an
//! operation a voxel.

mod bits;
mod curvature;
mod evolve;
mod gradient;

pub use evolve::{GeodesicContour, Pinned, geodesic_active_contour};
pub use gradient::inverse_gaussian_gradient;
pub(crate) use gradient::{filtered, kernels};
