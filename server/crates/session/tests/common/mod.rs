//! A small volume, and short ways to point into it.
#![allow(dead_code)]

use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_segment::Channel;
use isochrone_session::stub::StubEngine;
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Mask, MaskDelta, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels,
};
use ndarray::Array3;
use std::sync::Arc;

/// 40×36×20 voxels of 1×1×2 mm, flipped along j, with values that differ everywhere.
pub fn volume() -> Arc<Volume> {
    of_size([40, 36, 20])
}

/// The same with 20×18×9 voxels.
pub fn small_volume() -> Arc<Volume> {
    of_size([20, 18, 9])
}

/// One slice of one value, and a few slices that are thinner together than a sweep looks for air in.
pub fn thin_volumes() -> [Arc<Volume>; 2] {
    let slices = of_size([40, 36, 3]);
    let grid = Grid::new([40, 36, 1], slices.grid().world_from_voxel()).unwrap();
    let flat = Voxels::I16(Array3::zeros(grid.shape()));
    [Arc::new(Volume::new(grid, flat, Rescale::IDENTITY, slices.origin().clone()).unwrap()), slices]
}

fn of_size(size: [usize; 3]) -> Arc<Volume> {
    let matrix3 = DMat3::from_diagonal(DVec3::new(1.0, -1.0, 2.0));
    let grid = Grid::new(size, DAffine3 { matrix3, translation: DVec3::new(-10.0, 20.0, 5.0) }).unwrap();
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| ((i * 7 + j * 13 + k * 31) % 199) as i16);
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    Arc::new(Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap())
}

pub fn session() -> Session {
    session_with(SessionLimits::default())
}

pub fn session_with(limits: SessionLimits) -> Session {
    session_of(volume(), limits)
}

pub fn session_of(volume: Arc<Volume>, limits: SessionLimits) -> Session {
    Session::open(Arc::new(StubEngine::default()), &[Channel { volume }], 7, limits).unwrap()
}

pub fn click(session: &Session, voxel: [usize; 3], polarity: Polarity) -> Prompt {
    Prompt::Click(Click { position_lps_mm: session.volume().grid().centre_mm(voxel), polarity })
}

pub fn positive(session: &mut Session, label: u32, voxel: [usize; 3]) -> u64 {
    let prompt = click(session, voxel, Polarity::Positive);
    session.add_prompts(label, vec![prompt], "").unwrap().prompts[0].id
}

pub fn label(session: &mut Session, name: &str) -> u32 {
    session.add_label(name).unwrap().label.unwrap()
}

pub fn mask(session: &Session, label: u32) -> Mask {
    session.mask(label).unwrap().0.as_ref().clone()
}

/// A box filled with one value.
pub fn paint(session: &Session, region: VoxelBox, value: bool) -> MaskDelta {
    let mut mask = Mask::empty(session.volume().grid().clone());
    mask.voxels_mut().slice_mut(region.slice()).fill(value);
    MaskDelta::of_box(&mask, region)
}
