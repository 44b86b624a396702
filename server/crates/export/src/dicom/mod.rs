//! Masks and measures out as DICOM objects, written element by element.
//!
//! | function | object (PS3.3) | what it holds |
//! |---|---|---|
//! | [`segmentation`] | Segmentation, BINARY (A.51) | masks, one bit a voxel, the frames that are not empty |
//! | [`probability`] | Segmentation, FRACTIONAL (A.51) | one probability map, eight bits a voxel |
//! | [`structure_set`] | RT Structure Set (A.19) | closed planar contours on the image's own slices |
//! | [`report`] | Comprehensive 3D SR (A.35.13) | measurements by template 1500 |
//!
//! All take the patient, the study and the frame of reference from the series that was segmented
//! ([`Series`]), name its instances as their source, and come as [`Object`]s in memory, ready to be written
//! ([`Object::write`]) or stored in a PACS: explicit VR little endian, the structure set implicit.

mod codes;
mod colour;
mod item;
mod object;
mod report;
mod rtstruct;
mod seg;
mod segment;
mod series;

pub use codes::{ANATOMY, CATEGORIES, Code, TYPES};
pub use colour::{cielab_from_srgb, colour_of};
pub use object::{Object, new_uid};
pub use report::{Measured, Measurement, measured, report};
pub use rtstruct::structure_set;
pub use seg::{probability, segmentation};
pub use segment::{Algorithm, Segment};
pub use series::Series;
