//! The list of steps, and how it came about.

use crate::Step;
use std::sync::Arc;

/// A change of the list replaces its tail: a new step adds to it, a removal writes it anew.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    kept: usize,
    before: Vec<Arc<Step>>,
    after: Vec<Arc<Step>>,
    /// Of the steps in `after`; those in `before` came with an earlier change.
    bytes: usize,
}

/// Steps in force, with all changes before and after the present moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    steps: Vec<Arc<Step>>,
    changes: Vec<Change>,
    applied: usize,
}

impl History {
    /// Steps in force, oldest first.
    pub fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// Changes that can be undone.
    pub fn can_undo(&self) -> usize {
        self.applied
    }

    /// Changes that can be redone.
    pub fn can_redo(&self) -> usize {
        self.changes.len() - self.applied
    }

    /// Changes ever kept, done or undone.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Bytes of all steps, done or undone.
    pub fn bytes(&self) -> usize {
        self.changes.iter().map(|c| c.bytes).sum()
    }

    /// Adds a step; what was undone can no longer be redone.
    pub fn push(&mut self, step: Arc<Step>) {
        self.replace_tail(self.steps.len(), vec![step]);
    }

    /// Puts `after` in place of all steps from `kept` on; what was undone can no longer be redone.
    pub fn replace_tail(&mut self, kept: usize, after: Vec<Arc<Step>>) {
        self.changes.truncate(self.applied);
        let before = self.steps.get(kept..).unwrap_or_default().to_vec();
        let bytes = after.iter().map(|step| step.bytes()).sum();
        self.changes.push(Change { kept, before, after, bytes });
        self.redo();
    }

    /// Takes the last change back; false if there is none.
    pub fn undo(&mut self) -> bool {
        let Some(change) = self.applied.checked_sub(1).and_then(|n| self.changes.get(n)) else { return false };
        self.steps.truncate(change.kept);
        self.steps.extend(change.before.iter().cloned());
        self.applied -= 1;
        true
    }

    /// Makes the next change again; false if there is none.
    pub fn redo(&mut self) -> bool {
        let Some(change) = self.changes.get(self.applied) else { return false };
        self.steps.truncate(change.kept);
        self.steps.extend(change.after.iter().cloned());
        self.applied += 1;
        true
    }
}
