//! The session itself, and what it tells of itself. What changes it
//! begins in [`crate::requests`].

use crate::derived::Derived;
use crate::history::History;
use crate::state::{LabelState, State, Worker};
use crate::update::LabelInfo;
use crate::{Overlap, SessionError, SessionLimits, Snapshot, Step};
use isochrone_segment::{Cancel, Channel, EngineDescription, Segmenter, check_together};
use isochrone_volume::{Mask, Volume};
use std::sync::Arc;

/// Labels, steps and masks over one image.
///
/// The list of steps is the source of truth; everything else follows from it. A request that fails
/// leaves the session as it was.
pub struct Session {
    pub(crate) worker: Worker,
    pub(crate) engine: Arc<EngineDescription>,
    pub(crate) volume: Arc<Volume>,
    pub(crate) state: State,
    pub(crate) history: History,
    pub(crate) derived: Derived,
    pub(crate) sweep: Option<Arc<crate::Sweep>>,
    pub(crate) limits: SessionLimits,
    pub(crate) overlap: Overlap,
    pub(crate) seed: u64,
    pub(crate) revision: u64,
    pub(crate) steps_made: u64,
    pub(crate) prompts_made: u64,
    pub(crate) marks_made: usize,
    pub(crate) labels_made: u32,
    pub(crate) keeper: Option<Box<dyn crate::Keeper>>,
    /// Ends the change that is being made.
    pub(crate) cancel: Cancel,
}

impl Session {
    /// A session without labels. `channels` in order; masks live on the first one's grid.
    ///
    /// # Errors
    /// No channel, images that do not lie in one space, or the engine has no use for these.
    pub fn open(
        engine: Arc<dyn Segmenter>,
        channels: &[Channel],
        seed: u64,
        limits: SessionLimits,
    ) -> Result<Self, SessionError> {
        let Some(first) = channels.first() else {
            return Err(SessionError::Nothing("A session needs at least one volume"));
        };
        let volume = first.volume.clone();
        check_together(channels)?;
        let prepared = engine.prepare(channels)?;
        let description = Arc::new(engine.describe());
        let worker = Worker { engine, prepared, grid: volume.grid().clone() };
        Ok(Self {
            worker,
            engine: description,
            volume,
            state: State::default(),
            history: History::default(),
            derived: Derived::default(),
            sweep: None,
            limits,
            overlap: Overlap::default(),
            seed,
            revision: 0,
            steps_made: 0,
            prompts_made: 0,
            marks_made: 0,
            labels_made: 0,
            keeper: None,
            cancel: Cancel::new(),
        })
    }

    /// The same session with another rule for where labels meet, wherever a request names none.
    #[must_use]
    pub fn with_overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// Changes from now on end with this flag: one that is cancelled leaves the session as it was.
    pub fn work_until(&mut self, cancel: Cancel) {
        self.cancel = cancel;
    }

    /// What happens where labels meet, wherever a request does not say otherwise.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// Who computes here.
    #[must_use]
    pub fn engine(&self) -> &Arc<EngineDescription> {
        &self.engine
    }

    /// The volume whose grid carries the masks.
    #[must_use]
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of changes so far; undo and redo are changes too.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Steps in force, oldest first.
    #[must_use]
    pub fn steps(&self) -> &[Arc<Step>] {
        self.history.steps()
    }

    /// How many changes can be undone, and how many redone.
    #[must_use]
    pub fn undo_depth(&self) -> (usize, usize) {
        (self.history.can_undo(), self.history.can_redo())
    }

    /// About as many bytes as its steps take, done or undone: what [`SessionLimits::bytes`] bounds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.history.bytes()
    }

    /// The labels in the order of their numbers.
    #[must_use]
    pub fn labels(&self) -> Vec<LabelInfo> {
        let voxel_ml = self.worker.grid.voxel_volume_mm3() / 1000.0;
        self.state.labels.iter().map(|(&id, label)| LabelInfo::of(id, label, voxel_ml)).collect()
    }

    /// A label's present mask and its snapshot.
    ///
    /// # Errors
    /// Unknown label.
    pub fn mask(&self, label: u32) -> Result<(Arc<Mask>, Arc<Snapshot>), SessionError> {
        let state = self.label(label)?;
        Ok((state.mask(&self.worker.grid)?, state.snapshot.clone()))
    }

    /// Refuses a client that has not seen the newest state.
    ///
    /// # Errors
    /// `expected` is not the present revision.
    pub fn expect_revision(&self, expected: Option<u64>) -> Result<(), SessionError> {
        match expected {
            Some(expected) if expected != self.revision => {
                Err(SessionError::Revision { expected, actual: self.revision })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn label(&self, label: u32) -> Result<&LabelState, SessionError> {
        self.state.labels.get(&label).ok_or(SessionError::UnknownLabel(label))
    }
}
