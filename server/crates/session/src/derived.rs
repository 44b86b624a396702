//! What follows from the present state and may be dropped at any time: the engine's last answer,
//! uncertainty and proposals, and the work on them.

use crate::Step;
use crate::state::{Answer, State};
use isochrone_segment::Cancel;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Derived {
    jobs: BTreeMap<u64, Cancel>,
    jobs_made: u64,
    answers: BTreeMap<u32, (u64, Arc<Answer>)>,
}

impl Derived {
    /// Cancels all work on a state that is about to be left.
    pub fn supersede(&mut self) {
        std::mem::take(&mut self.jobs).values().for_each(Cancel::cancel);
    }

    pub fn note(&mut self, state: &State, step: &Step, answer: Option<Answer>) {
    }

    pub fn forget_outdated(&mut self, state: &State) {}
}
