//! Computing a session again, to see whether it comes out as it did.

use crate::outcome::Asked;
use crate::state::{State, Worker};
use crate::{Session, SessionLimits, Step};
use isochrone_segment::{Cancel, SegmentError};
use std::sync::Arc;

/// All steps of a session, to be computed again outside of its lock.
pub struct ReplayJob {
    worker: Worker,
    steps: Vec<Arc<Step>>,
    limits: SessionLimits,
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
        ReplayJob { worker: self.worker.clone(), steps: self.steps().to_vec(), limits: self.limits }
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
            let cancel = &Cancel::within(self.limits.step, vec![cancel.clone()]);
            cancel.check()?;
            let asked =
                Asked { label: step.label, action: &step.action, overlap: step.overlap, cancel, tolerant: true };
            let outcome = state.outcome(&self.worker, &asked)?;
            let again = state.take((**step).clone(), &outcome);
            if digests(&again) != digests(step) {
                differing.push(step.id);
                state.stand_by(step);
            }
        }
        Ok(ReplayReport { steps: self.steps.len(), differing })
    }
}

/// Of every mask that a step made.
fn digests(step: &Step) -> Vec<(u32, [u8; 32])> {
    let own = std::iter::once((step.label, step.result.digest));
    own.chain(step.others.iter().map(|(label, result)| (*label, result.digest))).collect()
}
