use crate::{
    Cancel, Candidate, Channel, Draw, EngineDescription, Estimator, Prepared, Samples, SegmentError, Segmenter,
    SweepPolicy, Swept, Task,
};
use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_volume::Grid;
use ndarray::Array3;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a device that failed is left alone.
const REST: Duration = Duration::from_secs(10 * 60);

type Opens = Box<dyn Fn() -> Result<Arc<dyn Segmenter>, SegmentError> + Send + Sync>;

/// An engine whose device may fail (out of memory, driver gone, device lost), with the same model elsewhere to
/// take over.
///
/// A pass that fails is tried once more, because memory may have been short for a moment only. After that the
/// other engine answers, and the device is left alone for ten minutes. Nobody's click is lost, and
/// [`Segmenter::describe`] says where it runs now.
pub struct FallbackEngine {
    first: Arc<dyn Segmenter>,
    /// Opened when it is needed: it takes memory, and mostly it is not.
    second: OnceLock<Arc<dyn Segmenter>>,
    open: Opens,
    failed: Mutex<Option<Instant>>,
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
        Self { first, second: OnceLock::new(), open: Box::new(open), failed: Mutex::default() }
    }

    fn second(&self) -> Result<&Arc<dyn Segmenter>, SegmentError> {
        if let Some(second) = self.second.get() {
            return Ok(second);
        }
        let opened = (self.open)()?;
        Ok(self.second.get_or_init(|| opened))
    }

    /// Asks the first engine, or the second.
    fn ask<T>(
        &self,
        prepared: &Prepared,
        ask: impl Fn(&dyn Segmenter, &Prepared) -> Result<T, SegmentError>,
    ) -> Result<T, SegmentError> {
        let Some(both) = prepared.cache.downcast_ref::<Both>() else {
            return Err(SegmentError::Network("the session was made ready by another engine".to_owned()));
        };
        if !self.rests() {
            let mut answer = ask(self.first.as_ref(), &both.first);
            if matches!(answer, Err(SegmentError::Network(_))) {
                answer = ask(self.first.as_ref(), &both.first);
            }
            match answer {
                Err(SegmentError::Network(_)) => *self.failed() = Some(Instant::now()),
                other => {
                    *self.failed() = None;
                    return other;
                }
            }
        }
        let second = self.second()?;
        let ready = match both.second.get() {
            Some(ready) => ready,
            None => {
                let made = second.prepare(&prepared.channels)?;
                both.second.get_or_init(|| made)
            }
        };
        ask(second.as_ref(), ready)
    }

    fn rests(&self) -> bool {
        self.failed().is_some_and(|since| since.elapsed() < REST)
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segmenter for FallbackEngine {
    fn describe(&self) -> EngineDescription {
        let usual = self.first.describe();
        match self.second.get().filter(|_| self.rests()) {
            None => usual,
            Some(second) => {
                let now = second.describe();
                let device = format!("{}, because {} failed; clicks take longer", now.device, usual.device);
                EngineDescription { device, ..now }
            }
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        let both = Both { first: self.first.prepare(channels)?, second: OnceLock::new() };
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(both) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        self.ask(prepared, |engine, prepared| engine.segment(prepared, task, cancel))
    }

    fn settle(
        &self,
        prepared: &Prepared,
        prompt: &PlacedPrompt,
        cancel: &Cancel,
    ) -> Result<Option<PlacedPrompt>, SegmentError> {
        self.ask(prepared, |engine, prepared| engine.settle(prepared, prompt, cancel))
    }

    fn classes(&self) -> Vec<String> {
        self.first.classes()
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
        self.ask(prepared, |engine, prepared| engine.sample(prepared, task, draw, cancel))
    }

    fn sweep_policy(&self) -> Option<SweepPolicy> {
        self.first.sweep_policy()
    }

    fn sweep(&self, prepared: &Prepared, window: &Grid, draw: Draw, cancel: &Cancel) -> Result<Swept, SegmentError> {
        self.ask(prepared, |engine, prepared| engine.sweep(prepared, window, draw, cancel))
    }

    fn guidance(&self, prepared: &Prepared, task: &Task<'_>, polarity: Polarity) -> Result<Array3<f32>, SegmentError> {
        self.ask(prepared, |engine, prepared| engine.guidance(prepared, task, polarity))
    }
}
