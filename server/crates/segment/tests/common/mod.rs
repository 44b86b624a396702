//! Synthetic volumes, and an engine that simply thresholds them.

#![allow(dead_code)] // Not every test binary uses everything.

use isochrone_prompt::{Click, PlacedPrompt, Polarity, Prompt};
use isochrone_segment::{
    Cancel, Candidate, Channel, EngineDescription, Prepared, RegionPolicy, SegmentError, Segmenter, Task,
};
use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels, resample,
};
use ndarray::Array3;
use std::sync::{Arc, Mutex};

/// A grid of the given voxel sides, along LPS.
pub fn grid(size: [usize; 3], spacing_mm: [f64; 3]) -> Grid {
    let matrix3 = DMat3::from_diagonal(DVec3::from(spacing_mm));
    Grid::new(size, DAffine3 { matrix3, translation: DVec3::new(-50.0, 20.0, 10.0) }).unwrap()
}

/// A volume with bright balls (100) on a dark ground (0): voxel of the centre and radius in mm.
pub fn balls(grid: Grid, balls: &[([usize; 3], f64)]) -> Arc<Volume> {
    let centres: Vec<_> = balls.iter().map(|&(c, r)| (grid.centre_mm(c), r)).collect();
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let p = grid.centre_mm([i, j, k]);
        if centres.iter().any(|(c, r)| p.distance(*c) <= *r) { 100i16 } else { 0 }
    });
    let origin = VolumeOrigin {
        modality: Modality::Pt,
        quantity: Quantity::Arbitrary,
        inferred: false,
        frame_of_reference: None,
        warnings: vec![],
    };
    Arc::new(Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap())
}

/// A click on the centre of a voxel `(i, j, k)`.
pub fn click(volume: &Volume, voxel: [usize; 3], polarity: Polarity) -> PlacedPrompt {
    let position_lps_mm = volume.grid().centre_mm(voxel);
    Prompt::Click(Click { position_lps_mm, polarity }).place(volume, "").unwrap()
}

/// What the engine was asked: the region's spacing, and how many voxels were in the previous mask.
pub type Asked = Arc<Mutex<Vec<(f64, usize)>>>;

/// Everything brighter than 50 belongs to the label; prompts do not matter.
#[derive(Default)]
pub struct Threshold {
    pub asked: Asked,
    /// See [`RegionPolicy::local_from`].
    pub local_from: usize,
    /// See [`RegionPolicy::first_spacing_voxels`].
    pub first_spacing_voxels: f64,
    /// In regions of the first spacing, only what is within so many mm of the region's middle; 0: everything.
    pub coarse_sight_mm: f64,
}

impl Segmenter for Threshold {
    fn describe(&self) -> EngineDescription {
        let region = RegionPolicy {
            size: [32; 3],
            first_spacing_mm: 2.0,
            min_spacing_mm: 1.0,
            max_spacing_mm: 8.0,
            zoom_out: 1.5,
            context: 1.5,
            local_from: self.local_from,
            first_spacing_voxels: self.first_spacing_voxels,
            within_mm: 0.0,
        };
        EngineDescription {
            name: "threshold".into(),
            model: String::new(),
            model_digest: String::new(),
            device: "cpu".into(),
            samples: false,
            region,
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(()) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        cancel.check()?;
        self.asked.lock().unwrap().push((task.region.spacing_mm()[0], task.previous.count()));
        let mut image = resample::volume_to_grid(&prepared.channels[0].volume, task.region, 0.0);
        if self.coarse_sight_mm > 0.0 && task.region.spacing_mm()[0] >= 2.0 {
            let middle = task.region.centre_mm([16; 3]);
            for ((k, j, i), value) in image.indexed_iter_mut() {
                if task.region.centre_mm([i, j, k]).distance(middle) > self.coarse_sight_mm {
                    *value = 0.0;
                }
            }
        }
        Ok(vec![Candidate { probability: image / 100.0, threshold: 0.5, score: 1.0 }])
    }
}
