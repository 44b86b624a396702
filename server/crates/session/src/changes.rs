//! How a session goes from one list of steps to another.

use crate::history::History;
use crate::outcome::Asked;
use crate::record::Made;
use crate::state::{Changed, Outcome, State, redragged};
use crate::{Action, LabelDelta, Overlap, Session, SessionError, Snapshot, Step, Update, step_seed};
use isochrone_segment::Cancel;
use isochrone_volume::{Mask, MaskDelta};
use std::sync::Arc;

impl Session {
    /// Takes the last change back; masks come from the snapshots.
    ///
    /// # Errors
    /// There is nothing to undo.
    pub fn undo(&mut self) -> Result<Update, SessionError> {
        let mut history = self.history.clone();
        if !history.undo() {
            return Err(SessionError::Nothing("There is nothing to undo"));
        }
        self.adopt(history, &Made::Undo)
    }

    /// Makes the change that was undone last again; masks come from the snapshots.
    ///
    /// # Errors
    /// There is nothing to redo.
    pub fn redo(&mut self) -> Result<Update, SessionError> {
        let mut history = self.history.clone();
        if !history.redo() {
            return Err(SessionError::Nothing("There is nothing to redo"));
        }
        self.adopt(history, &Made::Redo)
    }

    /// Takes one prompt out and computes anew what followed it. Later edits are applied as they were, later drags
    /// pull at the polygon as it is then. The removal can itself be undone.
    ///
    /// # Errors
    /// Unknown prompt; a label that is locked now would come out differently; the engine failed.
    pub fn remove_prompt(&mut self, prompt: u64) -> Result<Update, SessionError> {
        let holds = |step: &Arc<Step>| matches!(&step.action, Action::Prompts(p) if p.iter().any(|p| p.id == prompt));
        let Some(kept) = self.steps().iter().position(holds) else { return Err(SessionError::UnknownPrompt(prompt)) };
        self.room_for_a_change()?;
        self.derived.supersede();
        let (head, tail) = self.steps().split_at_checked(kept).unwrap_or_default();
        let mut state = State::restored(head, &State::default());
        let mut after = Vec::with_capacity(tail.len());
        let mut warnings = Vec::new();
        for step in tail {
            let Some(action) = step.action.without(prompt) else { continue };
            let told = state.labels.get(&step.label).map(|l| &l.told);
            let Some(action) = redragged(action, told, &self.volume, &mut warnings) else { continue };
            let cancel = &self.within_limit();
            cancel.check()?;
            let asked = Asked { label: step.label, action: &action, overlap: step.overlap, cancel, tolerant: true };
            let outcome = state.outcome(&self.worker, &asked)?;
            let again =
                Step { action, parent_revision: self.revision, revision: self.revision + 1, ..(**step).clone() };
            after.push(state.take(again, &outcome));
            warnings.extend(outcome.warnings);
        }
        for (label, now) in self.state.labels.iter().filter(|(_, l)| l.told.about.locked) {
            if state.labels.get(label).is_none_or(|then| then.snapshot.digest != now.snapshot.digest) {
                return Err(SessionError::Locked(now.told.about.name.clone()));
            }
        }
        self.room_for_bytes(after.iter().map(|step| step.bytes()).sum())?;
        let mut history = self.history.clone();
        history.replace_tail(kept, after.clone());
        let update = self.adopt(history, &Made::Tail(kept, &after))?;
        Ok(Update { warnings, ..update })
    }

    /// One new step at the end of the list.
    pub(crate) fn act(&mut self, label: u32, action: Action, overlap: Overlap) -> Result<Update, SessionError> {
        self.room_for_a_change()?;
        // A label that is gone takes with it what was derived from it.
        let moves_on = action.changes_mask() || matches!(action, Action::DeleteLabel);
        if moves_on {
            self.derived.supersede();
        }
        let asked = Asked { label, action: &action, overlap, cancel: &self.within_limit(), tolerant: false };
        let outcome = self.state.outcome(&self.worker, &asked)?;
        // The client may have gone meanwhile: then nothing is changed.
        self.cancel.check()?;
        let id = self.steps_made + 1;
        let mut after = self.state.clone();
        let step = after.take(self.step(id, label, action, overlap), &outcome);
        self.room_for_bytes(step.bytes())?;
        self.keep(&Made::Step(&step))?;
        self.state = after;
        self.steps_made = id;
        self.revision += 1;
        self.history.push(step.clone());
        let Outcome { own, others, answer, warnings } = outcome;
        let mut deltas = Vec::new();
        if let Some(own) = own.filter(|_| step.action.changes_mask()) {
            deltas.push(delta(&own, &step.result));
        }
        deltas.extend(others.iter().zip(&step.others).map(|(other, (_, result))| delta(other, result)));
        let prompts = match &step.action {
            Action::Prompts(prompts) => prompts.clone(),
            _ => Vec::new(),
        };
        let spacing_mm = answer.as_ref().map(|a| a.spacing_mm);
        if moves_on {
            self.derived.moved_on(&self.state, answer.map(|a| (step.as_ref(), a)));
        }
        Ok(Update { label: Some(label), prompts, spacing_mm, warnings, ..self.update(deltas) })
    }

    fn step(&self, id: u64, label: u32, action: Action, overlap: Overlap) -> Step {
        Step {
            id,
            label,
            action,
            overlap,
            parent_revision: self.revision,
            revision: self.revision + 1,
            engine: self.engine.clone(),
            seed: step_seed(self.seed, id),
            region: None,
            result: Arc::default(),
            others: Vec::new(),
        }
    }

    /// Goes over to another list of steps.
    fn adopt(&mut self, history: History, made: &Made<'_>) -> Result<Update, SessionError> {
        let grid = &self.worker.grid;
        let mut state = State::restored(history.steps(), &self.state);
        let mut deltas = Vec::new();
        for (label, now) in state.labels.clone() {
            let then = match self.state.labels.get(&label) {
                Some(then) if then.snapshot.digest == now.snapshot.digest => continue,
                Some(then) => then.mask(grid)?,
                None => Arc::new(Mask::empty(grid.clone())),
            };
            let mask = now.mask(grid)?;
            state.keep_at_hand(label, &mask);
            deltas.push(LabelDelta { label, delta: MaskDelta::between(&then, &mask), snapshot: now.snapshot });
        }
        self.keep(made)?;
        self.derived.supersede();
        self.state = state;
        self.history = history;
        self.revision += 1;
        self.derived.moved_on(&self.state, None);
        Ok(self.update(deltas))
    }

    fn update(&self, deltas: Vec<LabelDelta>) -> Update {
        let (can_undo, can_redo) = self.undo_depth();
        Update {
            revision: self.revision,
            label: None,
            deltas,
            prompts: Vec::new(),
            spacing_mm: None,
            can_undo,
            can_redo,
            labels: self.labels(),
            warnings: Vec::new(),
        }
    }

    /// The flag of a step whose computing begins now.
    fn within_limit(&self) -> Cancel {
        Cancel::within(self.limits.step, vec![self.cancel.clone()])
    }

    fn room_for_a_change(&self) -> Result<(), SessionError> {
        if self.history.len() >= self.limits.changes {
            return Err(SessionError::Limit { what: "Changes", limit: self.limits.changes });
        }
        Ok(())
    }

    fn room_for_bytes(&self, more: usize) -> Result<(), SessionError> {
        if self.history.bytes() + more > self.limits.bytes {
            return Err(SessionError::Memory(self.limits.bytes >> 20));
        }
        Ok(())
    }
}

fn delta(changed: &Changed, snapshot: &Arc<Snapshot>) -> LabelDelta {
    LabelDelta {
        label: changed.label,
        delta: MaskDelta::of_box(&changed.mask, changed.region),
        snapshot: snapshot.clone(),
    }
}
