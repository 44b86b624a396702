//! The engine's last answer, and maps of it.

use crate::outcome::Asked;
use crate::state::{Answer, State, Worker};
use crate::{Action, Session, SessionError, Step};
use isochrone_prompt::Polarity;
use isochrone_segment::{Cancel, SegmentError};
use isochrone_volume::Grid;
use ndarray::Array3;
use std::sync::Arc;
use std::time::Duration;

/// Which map of a label is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// Probability of the last answer.
    Probability,
    /// What the engine was shown of the prompts of one polarity.
    Guidance(Polarity),
}

/// A map to be made of the last answer, outside of the session.
pub struct MapJob {
    kind: MapKind,
    answer: LastAnswer,
    worker: Worker,
    limit: Duration,
}

/// Where the engine's last answer is to be had.
pub(crate) enum LastAnswer {
    /// It is still there.
    Known(Arc<Answer>),
    /// The last of these steps has to be computed again (after an undo, say).
    Again(Vec<Arc<Step>>),
}

impl LastAnswer {
    pub fn find(&self, worker: &Worker, cancel: &Cancel) -> Result<Arc<Answer>, SessionError> {
        let nothing = || SessionError::Segment(SegmentError::NoPositivePrompt);
        match self {
            Self::Known(answer) => Ok(answer.clone()),
            Self::Again(steps) => {
                let (last, before) = steps.split_last().ok_or_else(nothing)?;
                let state = State::restored(before, &State::default());
                let (label, action, overlap) = (last.label, &last.action, last.overlap);
                let asked = Asked { label, action, overlap, cancel, tolerant: true };
                let outcome = state.outcome(worker, &asked)?;
                outcome.answer.map(Arc::new).ok_or_else(nothing)
            }
        }
    }
}

impl Session {
    /// A map of a label's last answer, to be made outside of the session.
    ///
    /// # Errors
    /// Unknown label; no answer yet.
    pub fn map_job(&self, label: u32, kind: MapKind) -> Result<MapJob, SessionError> {
        self.label(label)?;
        let (answer, _) = self.last_answer(label)?;
        Ok(MapJob { kind, answer, worker: self.worker.clone(), limit: self.limits.step })
    }

    /// The last answer about a label; and its region, if the mask was changed since without asking the engine.
    pub(crate) fn last_answer(&self, label: u32) -> Result<(LastAnswer, Option<Grid>), SessionError> {
        let state = self.label(label)?;
        let mut changes = self.steps().iter().enumerate().rev().filter(|(_, s)| s.touches(label));
        let mut edited = false;
        let asked = changes.find_map(|(n, step)| match (&step.action, &step.region) {
            (Action::Reset, _) if step.label == label => Some(None),
            (Action::Prompts(_), Some(region)) if step.label == label => Some(Some((n, region))),
            // Changed without asking the engine about it.
            _ => {
                edited = true;
                None
            }
        });
        let Some((n, region)) = asked.flatten() else { return Err(SegmentError::NoPositivePrompt.into()) };
        let answer = match self.derived.answer(label, &state.snapshot) {
            Some(answer) if !edited => LastAnswer::Known(answer),
            _ => LastAnswer::Again(self.steps().iter().take(n + 1).cloned().collect()),
        };
        Ok((answer, edited.then(|| region.clone())))
    }
}

impl MapJob {
    /// Makes the map `[k, j, i]`, and says where it lies.
    ///
    /// # Errors
    /// The engine failed, or shows nothing of the kind.
    pub fn run(&self) -> Result<(Grid, Array3<f32>), SessionError> {
        let answer = self.answer.find(&self.worker, &Cancel::within(self.limit, Vec::new()))?;
        let map = match self.kind {
            MapKind::Probability => self.worker.engine.calibrated(answer.candidate.probability.clone()),
            MapKind::Guidance(polarity) => {
                self.worker.engine.guidance(&self.worker.prepared, &answer.task.task(&[]), polarity)?
            }
        };
        Ok((answer.task.region.clone(), map))
    }
}
