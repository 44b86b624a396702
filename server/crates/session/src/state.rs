//! What follows from a list of steps: labels, their prompts and masks.

use crate::{Action, Snapshot, Step};
use isochrone_prompt::PlacedPrompt;
use isochrone_segment::{
    Cancel, Candidate, Prepared, RefineInput, Refined, RefinedTask, SegmentError, Segmenter, refine,
};
use isochrone_volume::{Grid, Mask, MaskDelta, VolumeError, VoxelBox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The engine of a session and the image it works on.
#[derive(Clone)]
pub(crate) struct Worker {
    pub engine: Arc<dyn Segmenter>,
    pub prepared: Arc<Prepared>,
    pub grid: Arc<Grid>,
}

/// One label at one moment.
#[derive(Debug, Clone)]
pub(crate) struct LabelState {
    pub name: String,
    pub mask: Arc<Mask>,
    pub snapshot: Arc<Snapshot>,
    /// Prompts that count: those since the last reset.
    pub prompts: Vec<PlacedPrompt>,
}

/// All labels at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub labels: BTreeMap<u32, LabelState>,
}

/// The engine's answer to a step's prompts.
pub(crate) struct Answer {
    /// What it was asked.
    pub task: RefinedTask,
    /// What it said.
    pub candidate: Candidate,
    pub spacing_mm: f64,
}

/// What an action does to its label, before it becomes a step.
pub(crate) struct Outcome {
    pub mask: Arc<Mask>,
    /// Where a client has to rewrite its mask.
    pub changed: VoxelBox,
    /// Where the engine was asked.
    pub answer: Option<Answer>,
    pub warnings: Vec<String>,
}

impl State {
    /// The state after `steps`, from their snapshots. Masks that `now` holds already are shared.
    pub fn restored(steps: &[Arc<Step>], now: &Self, grid: &Arc<Grid>) -> Result<Self, VolumeError> {
        let mut last: BTreeMap<u32, (String, Arc<Snapshot>, Vec<PlacedPrompt>)> = BTreeMap::new();
        for step in steps {
            let (name, snapshot, prompts) =
                last.entry(step.label).or_insert_with(|| (String::new(), step.result.clone(), Vec::new()));
            *snapshot = step.result.clone();
            match &step.action {
                Action::AddLabel { name: given } => name.clone_from(given),
                Action::Reset => prompts.clear(),
                action => prompts.extend(placed(action)),
            }
        }
        let mut state = Self::default();
        for (label, (name, snapshot, prompts)) in last {
            let known = now.labels.get(&label).filter(|l| l.snapshot.digest == snapshot.digest);
            let mask = match known {
                Some(known) => known.mask.clone(),
                None => Arc::new(snapshot.mask(grid)?),
            };
            state.labels.insert(label, LabelState { name, mask, snapshot, prompts });
        }
        Ok(state)
    }

    /// What `action` makes of the label's mask. Nothing changes yet.
    ///
    /// With `tolerant`, prompts that no longer have a positive one near them leave the mask as it is:
    /// so it is when an earlier prompt was removed.
    pub fn outcome(
        &self,
        worker: &Worker,
        label: u32,
        action: &Action,
        tolerant: bool,
    ) -> Result<Outcome, SegmentError> {
        let empty = VoxelBox { min: [0; 3], max: [0; 3] };
        let before = match self.labels.get(&label) {
            Some(state) => state.mask.clone(),
            None => Arc::new(Mask::empty(worker.grid.clone())),
        };
        let same = |mask| Outcome { mask, changed: empty, answer: None, warnings: Vec::new() };
        match action {
            Action::AddLabel { .. } | Action::AcceptSlice { .. } => Ok(same(before)),
            Action::Reset => {
                let changed = before.bounding_box();
                Ok(Outcome { changed, ..same(Arc::new(Mask::empty(worker.grid.clone()))) })
            }
            Action::Edit(delta) => Ok(self.edited(label, &before, delta)?),
            Action::Prompts(_) => match self.refined(worker, label, &before, action) {
                Err(SegmentError::NoPositivePrompt) if tolerant => {
                    let warnings =
                        vec![String::from("A later prompt has no positive one near it any more, and changes nothing")];
                    Ok(Outcome { warnings, ..same(before) })
                }
                refined => {
                    let Refined { mask, changed, task, candidate, spacing_mm, .. } = refined?;
                    let answer = Some(Answer { task, candidate, spacing_mm });
                    Ok(Outcome { mask: Arc::new(mask), changed, answer, warnings: Vec::new() })
                }
            },
        }
    }

    fn refined(&self, worker: &Worker, label: u32, before: &Mask, action: &Action) -> Result<Refined, SegmentError> {
        let mut prompts = self.labels.get(&label).map(|l| l.prompts.clone()).unwrap_or_default();
        let known = prompts.len();
        prompts.extend(placed(action));
        let others = self.others(label);
        let input =
            RefineInput { prompts: &prompts, newest: prompts.len() - known, mask: before, other_labels: &others };
        // A mask is never cancelled.
        refine(worker.engine.as_ref(), &worker.prepared, &input, &Cancel::new())
    }

    fn edited(&self, label: u32, before: &Mask, delta: &MaskDelta) -> Result<Outcome, VolumeError> {
        if delta.region.is_empty() {
            return Err(VolumeError::Box(delta.region.to_string()));
        }
        let mut mask = before.clone();
        delta.apply(&mut mask)?;
        let mut warnings = Vec::new();
        for (_, other) in self.labels.iter().filter(|(id, _)| **id != label) {
            let theirs = other.mask.voxels().slice(delta.region.slice());
            let mut ours = mask.voxels_mut().slice_mut(delta.region.slice());
            let mut taken = 0usize;
            ours.zip_mut_with(&theirs, |ours, &theirs| {
                taken += usize::from(*ours && theirs);
                *ours &= !theirs;
            });
            if taken > 0 {
                warnings.push(format!("{taken} voxels belong to the label {:?} and were left to it", other.name));
            }
        }
        // The whole box goes back to the client, so that what it painted and did not get is taken away again.
        Ok(Outcome { mask: Arc::new(mask), changed: delta.region, answer: None, warnings })
    }

    /// Makes a step of an outcome, and goes on to the state after it.
    pub fn take(&mut self, step: Step, outcome: &Outcome) -> Arc<Step> {
        let known =
            self.labels.get(&step.label).filter(|l| Arc::ptr_eq(&l.mask, &outcome.mask) && !step.action.changes_mask());
        let result = known.map_or_else(|| Arc::new(Snapshot::of(&outcome.mask)), |l| l.snapshot.clone());
        let region = outcome.answer.as_ref().map(|a| a.task.region.clone());
        let step = Arc::new(Step { result: result.clone(), region, ..step });
        let label = self.labels.entry(step.label).or_insert_with(|| LabelState {
            name: String::new(),
            mask: outcome.mask.clone(),
            snapshot: result.clone(),
            prompts: Vec::new(),
        });
        match &step.action {
            Action::AddLabel { name } => label.name.clone_from(name),
            Action::Reset => label.prompts.clear(),
            action => label.prompts.extend(placed(action)),
        }
        label.mask = outcome.mask.clone();
        label.snapshot = result;
        step
    }

    /// Takes a step's mask as it was acknowledged.
    pub fn stand_by(&mut self, step: &Step, grid: &Arc<Grid>) -> Result<(), VolumeError> {
        if let Some(label) = self.labels.get_mut(&step.label) {
            label.mask = Arc::new(step.result.mask(grid)?);
            label.snapshot = step.result.clone();
        }
        Ok(())
    }

    /// Masks of all labels but one.
    pub fn others(&self, label: u32) -> Vec<&Mask> {
        self.labels.iter().filter(|(id, _)| **id != label).map(|(_, state)| state.mask.as_ref()).collect()
    }
}

/// The prompts of an action.
pub(crate) fn placed(action: &Action) -> impl Iterator<Item = PlacedPrompt> {
    let prompts = match action {
        Action::Prompts(prompts) => prompts.as_slice(),
        _ => &[],
    };
    prompts.iter().map(|p| p.placed.clone())
}
