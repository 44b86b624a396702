//! A deterministic engine that needs no model: balls round the positive clicks, without those round the
//! negative ones. Image values and the previous mask leave their mark, so that a wrong input shows.

use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_segment::{
    Cancel, Candidate, Channel, Draw, EngineDescription, Prepared, RegionPolicy, Samples, SegmentError, Segmenter,
    SweepPolicy, Swept, Task,
};
use isochrone_volume::{DAffine3, DVec3, Grid, resample};
use ndarray::{Array3, Array4, Axis};
use std::sync::Arc;
use std::time::Duration;

/// The engine. Delays make a slow machine out of a fast one.
#[derive(Debug, Clone)]
pub struct StubEngine {
    /// Voxels along each side of its region.
    pub side: usize,
    /// What [`Segmenter::segment`] takes at least.
    pub segment_delay: Duration,
    /// What every sample takes at least.
    pub sample_delay: Duration,
}

impl Default for StubEngine {
    fn default() -> Self {
        Self { side: 32, segment_delay: Duration::ZERO, sample_delay: Duration::ZERO }
    }
}

/// Radius of a ball, mm.
const RADIUS_MM: f64 = 6.0;

impl StubEngine {
    fn probability(task: &Task<'_>, prepared: &Prepared, radius_mm: f64) -> Array3<f32> {
        let Some(channel) = prepared.channels.first() else { return Array3::zeros(task.region.shape()) };
        let values = resample::volume_to_grid(&channel.volume, task.region, 0.0);
        let near = |p: &PlacedPrompt, at| p.position_lps_mm().distance(at);
        Array3::from_shape_fn(task.region.shape(), |(k, j, i)| {
            let at = task.region.centre_mm([i, j, k]);
            let value = f64::from(values.get((k, j, i)).copied().unwrap_or_default());
            let before = task.previous.grid().voxel_at(at).is_some_and(|v| task.previous.contains(v));
            let reach = radius_mm + (value / 100.0).sin() + if before { 1.5 } else { 0.0 };
            let nearest = |polarity| {
                let prompts = task.prompts.iter().filter(|p| p.polarity() == polarity);
                prompts.map(|p| near(p, at)).fold(f64::INFINITY, f64::min)
            };
            let (yes, no) = (nearest(Polarity::Positive), nearest(Polarity::Negative));
            if yes < reach && yes < no { (1.0 - 0.5 * yes / reach) as f32 } else { 0.2 }
        })
    }
}

impl Segmenter for StubEngine {
    fn describe(&self) -> EngineDescription {
        EngineDescription {
            name: "stub".to_owned(),
            model: String::new(),
            model_digest: String::new(),
            device: "cpu (1 thread)".to_owned(),
            samples: true,
            region: RegionPolicy {
                size: [self.side; 3],
                first_spacing_mm: 1.0,
                min_spacing_mm: 0.5,
                max_spacing_mm: 4.0,
                zoom_out: 1.5,
                context: 1.5,
                ..RegionPolicy::default()
            },
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(()) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        std::thread::sleep(self.segment_delay);
        cancel.check()?;
        Ok(vec![Candidate { probability: Self::probability(task, prepared, RADIUS_MM), threshold: 0.5, score: 1.0 }])
    }

    fn sample(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        draw: Draw,
        cancel: &Cancel,
    ) -> Result<Samples, SegmentError> {
        let Draw { t, seed, .. } = draw;
        let [k, j, i] = task.region.shape();
        let mut probability = Array4::zeros((t, k, j, i));
        for (n, mut sample) in probability.axis_iter_mut(Axis(0)).enumerate() {
            std::thread::sleep(self.sample_delay);
            cancel.check()?;
            let step = (seed.rotate_left(n as u32 * 7) % 9) as f64;
            sample.assign(&Self::probability(task, prepared, RADIUS_MM + (step - 4.0) / 2.0));
        }
        Ok(Samples { probability, grid: task.region.clone() })
    }

    fn sweep_policy(&self) -> Option<SweepPolicy> {
        Some(SweepPolicy { spacing_mm: 2.0, size: [8; 3], stride: 2, predicts: true })
    }

    fn sweep(&self, _: &Prepared, window: &Grid, draw: Draw, cancel: &Cancel) -> Result<Swept, SegmentError> {
        std::thread::sleep(self.sample_delay);
        cancel.check()?;
        let [k, j, i] = window.shape().map(|n| n / 2);
        let middle = |at: [usize; 3]| (window.centre_mm(at) + window.centre_mm(at.map(|n| n + 1))) / 2.0;
        let samples = Array4::from_shape_fn((draw.t, k, j, i), |(_, k, j, i)| bump(middle([2 * i, 2 * j, 2 * k])));
        let affine = window.world_from_voxel();
        let coarse = DAffine3 { matrix3: affine.matrix3 * 2.0, translation: middle([0; 3]) };
        let samples = Samples { probability: samples, grid: Grid::new([i, j, k], coarse)? };
        let whole = Array3::from_shape_fn(window.shape(), |(k, j, i)| bump(window.centre_mm([i, j, k])));
        Ok(Swept { samples, probability: Some(whole) })
    }
}

/// What the stub takes for a lesion before anybody has pointed anywhere: 1 at a place of the volume, falling off.
#[must_use]
pub fn bump(at: DVec3) -> f32 {
    (-at.distance_squared(DVec3::new(8.0, 4.0, 25.0)) / 60.0).exp() as f32
}
