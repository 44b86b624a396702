//! Grids, volumes and masks that know where they are in the patient.
//!
//! **Space.** World is DICOM patient LPS in millimetres. Transforms are named
//! `target_from_source`, so [`Grid::world_from_voxel`] times a voxel is a world point.
//! A voxel is written `(i, j, k)`; arrays are indexed `[k, j, i]`, `i` fastest.
//! The centre of voxel `(0, 0, 0)` is the grid's origin.
//!
//! | type | what it holds |
//! |---|---|
//! | [`Grid`] | size and `world_from_voxel`, checked once |
//! | [`Volume`] | image voxels in their stored scalar type, with modality and quantity |
//! | [`Mask`] | one binary voxel array on a grid |
//! | [`MaskDelta`] | the changed box between two masks, bit-packed and compressed |
//! | [`VoxelBox`] | a half-open box of voxels |
//!
//! What is done to whole masks is in [`operations`].
//!
//! This crate knows no other crate of the workspace.

mod boxes;
pub mod components;
mod delta;
mod error;
mod grid;
mod mask;
pub mod operations;
pub mod resample;
mod volume;

pub use boxes::VoxelBox;
pub use delta::MaskDelta;
pub use error::VolumeError;
pub use glam::{DAffine3, DMat3, DQuat, DVec3};
pub use grid::{Axis, Grid};
pub use mask::Mask;
pub use volume::{Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
