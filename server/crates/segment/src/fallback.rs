use crate::{
    Cancel, Candidate, Channel, Draw, EngineDescription, Estimator, Prepared, Samples, SegmentError, Segmenter,
    SweepPolicy, Swept, Task,
};
use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_volume::{DVec3, Grid, resample};
use ndarray::Array3;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a device that failed is left alone.
const REST: Duration = Duration::from_secs(10 * 60);

type Opens = Box<dyn Fn() -> Result<Arc<dyn Segmenter>, SegmentError> + Send + Sync>;

/// What a device is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Whole,
    /// Regions half as fine, which take an eighth of the memory.
    Coarse,
    Nothing,
}

/// An engine whose device may fail (out of memory, driver gone, device lost), with the same model elsewhere to
/// take over.
///
/// A pass that fails is tried once more, because memory may have been short for a moment only; then on a region of the
/// same extent with half as many voxels a side. After that the other engine answers. For ten minutes it stays
/// with what worked. Nobody's click is lost, and [`Segmenter::describe`] says where it runs now, and how.
pub struct FallbackEngine {
    first: Arc<dyn Segmenter>,
    /// Opened when it is needed: it takes memory, and mostly it is not.
    second: OnceLock<Arc<dyn Segmenter>>,
    open: Opens,
    /// What it was last found good for, and when.
    found: Mutex<Option<(Trust, Instant)>>,
}

/// What both engines keep of a session.
struct Both {
    first: Arc<Prepared>,
    second: OnceLock<Arc<Prepared>>,
}

impl FallbackEngine {
    /// `first` as long as it works, else what `open` gives.
    pub fn new(
        first: Arc<dyn Segmenter>,
        open: impl Fn() -> Result<Arc<dyn Segmenter>, SegmentError> + Send + Sync + 'static,
    ) -> Self {
        Self { first, second: OnceLock::new(), open: Box::new(open), found: Mutex::default() }
    }

    fn second(&self) -> Result<&Arc<dyn Segmenter>, SegmentError> {
        if let Some(second) = self.second.get() {
            return Ok(second);
        }
        let opened = (self.open)()?;
        Ok(self.second.get_or_init(|| opened))
    }

    /// Asks the first engine, or the second; `ask` is told whether the region is to be coarse.
    fn ask<T>(
        &self,
        prepared: &Prepared,
        ask: impl Fn(&dyn Segmenter, &Prepared, bool) -> Result<T, SegmentError>,
    ) -> Result<T, SegmentError> {
        let Some(both) = prepared.cache.downcast_ref::<Both>() else {
            return Err(SegmentError::Network("the session was made ready by another engine".to_owned()));
        };
        let attempts: &[Trust] = match self.trust() {
            Trust::Whole => &[Trust::Whole, Trust::Whole, Trust::Coarse],
            Trust::Coarse => &[Trust::Coarse],
            Trust::Nothing => &[],
        };
        for &trust in attempts {
            match ask(self.first.as_ref(), &both.first, trust == Trust::Coarse) {
                Err(SegmentError::Network(_)) => {}
                answer => {
                    if answer.is_ok() && trust != self.trust() {
                        self.find(trust);
                    }
                    return answer;
                }
            }
        }
        if !attempts.is_empty() {
            self.find(Trust::Nothing);
        }
        let second = self.second()?;
        let ready = match both.second.get() {
            Some(ready) => ready,
            None => {
                let made = second.prepare(&prepared.channels)?;
                both.second.get_or_init(|| made)
            }
        };
        ask(second.as_ref(), ready, false)
    }

    fn trust(&self) -> Trust {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.filter(|(_, since)| since.elapsed() < REST).map_or(Trust::Whole, |(trust, _)| trust)
    }

    fn find(&self, trust: Trust) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((trust, Instant::now()));
    }
}

/// The same extent with half as many voxels a side.
fn coarse(region: &Grid) -> Result<Grid, SegmentError> {
    let size = region.size().map(|n| n.div_ceil(2));
    let [spacing, ..] = region.spacing_mm();
    let middle = DVec3::from_array(region.size().map(|n| (n as f64 - 1.0) / 2.0));
    Ok(region.working(region.world_from_voxel().transform_point3(middle), 2.0 * spacing, size)?)
}

impl Segmenter for FallbackEngine {
    fn describe(&self) -> EngineDescription {
        let usual = self.first.describe();
        match (self.trust(), self.second.get()) {
            (Trust::Coarse, _) => {
                let device = format!("{}, half as fine as usual, because its memory is short", usual.device);
                EngineDescription { device, ..usual }
            }
            (Trust::Nothing, Some(second)) => {
                let now = second.describe();
                let device = format!("{}, because {} failed; clicks take longer", now.device, usual.device);
                EngineDescription { device, ..now }
            }
            _ => usual,
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        let both = Both { first: self.first.prepare(channels)?, second: OnceLock::new() };
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(both) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        self.ask(prepared, |engine, prepared, half| {
            if !half {
                return engine.segment(prepared, task, cancel);
            }
            let region = coarse(task.region)?;
            let mut found = engine.segment(prepared, &Task { region: &region, ..*task }, cancel)?;
            for candidate in &mut found {
                candidate.probability = resample::to_grid(candidate.probability.view(), &region, task.region, 0.0);
            }
            Ok(found)
        })
    }

    fn settle(
        &self,
        prepared: &Prepared,
        prompt: &PlacedPrompt,
        cancel: &Cancel,
    ) -> Result<Option<PlacedPrompt>, SegmentError> {
        self.ask(prepared, |engine, prepared, _| engine.settle(prepared, prompt, cancel))
    }

    fn classes(&self) -> Vec<String> {
        self.first.classes()
    }

    fn calibrated(&self, probability: Array3<f32>) -> Array3<f32> {
        self.first.calibrated(probability)
    }

    fn estimators(&self) -> Vec<Estimator> {
        self.first.estimators()
    }

    fn sample(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        draw: Draw,
        cancel: &Cancel,
    ) -> Result<Samples, SegmentError> {
        self.ask(prepared, |engine, prepared, half| {
            let region = if half { Some(coarse(task.region)?) } else { None };
            let region = region.as_ref().unwrap_or(task.region);
            engine.sample(prepared, &Task { region, ..*task }, draw, cancel)
        })
    }

    fn sweep_policy(&self) -> Option<SweepPolicy> {
        self.first.sweep_policy()
    }

    fn sweep(&self, prepared: &Prepared, window: &Grid, draw: Draw, cancel: &Cancel) -> Result<Swept, SegmentError> {
        self.ask(prepared, |engine, prepared, _| engine.sweep(prepared, window, draw, cancel))
    }

    fn guidance(&self, prepared: &Prepared, task: &Task<'_>, polarity: Polarity) -> Result<Array3<f32>, SegmentError> {
        self.ask(prepared, |engine, prepared, _| engine.guidance(prepared, task, polarity))
    }
}
