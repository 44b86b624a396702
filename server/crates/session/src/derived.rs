//! What follows from the present state and may be dropped at any time: the engine's last answers,
//! uncertainty, and the work on it.

use crate::limits::REMEMBERED;
use crate::state::{Answer, State};
use crate::{Snapshot, Step, Uncertainty};
use isochrone_proposal::SliceRef;
use isochrone_segment::Cancel;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Valid as long as the label's mask is the one of this snapshot, from the same step.
struct Derivation<T> {
    of: Arc<Snapshot>,
    what: Arc<T>,
}

/// Of the labels that were worked on last, the newest at the end.
struct Remembered<T>(Vec<(u32, Derivation<T>)>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Remembered<T> {
    fn insert(&mut self, label: u32, of: Arc<Snapshot>, what: Arc<T>) {
        self.0.retain(|(l, _)| *l != label);
        self.0.push((label, Derivation { of, what }));
        let too_many = self.0.len().saturating_sub(REMEMBERED);
        self.0.drain(..too_many);
    }

    fn get(&self, label: u32) -> Option<&Derivation<T>> {
        self.0.iter().find(|(l, _)| *l == label).map(|(_, d)| d)
    }

    /// Forgets what does not hold any more.
    fn check(&mut self, state: &State) {
        self.0.retain(|(label, d)| holds(state, *label, &d.of));
    }
}

#[derive(Default)]
pub(crate) struct Derived {
    /// Grows when the state is left on which the work stands.
    pub epoch: u64,
    jobs: BTreeMap<u64, Cancel>,
    jobs_made: u64,
    answers: Remembered<Answer>,
    uncertainties: Remembered<Uncertainty>,
    proposed: BTreeMap<u32, Vec<SliceRef>>,
}

impl Derived {
    /// Cancels all work on a state that is about to be left.
    pub fn supersede(&mut self) {
        std::mem::take(&mut self.jobs).values().for_each(Cancel::cancel);
    }

    /// Takes on a job, and returns its number.
    pub fn begin(&mut self, cancel: &Cancel) -> u64 {
        // Of some the client is gone, and they never came back.
        self.jobs.retain(|_, cancel| !cancel.is_cancelled());
        self.jobs_made += 1;
        self.jobs.insert(self.jobs_made, cancel.clone());
        self.jobs_made
    }

    /// A job is over.
    pub fn end(&mut self, job: u64) {
        self.jobs.remove(&job);
    }

    /// The state was left: keeps only what still holds, and the newest answer.
    pub fn moved_on(&mut self, state: &State, answered: Option<(&Step, Answer)>) {
        self.epoch += 1;
        if let Some((step, answer)) = answered {
            self.answers.insert(step.label, step.result.clone(), Arc::new(answer));
        }
        self.answers.check(state);
        self.uncertainties.check(state);
        self.proposed.retain(|label, _| self.uncertainties.get(*label).is_some());
    }

    pub fn answer(&self, label: u32, snapshot: &Arc<Snapshot>) -> Option<Arc<Answer>> {
        self.answers.get(label).filter(|d| Arc::ptr_eq(&d.of, snapshot)).map(|d| d.what.clone())
    }

    pub fn uncertainty(&self, label: u32) -> Option<Arc<Uncertainty>> {
        self.uncertainties.get(label).map(|d| d.what.clone())
    }

    /// The slices that were proposed last for a label's present mask.
    pub fn proposed(&self, label: u32) -> &[SliceRef] {
        self.proposed.get(&label).map_or(&[], Vec::as_slice)
    }

    pub fn propose(&mut self, label: u32, slices: Vec<SliceRef>) {
        self.proposed.insert(label, slices);
    }

    pub fn note(&mut self, label: u32, of: Arc<Snapshot>, found: Arc<Uncertainty>) {
        self.uncertainties.insert(label, of, found);
    }
}

fn holds(state: &State, label: u32, snapshot: &Arc<Snapshot>) -> bool {
    state.labels.get(&label).is_some_and(|l| Arc::ptr_eq(&l.snapshot, snapshot))
}
