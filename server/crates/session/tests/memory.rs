//! What a session takes of the machine, over a volume of 512×512×300 voxels; `ISOCHRONE_SLICES=1200` makes a whole body
//! of it. Alone in its process, so that the memory is its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_segment::Channel;
use isochrone_session::stub::StubEngine;
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::{
    DAffine3, DVec3, Grid, Mask, MaskDelta, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels,
};
use ndarray::Array3;
use std::sync::Arc;

/// A line of /proc/self/status, MiB.
fn memory_mib(of: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(of)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// A painted ball of a radius in voxels, as a client sends it.
fn ball(centre: [usize; 3], radius: usize) -> MaskDelta {
    let side = 2 * radius + 1;
    let grid = Arc::new(Grid::new([side; 3], DAffine3::IDENTITY).unwrap());
    let far = |n: usize| n.abs_diff(radius).pow(2);
    let inside = |(k, j, i)| far(k) + far(j) + far(i) <= radius * radius;
    let mask = Mask::new(grid, Array3::from_shape_fn([side; 3], inside)).unwrap();
    let MaskDelta { zlib_bits, .. } = MaskDelta::of_box(&mask, VoxelBox::whole([side; 3]));
    let min = centre.map(|c| c - radius);
    MaskDelta { region: VoxelBox { min, max: min.map(|n| n + side) }, zlib_bits }
}

#[test]
fn three_labels_and_fifty_steps_over_a_whole_body() {
    let slices: usize = std::env::var("ISOCHRONE_SLICES").map_or(300, |n| n.parse().unwrap());
    let size = [512, 512, slices];
    let grid = Grid::new(size, DAffine3::from_scale(DVec3::new(0.9, 0.9, 0.9))).unwrap();
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    let voxels = Voxels::U8(Array3::zeros(grid.shape()));
    let volume = Arc::new(Volume::new(grid, voxels, Rescale::IDENTITY, origin).unwrap());
    let channels = [Channel { volume: volume.clone() }];
    let mut session = Session::open(Arc::new(StubEngine::default()), &channels, 1, SessionLimits::default()).unwrap();
    let labels = ["organ", "lesions", "clicks"].map(|name| session.add_label(name).unwrap().label.unwrap());
    let before = memory_mib("VmRSS");
    // An organ of 24 cm, lesions from head to toe, and clicks.
    session.edit(labels[0], ball([250, 250, slices / 2 - 15], 130), None).unwrap();
    for n in 0..24 {
        session.edit(labels[1], ball([30 + 19 * n, 480 - 17 * n, 20 + (slices - 40) * n / 24], 12), None).unwrap();
        let position_lps_mm = volume.grid().centre_mm([100 + n, 400, 20 + (slices - 40) * n / 24]);
        let click = Prompt::Click(Click { position_lps_mm, polarity: Polarity::Positive });
        session.add_prompts(labels[2], vec![click], "").unwrap();
    }
    session.edit(labels[0], ball([250, 250, slices / 2 + 15], 130), None).unwrap();
    let (mut at_rest, steps) = (memory_mib("VmRSS"), session.steps().len());
    for _ in 0..3 {
        session.undo().unwrap();
    }
    for _ in 0..3 {
        session.redo().unwrap();
    }
    at_rest = at_rest.max(memory_mib("VmRSS"));
    let (rest, peak) = (at_rest.saturating_sub(before), memory_mib("VmHWM").saturating_sub(before));
    println!("{steps} steps: {} KiB of steps, {rest} MiB more at rest, {peak} MiB at most", session.bytes() >> 10);
    assert!(session.bytes() < 16 << 20);
    // docs/operations.md states what was measured; a third mask of a byte a voxel would not fit below.
    assert!(rest <= 128, "{rest} MiB");
    assert!(peak <= 384, "{peak} MiB");
}
