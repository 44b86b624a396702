use crate::state::LabelState;
use crate::{About, NumberedPrompt, Snapshot};
use isochrone_volume::MaskDelta;
use std::sync::Arc;

/// A label as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelInfo {
    /// Unique in its session, from 1.
    pub label: u32,
    /// What the reader said of it.
    pub about: About,
    /// Voxels set.
    pub voxels: usize,
    /// Volume of these, mL.
    pub volume_ml: f64,
}

impl LabelInfo {
    pub(crate) fn of(label: u32, state: &LabelState, voxel_ml: f64) -> Self {
        let voxels = state.snapshot.voxels;
        Self { label, about: state.told.about.clone(), voxels, volume_ml: voxels as f64 * voxel_ml }
    }
}

/// How one label's mask changed.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelDelta {
    /// The label.
    pub label: u32,
    /// The box to rewrite.
    pub delta: MaskDelta,
    /// The whole mask afterwards, with its digest.
    pub snapshot: Arc<Snapshot>,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The session's revision afterwards.
    pub revision: u64,
    /// The label that the request was about, where it was about one.
    pub label: Option<u32>,
    /// Changed masks.
    pub deltas: Vec<LabelDelta>,
    /// Prompts that this step added.
    pub prompts: Vec<NumberedPrompt>,
    /// Spacing of the working region, mm, where the engine was asked.
    pub spacing_mm: Option<f64>,
    /// Changes that can be undone.
    pub can_undo: usize,
    /// Changes that can be redone.
    pub can_redo: usize,
    /// All labels afterwards.
    pub labels: Vec<LabelInfo>,
    /// What the reader should know, one sentence each.
    pub warnings: Vec<String>,
}
