//! What follows from a list of steps: labels, their prompts and masks.

use crate::{About, Action, NumberedPrompt, Snapshot, Step};
use isochrone_segment::{Candidate, Prepared, RefinedTask, Segmenter};
use isochrone_volume::{Grid, Mask, Volume, VolumeError, VoxelBox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The engine of a session and the image it works on.
#[derive(Clone)]
pub(crate) struct Worker {
    pub engine: Arc<dyn Segmenter>,
    pub prepared: Arc<Prepared>,
    pub grid: Arc<Grid>,
}

/// What the reader has said of a label.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub about: About,
    /// Prompts that count: those since the last reset; of a polygon, the shape that it has now.
    pub prompts: Vec<NumberedPrompt>,
}

/// One label at one moment.
#[derive(Debug, Clone)]
pub(crate) struct LabelState {
    pub told: Told,
    pub snapshot: Arc<Snapshot>,
    /// The same with a byte a voxel, while it is at hand.
    unpacked: Option<Arc<Mask>>,
}

/// All labels at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub labels: BTreeMap<u32, LabelState>,
    /// Labels whose masks are at hand, the one that changed last at the end.
    at_hand: Vec<u32>,
}

/// The engine's answer to a step's prompts.
pub(crate) struct Answer {
    /// What it was asked.
    pub task: RefinedTask,
    /// What it said.
    pub candidate: Candidate,
    pub spacing_mm: f64,
}

/// A label's new mask.
pub(crate) struct Changed {
    pub label: u32,
    pub mask: Arc<Mask>,
    /// Where a client has to rewrite it.
    pub region: VoxelBox,
}

/// What an action does to masks, before it becomes a step.
pub(crate) struct Outcome {
    /// Of the label that it is about; `None` if its mask stays as it is.
    pub own: Option<Changed>,
    /// Of the others that it takes voxels from.
    pub others: Vec<Changed>,
    /// Where the engine was asked.
    pub answer: Option<Answer>,
    pub warnings: Vec<String>,
}

impl Told {
    pub fn new(label: u32) -> Self {
        Self { about: About::new("", label), prompts: Vec::new() }
    }

    /// Goes on to what holds after an action.
    pub fn hear(&mut self, action: &Action) {
        match action {
            Action::AddLabel(about) => self.about = about.clone(),
            Action::UpdateLabel(change) => self.about = self.about.clone().with(change),
            Action::Reset => self.prompts.clear(),
            Action::Prompts(new) => new.iter().for_each(|prompt| self.point(prompt.clone())),
            Action::DeleteLabel | Action::Edit(_) | Action::Operation(_) | Action::AcceptSlice { .. } => {}
        }
    }

    /// Adds a prompt; a drag takes the place of the polygon as it was.
    pub fn point(&mut self, prompt: NumberedPrompt) {
        if let Some(drag) = prompt.drag {
            self.prompts.retain(|p| !p.is_of_polygon(drag.polygon));
        }
        self.prompts.push(prompt);
    }

    /// A polygon as it is now.
    pub fn polygon(&self, number: u64) -> Option<&NumberedPrompt> {
        self.prompts.iter().find(|p| p.is_of_polygon(number))
    }
}

impl LabelState {
    /// The label's mask.
    pub fn mask(&self, grid: &Arc<Grid>) -> Result<Arc<Mask>, VolumeError> {
        match &self.unpacked {
            Some(mask) => Ok(mask.clone()),
            None => Ok(Arc::new(self.snapshot.mask(grid)?)),
        }
    }
}

impl State {
    /// The state after `steps`, from their snapshots. Masks that `now` has at hand stay there.
    pub fn restored(steps: &[Arc<Step>], now: &Self) -> Self {
        let mut last: BTreeMap<u32, (Told, Arc<Snapshot>)> = BTreeMap::new();
        for step in steps {
            if matches!(step.action, Action::DeleteLabel) {
                last.remove(&step.label);
                continue;
            }
            let (told, snapshot) =
                last.entry(step.label).or_insert_with(|| (Told::new(step.label), step.result.clone()));
            *snapshot = step.result.clone();
            told.hear(&step.action);
            for (other, result) in &step.others {
                if let Some((_, snapshot)) = last.get_mut(other) {
                    *snapshot = result.clone();
                }
            }
        }
        let mut state = Self::default();
        for (label, (told, snapshot)) in last {
            let known = now.labels.get(&label).filter(|l| l.snapshot.digest == snapshot.digest);
            let unpacked = known.and_then(|l| l.unpacked.clone());
            state.labels.insert(label, LabelState { told, snapshot, unpacked });
        }
        let there = |label: &u32| state.labels.get(label).is_some_and(|l| l.unpacked.is_some());
        state.at_hand = now.at_hand.iter().copied().filter(there).collect();
        state
    }

    /// Keeps a label's mask at hand, and puts others away for it.
    pub fn keep_at_hand(&mut self, label: u32, mask: &Arc<Mask>) {
        self.at_hand.retain(|&l| l != label);
        self.at_hand.push(label);
        if let Some(state) = self.labels.get_mut(&label) {
            state.unpacked = Some(mask.clone());
        }
        let room = crate::limits::UNPACKED_BYTES / mask.voxels().len().max(1);
        for put_away in self.at_hand.drain(..self.at_hand.len().saturating_sub(room)) {
            if let Some(state) = self.labels.get_mut(&put_away) {
                state.unpacked = None;
            }
        }
    }

    /// Makes a step of an outcome, and goes on to the state after it.
    pub fn take(&mut self, step: Step, outcome: &Outcome) -> Arc<Step> {
        let result = match (&outcome.own, self.labels.get(&step.label)) {
            (Some(own), _) => Arc::new(Snapshot::of(&own.mask)),
            // A step that leaves its mask as it is leaves what was derived from it standing.
            (None, Some(label)) => label.snapshot.clone(),
            (None, None) => Arc::default(),
        };
        let others: Vec<_> =
            outcome.others.iter().map(|other| (other.label, Arc::new(Snapshot::of(&other.mask)))).collect();
        for (changed, (_, snapshot)) in outcome.others.iter().zip(&others) {
            self.adopt(changed, snapshot);
        }
        if matches!(step.action, Action::DeleteLabel) {
            self.labels.remove(&step.label);
        } else {
            if let Some(own) = &outcome.own {
                self.adopt(own, &result);
            }
            if let Some(label) = self.labels.get_mut(&step.label) {
                label.told.hear(&step.action);
            }
        }
        let region = outcome.answer.as_ref().map(|a| a.task.region.clone());
        Arc::new(Step { result, others, region, ..step })
    }

    fn adopt(&mut self, changed: &Changed, snapshot: &Arc<Snapshot>) {
        let told = || Told::new(changed.label);
        let label = self.labels.entry(changed.label);
        let label = label.or_insert_with(|| LabelState { told: told(), snapshot: snapshot.clone(), unpacked: None });
        label.snapshot = snapshot.clone();
        self.keep_at_hand(changed.label, &changed.mask);
    }

    /// Takes a step's masks as they were acknowledged.
    pub fn stand_by(&mut self, step: &Step) {
        let own = std::iter::once((step.label, &step.result));
        for (label, snapshot) in own.chain(step.others.iter().map(|(label, s)| (*label, s))) {
            self.at_hand.retain(|&l| l != label);
            if let Some(label) = self.labels.get_mut(&label) {
                (label.snapshot, label.unpacked) = (snapshot.clone(), None);
            }
        }
    }

    /// All labels but one.
    pub fn others(&self, label: u32) -> impl Iterator<Item = (u32, &LabelState)> {
        self.labels.iter().filter(move |(id, _)| **id != label).map(|(id, state)| (*id, state))
    }
}

/// An action again, with its drags carried out on the polygons as they are in `told`. Drags that are left without
/// their vertex are dropped with a warning; `None` if nothing is left.
pub(crate) fn redragged(
    action: Action,
    told: Option<&Told>,
    volume: &Volume,
    warnings: &mut Vec<String>,
) -> Option<Action> {
    let Action::Prompts(prompts) = action else { return Some(action) };
    let mut now = told.cloned().unwrap_or_else(|| Told::new(0));
    let mut kept = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        let again = match &prompt.drag {
            None => Some(prompt.clone()),
            Some(drag) => {
                let placed =
                    now.polygon(drag.polygon).and_then(|shape| crate::wanted::dragged(shape, drag, volume).ok());
                placed.map(|placed| NumberedPrompt { placed, ..prompt.clone() })
            }
        };
        match again {
            Some(again) => {
                now.point(again.clone());
                kept.push(again);
            }
            None => warnings.push(String::from("A later drag has lost its vertex, and was left out")),
        }
    }
    (!kept.is_empty()).then_some(Action::Prompts(kept))
}
