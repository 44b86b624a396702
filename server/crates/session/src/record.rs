//! What a journal keeps of a session, and the session again.
//!
//! Every change of the list of steps is one record: a new step, a tail written anew, undo, redo. Steps hold the
//! snapshots of the masks that they made, so that a session comes back with the same bytes, whatever engine
//! computes by then.

use crate::history::History;
use crate::requests::points;
use crate::state::State;
use crate::{Action, NumberedPrompt, Overlap, Session, SessionError, Snapshot, Step, VertexDrag};
use isochrone_prompt::Prompt;
use isochrone_proposal::SliceRef;
use isochrone_segment::EngineDescription;
use isochrone_volume::{DAffine3, Grid, MaskDelta, Volume};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Keeps records before their change is made and acknowledged.
pub trait Keeper: Send {
    /// Keeps a record; when this returns, it outlives the process.
    ///
    /// # Errors
    /// A sentence for the reader: then the change is not made.
    fn keep(&mut self, record: &[u8]) -> Result<(), String>;
}

/// One change, and the revision that it made.
#[derive(Serialize, Deserialize)]
struct Record {
    revision: u64,
    change: Change,
}

#[derive(Serialize, Deserialize)]
enum Change {
    Step(Box<Kept>),
    Tail { kept: usize, after: Vec<Kept> },
    Undo,
    Redo,
}

/// A step without what the session knows anyway.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: u64,
    label: u32,
    action: KeptAction,
    parent_revision: u64,
    revision: u64,
    /// Name, model, its digest, device.
    engine: [String; 4],
    seed: u64,
    overlap: Overlap,
    region: Option<([usize; 3], DAffine3)>,
    result: KeptSnapshot,
    others: Vec<(u32, KeptSnapshot)>,
}

#[derive(Serialize, Deserialize)]
enum KeptAction {
    Prompts(Vec<(u64, Prompt, Option<SliceRef>, Option<VertexDrag>)>),
    AddLabel(crate::About),
    UpdateLabel(crate::AboutChange),
    DeleteLabel,
    Edit(MaskDelta),
    Operation(crate::Operation),
    Reset,
    AcceptSlice(SliceRef, [u8; 32]),
}

#[derive(Serialize, Deserialize)]
struct KeptSnapshot {
    content: MaskDelta,
    digest: [u8; 32],
    voxels: usize,
}

/// A change that is about to be made.
pub(crate) enum Made<'a> {
    Step(&'a Step),
    Tail(usize, &'a [Arc<Step>]),
    Undo,
    Redo,
}

impl Session {
    /// The same session, whose changes are kept from now on.
    #[must_use]
    pub fn kept_by(self, keeper: Box<dyn Keeper>) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// Goes on where a session ended, from its records; this one must be new, over the same image.
    ///
    /// # Errors
    /// A record that is none, or that does not fit this image: nothing of it is taken over.
    pub fn resumed(mut self, records: &[Vec<u8>]) -> Result<Self, SessionError> {
        let mut history = History::default();
        for (n, bytes) in records.iter().enumerate() {
            let damaged = || SessionError::Record(n + 1);
            let Record { revision, change } = postcard::from_bytes(bytes).map_err(|_| damaged())?;
            let made = match change {
                Change::Undo => history.undo().then_some(Vec::new()),
                Change::Redo => history.redo().then_some(Vec::new()),
                Change::Step(step) => self.took(&mut history, None, vec![*step]),
                Change::Tail { kept, after } => self.took(&mut history, Some(kept), after),
            };
            for step in made.ok_or_else(damaged)? {
                self.steps_made = self.steps_made.max(step.id);
                self.labels_made = self.labels_made.max(step.label);
                if let Action::Prompts(prompts) = &step.action {
                    for prompt in prompts.iter().filter(|p| p.id > self.prompts_made) {
                        self.marks_made += prompt.placed.voxels().runs().len() + points(&prompt.placed.prompt);
                    }
                    self.prompts_made = prompts.iter().map(|p| p.id).fold(self.prompts_made, u64::max);
                }
            }
            self.revision = revision;
        }
        let state = State::restored(history.steps(), &State::default());
        for label in state.labels.values() {
            if label.mask(&self.worker.grid)?.digest() != label.snapshot.digest {
                return Err(SessionError::Record(records.len()));
            }
        }
        (self.state, self.history) = (state, history);
        Ok(self)
    }

    /// Steps of a record, put into the history; `None` if they do not fit.
    fn took(&self, history: &mut History, kept: Option<usize>, after: Vec<Kept>) -> Option<Vec<Arc<Step>>> {
        let steps = after.into_iter().map(|k| k.step(&self.volume, &self.engine).map(Arc::new));
        let steps = steps.collect::<Option<Vec<_>>>()?;
        let kept = kept.unwrap_or(history.steps().len());
        (kept <= history.steps().len()).then(|| history.replace_tail(kept, steps.clone()))?;
        Some(steps)
    }

    /// Has a change kept, if anybody keeps them.
    pub(crate) fn keep(&mut self, made: &Made<'_>) -> Result<(), SessionError> {
        let revision = self.revision + 1;
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let change = match made {
            Made::Step(step) => Change::Step(Box::new(Kept::of(step))),
            Made::Tail(kept, after) => Change::Tail { kept: *kept, after: after.iter().map(|s| Kept::of(s)).collect() },
            Made::Undo => Change::Undo,
            Made::Redo => Change::Redo,
        };
        let bytes = postcard::to_stdvec(&Record { revision, change })
            .map_err(|_| SessionError::NotKept("This step cannot be saved, so it was not done".to_owned()))?;
        keeper.keep(&bytes).map_err(SessionError::NotKept)
    }
}

impl Kept {
    fn of(step: &Step) -> Self {
        let EngineDescription { name, model, model_digest, device, .. } = step.engine.as_ref();
        Self {
            id: step.id,
            label: step.label,
            action: KeptAction::of(&step.action),
            parent_revision: step.parent_revision,
            revision: step.revision,
            engine: [name, model, model_digest, device].map(Clone::clone),
            seed: step.seed,
            overlap: step.overlap,
            region: step.region.as_ref().map(|r| (r.size(), r.world_from_voxel())),
            result: KeptSnapshot::of(&step.result),
            others: step.others.iter().map(|(label, s)| (*label, KeptSnapshot::of(s))).collect(),
        }
    }

    /// The step again, on the image that it was made on; who computed it stays with it.
    fn step(self, volume: &Volume, now: &EngineDescription) -> Option<Step> {
        let [name, model, model_digest, device] = self.engine;
        let engine = EngineDescription { name, model, model_digest, device, ..now.clone() };
        let region = match self.region {
            Some((size, affine)) => Some(Grid::new(size, affine).ok()?),
            None => None,
        };
        Some(Step {
            id: self.id,
            label: self.label,
            action: self.action.action(volume)?,
            parent_revision: self.parent_revision,
            revision: self.revision,
            engine: Arc::new(engine),
            seed: self.seed,
            overlap: self.overlap,
            region,
            result: self.result.snapshot(),
            others: self.others.into_iter().map(|(label, s)| (label, s.snapshot())).collect(),
        })
    }
}

impl KeptAction {
    fn of(action: &Action) -> Self {
        match action {
            Action::AddLabel(about) => Self::AddLabel(about.clone()),
            Action::UpdateLabel(change) => Self::UpdateLabel(change.clone()),
            Action::DeleteLabel => Self::DeleteLabel,
            Action::Prompts(prompts) => {
                Self::Prompts(prompts.iter().map(|p| (p.id, p.placed.prompt.clone(), p.on, p.drag)).collect())
            }
            Action::Edit(delta) => Self::Edit(delta.clone()),
            Action::Operation(operation) => Self::Operation(operation.clone()),
            Action::Reset => Self::Reset,
            Action::AcceptSlice { slice, content } => Self::AcceptSlice(*slice, *content),
        }
    }

    fn action(self, volume: &Volume) -> Option<Action> {
        Some(match self {
            Self::AddLabel(about) => Action::AddLabel(about),
            Self::UpdateLabel(change) => Action::UpdateLabel(change),
            Self::DeleteLabel => Action::DeleteLabel,
            Self::Prompts(prompts) => {
                let placed = prompts.into_iter().map(|(id, prompt, on, drag)| {
                    Some(NumberedPrompt { id, placed: prompt.place(volume, "").ok()?, on, drag })
                });
                Action::Prompts(placed.collect::<Option<_>>()?)
            }
            Self::Edit(delta) => Action::Edit(delta),
            Self::Operation(operation) => Action::Operation(operation),
            Self::Reset => Action::Reset,
            Self::AcceptSlice(slice, content) => Action::AcceptSlice { slice, content },
        })
    }
}

impl KeptSnapshot {
    fn of(snapshot: &Snapshot) -> Self {
        Self { content: snapshot.content.clone(), digest: snapshot.digest, voxels: snapshot.voxels }
    }

    fn snapshot(self) -> Arc<Snapshot> {
        Arc::new(Snapshot { content: self.content, digest: self.digest, voxels: self.voxels })
    }
}
