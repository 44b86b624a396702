//! What a click costs besides the network: `cargo run --release -p isochrone-segment --example overhead [models/lesion-3]`.
//!
//! Without a bundle, an engine that answers at once stands in for the network.

use isochrone_network::{Device, Runtime, RuntimeOptions};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_segment::{
    Cancel, Candidate, Channel, Draw, EngineDescription, Estimator, NetworkEngine, Prepared, RefineInput, RegionPolicy,
    SegmentError, Segmenter, Task, refine, sample,
};
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::Array3;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A ball in the middle of every region.
struct Ball;

impl Segmenter for Ball {
    fn describe(&self) -> EngineDescription {
        let region = RegionPolicy {
            size: [64; 3],
            first_spacing_mm: 1.5,
            min_spacing_mm: 0.75,
            max_spacing_mm: 6.0,
            zoom_out: 1.5,
            context: 1.5,
            ..RegionPolicy::default()
        };
        let none = String::new;
        EngineDescription {
            name: "ball".into(),
            model: none(),
            model_digest: none(),
            device: none(),
            samples: false,
            region,
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(()) }))
    }

    fn segment(&self, _: &Prepared, task: &Task<'_>, _: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let probability = Array3::from_shape_fn(task.region.shape(), |(k, j, i)| {
            let square = [k, j, i].map(|n| (n as f32 - 31.5).powi(2)).iter().sum::<f32>();
            1.0 / (1.0 + (square.sqrt() - 20.0).exp())
        });
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine: Box<dyn Segmenter> = match std::env::args().nth(1) {
        None => Box::new(Ball),
        Some(folder) => {
            let runtime = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() })?;
            Box::new(NetworkEngine::load(Path::new(&folder), &runtime)?)
        }
    };
    let shapes = [([512, 512, 61], [0.7, 0.7, 3.0], "lung CT"), ([400, 400, 326], [2.0, 2.0, 2.0], "whole-body PET")];
    for (size, spacing_mm, name) in shapes {
        let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::from(spacing_mm)), translation: DVec3::ZERO };
        let grid = Grid::new(size, affine)?;
        let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| ((k * 31 + j * 17 + i * 7) % 997) as i16);
        let origin = VolumeOrigin {
            modality: Modality::Ct,
            quantity: Quantity::Arbitrary,
            inferred: false,
            frame_of_reference: None,
            warnings: vec![],
        };
        let volume = Arc::new(Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin)?);
        let prepared = engine.prepare(&[Channel { volume: volume.clone() }])?;
        let place = |voxel: [usize; 3]| {
            let click = Click { position_lps_mm: volume.grid().centre_mm(voxel), polarity: Polarity::Positive };
            Prompt::Click(click).place(&volume, "")
        };
        let [i, j, k] = size.map(|n| n / 2);
        let prompts = [place([i, j, k])?, place([i + 4, j, k])?];
        for (which, used) in [("first click", 1), ("second click", 2)] {
            let (mut best, mut best_sample, mut forwards) = (f64::INFINITY, f64::INFINITY, 0);
            for _ in 0..7 {
                let mut mask = Mask::empty(volume.grid().clone());
                if used == 2 {
                    let input = RefineInput {
                        prompts: prompts.get(..1).unwrap_or_default(),
                        newest: 1,
                        mask: &mask,
                        other_labels: &[],
                    };
                    mask = refine(engine.as_ref(), &prepared, &input, &Cancel::new())?.mask;
                }
                let input = RefineInput {
                    prompts: prompts.get(..used).unwrap_or_default(),
                    newest: 1,
                    mask: &mask,
                    other_labels: &[],
                };
                let start = Instant::now();
                let refined = refine(engine.as_ref(), &prepared, &input, &Cancel::new())?;
                best = best.min(start.elapsed().as_secs_f64() * 1000.0);
                forwards = refined.forwards;
                if engine.describe().samples {
                    let draw = Draw { t: 8, seed: 1, by: Estimator::Dropout };
                    let start = Instant::now();
                    sample(engine.as_ref(), &prepared, &refined.task, draw, &Cancel::new())?;
                    best_sample = best_sample.min(start.elapsed().as_secs_f64() * 1000.0);
                }
            }
            println!("{name}, {which}: {best:.1} ms in {forwards} pass(es); 8 samples {best_sample:.1} ms");
        }
    }
    Ok(())
}
