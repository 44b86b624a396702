//! Computing a session again, to see whether it comes out as it did.

use crate::state::{State, Worker};
use crate::{Session, Step};
use isochrone_segment::{Cancel, SegmentError};
use std::sync::Arc;

/// All steps of a session, to be computed again outside of its lock.
pub struct ReplayJob {
    worker: Worker,
    steps: Vec<Arc<Step>>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayReport {
    /// Steps that were computed.
    pub steps: usize,
    /// Numbers of the steps whose mask came out differently; the acknowledged mask stands.
    pub differing: Vec<u64>,
}

impl Session {
    /// The steps in force, to be computed again.
    #[must_use]
    pub fn replay(&self) -> ReplayJob {
        ReplayJob { worker: self.worker.clone(), steps: self.steps().to_vec() }
    }
}

impl ReplayJob {
    /// Computes every step anew, each from the acknowledged masks before it, and compares the digests.
    ///
    /// # Errors
    /// Cancelled, or the engine failed.
    pub fn run(&self, cancel: &Cancel) -> Result<ReplayReport, SegmentError> {
        let mut state = State::default();
        let mut differing = Vec::new();
        for step in &self.steps {
            cancel.check()?;
            let outcome = state.outcome(&self.worker, step.label, &step.action, true)?;
            let again = state.take((**step).clone(), &outcome);
            if again.result.digest != step.result.digest {
                differing.push(step.id);
                state.stand_by(step, &self.worker.grid)?;
            }
        }
        Ok(ReplayReport { steps: self.steps.len(), differing })
    }
}
