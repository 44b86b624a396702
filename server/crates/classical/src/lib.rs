//! Segmentation by classical methods: kernels on arrays, without files, prompts or geometry.
//!
//! Arrays are indexed `[k, j, i]` (`i` fastest); spacing comes in the same order, in mm.
//!
//! | kernel | method |
//! |---|---|
//! | [`graph_cut`] | min cut over a voxel grid (Boykov and Jolly 2001), solved by incremental breadth-first search (Goldberg et al. 2011) |
//! | [`iso_contour`] | what is brighter than a threshold and connected to a click: 41 % of the maximum, fixed, liver-based, adaptive |
//! | [`morphological`] | geodesic active contour by morphology (Márquez-Neila et al. 2014) |
//! | [`snake`] | a closed curve on one slice, with pins that the reader drags (Kass, Witkin, Terzopoulos 1988) |

mod error;
pub mod graph_cut;
pub mod iso_contour;
pub mod morphological;
pub mod snake;

pub use error::ClassicalError;
