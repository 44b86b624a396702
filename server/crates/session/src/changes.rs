//! Requests that change a session.

use crate::history::History;
use crate::state::{Outcome, State};
use crate::{Action, LabelDelta, NumberedPrompt, Session, SessionError, SliceRef, Step, Update, step_seed};
use isochrone_prompt::{PlacedPrompt, Polarity, Prompt};
use isochrone_volume::{Mask, MaskDelta};
use std::sync::Arc;

impl Session {
    /// Adds a label; its number is the update's.
    ///
    /// # Errors
    /// Too many labels or changes.
    pub fn add_label(&mut self, name: &str) -> Result<Update, SessionError> {
        if self.state.labels.len() >= self.limits.labels {
            return Err(SessionError::Limit { what: "Labels", limit: self.limits.labels });
        }
        let label = self.labels_made + 1;
        let update = self.act(label, Action::AddLabel { name: name.to_owned() })?;
        self.labels_made = label;
        Ok(update)
    }

    /// Adds prompts to a label as one step, and computes its new mask. An empty `frame_of_reference`
    /// means the volume's own.
    ///
    /// # Errors
    /// Unknown label; no prompt or too many; a prompt outside the volume or (positive) on another label;
    /// the engine gave no answer.
    pub fn add_prompts(
        &mut self,
        label: u32,
        prompts: Vec<Prompt>,
        frame_of_reference: &str,
    ) -> Result<Update, SessionError> {
        let known = self.label(label)?.prompts.len();
        if prompts.is_empty() {
            return Err(SessionError::Nothing("No prompt was given; give at least one"));
        }
        if known + prompts.len() > self.limits.prompts {
            return Err(SessionError::Limit { what: "Prompts of a label", limit: self.limits.prompts });
        }
        let mut numbered = Vec::with_capacity(prompts.len());
        for (prompt, id) in prompts.into_iter().zip(self.prompts_made + 1..) {
            let placed = prompt.place(&self.volume, frame_of_reference)?;
            self.check_free(label, &placed)?;
            let on = self.derived.proposed(label).iter().copied().find(|s| s.axis.of(placed.voxel) == s.index);
            numbered.push(NumberedPrompt { id, placed, on });
        }
        let made = numbered.len() as u64;
        let update = self.act(label, Action::Prompts(numbered))?;
        self.prompts_made += made;
        Ok(update)
    }

    fn check_free(&self, label: u32, prompt: &PlacedPrompt) -> Result<(), SessionError> {
        let taken =
            |(id, other): &(&u32, &crate::state::LabelState)| **id != label && other.mask.contains(prompt.voxel);
        match self.state.labels.iter().find(taken) {
            Some((_, other)) if prompt.polarity() == Polarity::Positive => {
                let p = prompt.position_lps_mm();
                Err(SessionError::Taken(p.x, p.y, p.z, other.name.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Takes over what the client painted or erased. Voxels of other labels stay theirs.
    ///
    /// # Errors
    /// Unknown label; a box that is empty or outside the volume; damaged bits.
    pub fn edit(&mut self, label: u32, delta: MaskDelta) -> Result<Update, SessionError> {
        self.label(label)?;
        self.act(label, Action::Edit(delta))
    }

    /// Empties a label.
    ///
    /// # Errors
    /// Unknown label.
    pub fn reset(&mut self, label: u32) -> Result<Update, SessionError> {
        self.label(label)?;
        self.act(label, Action::Reset)
    }

    /// Notes that the reader is content with a slice: it is not proposed again until the mask changes there.
    ///
    /// # Errors
    /// Unknown label; no such slice.
    pub fn accept_slice(&mut self, label: u32, slice: SliceRef) -> Result<Update, SessionError> {
        let slices = slice.axis.of(self.worker.grid.size());
        if slice.index >= slices {
            return Err(SessionError::Slice { index: slice.index, slices });
        }
        let content = crate::step::slice_content(&self.label(label)?.mask, slice);
        self.act(label, Action::AcceptSlice { slice, content })
    }

    /// Takes the last change back; masks come from the snapshots.
    ///
    /// # Errors
    /// There is nothing to undo.
    pub fn undo(&mut self) -> Result<Update, SessionError> {
        let mut history = self.history.clone();
        if !history.undo() {
            return Err(SessionError::Nothing("There is nothing to undo"));
        }
        self.adopt(history)
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
        self.adopt(history)
    }

    /// Takes one prompt out and computes anew what followed it. Later edits are applied as they were.
    /// The removal can itself be undone.
    ///
    /// # Errors
    /// Unknown prompt; the engine failed.
    pub fn remove_prompt(&mut self, prompt: u64) -> Result<Update, SessionError> {
        let holds = |step: &Arc<Step>| matches!(&step.action, Action::Prompts(p) if p.iter().any(|p| p.id == prompt));
        let Some(kept) = self.steps().iter().position(holds) else { return Err(SessionError::UnknownPrompt(prompt)) };
        self.room_for_a_change()?;
        self.derived.supersede();
        let (head, tail) = self.steps().split_at_checked(kept).unwrap_or_default();
        let mut state = State::restored(head, &State::default(), &self.worker.grid)?;
        let mut after = Vec::with_capacity(tail.len());
        let mut warnings = Vec::new();
        for step in tail {
            let Some(action) = step.action.without(prompt) else { continue };
            let outcome = state.outcome(&self.worker, step.label, &action, true)?;
            let again =
                Step { action, parent_revision: self.revision, revision: self.revision + 1, ..(**step).clone() };
            after.push(state.take(again, &outcome));
            warnings.extend(outcome.warnings);
        }
        let mut history = self.history.clone();
        history.replace_tail(kept, after);
        let update = self.adopt(history)?;
        Ok(Update { warnings, ..update })
    }

    /// One new step at the end of the list.
    fn act(&mut self, label: u32, action: Action) -> Result<Update, SessionError> {
        self.room_for_a_change()?;
        let changes_mask = action.changes_mask();
        if changes_mask {
            self.derived.supersede();
        }
        let outcome = self.state.outcome(&self.worker, label, &action, false)?;
        let id = self.steps_made + 1;
        let step = self.state.take(self.step(id, label, action), &outcome);
        self.steps_made = id;
        self.revision += 1;
        self.history.push(step.clone());
        let delta = changes_mask.then(|| LabelDelta {
            label,
            delta: MaskDelta::of_box(&outcome.mask, outcome.changed),
            snapshot: step.result.clone(),
        });
        let prompts = match &step.action {
            Action::Prompts(prompts) => prompts.clone(),
            _ => Vec::new(),
        };
        let Outcome { answer, warnings, .. } = outcome;
        let spacing_mm = answer.as_ref().map(|a| a.spacing_mm);
        if changes_mask {
            self.derived.moved_on(&self.state, answer.map(|a| (step.as_ref(), a)));
        }
        Ok(Update { label: Some(label), prompts, spacing_mm, warnings, ..self.update(delta.into_iter().collect()) })
    }

    fn step(&self, id: u64, label: u32, action: Action) -> Step {
        Step {
            id,
            label,
            action,
            parent_revision: self.revision,
            revision: self.revision + 1,
            engine: self.engine.clone(),
            seed: step_seed(self.seed, id),
            region: None,
            result: Arc::default(),
        }
    }

    /// Goes over to another list of steps.
    fn adopt(&mut self, history: History) -> Result<Update, SessionError> {
        let state = State::restored(history.steps(), &self.state, &self.worker.grid)?;
        self.derived.supersede();
        let before = std::mem::replace(&mut self.state, state);
        self.history = history;
        self.revision += 1;
        let mut deltas = Vec::new();
        for (&label, now) in &self.state.labels {
            let then = match before.labels.get(&label) {
                Some(then) if then.snapshot.digest == now.snapshot.digest => continue,
                Some(then) => then.mask.clone(),
                None => Arc::new(Mask::empty(self.worker.grid.clone())),
            };
            deltas.push(LabelDelta {
                label,
                delta: MaskDelta::between(&then, &now.mask),
                snapshot: now.snapshot.clone(),
            });
        }
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

    fn room_for_a_change(&self) -> Result<(), SessionError> {
        if self.history.len() >= self.limits.changes {
            return Err(SessionError::Limit { what: "Changes", limit: self.limits.changes });
        }
        Ok(())
    }
}
