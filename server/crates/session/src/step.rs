//! What a session is made of.

use crate::{About, AboutChange, Operation, Overlap};
use isochrone_prompt::{Drag, Follow, PlacedPrompt};
use isochrone_proposal::SliceRef;
use isochrone_segment::EngineDescription;
use isochrone_volume::{Grid, Mask, MaskDelta, VolumeError, VoxelBox};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A prompt with the number by which it can be removed.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedPrompt {
    /// Unique in its session; never used again.
    pub id: u64,
    /// What the reader pointed at.
    pub placed: PlacedPrompt,
    /// The slice on which it was placed, if that was one of those proposed last.
    pub on: Option<SliceRef>,
    /// The drag that it is, if it is one: `placed` is then the polygon after it, in the place of the one before.
    pub drag: Option<VertexDrag>,
}

/// A pull at a vertex of a polygon that is a prompt already.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VertexDrag {
    /// Number of the polygon's prompt, whatever drags it has been through.
    pub polygon: u64,
    /// From where to where.
    pub drag: Drag,
    /// How its neighbours follow.
    pub follow: Follow,
}

impl NumberedPrompt {
    /// About as many bytes as it takes, with its points and the rows of voxels that it marks.
    fn bytes(&self) -> usize {
        let drawn = crate::requests::points(&self.placed.prompt) * 24;
        size_of::<Self>() + drawn + self.placed.voxels().runs().len() * 32
    }

    /// True if this is the polygon of that number, or a drag of it.
    #[must_use]
    pub fn is_of_polygon(&self, polygon: u64) -> bool {
        self.drag.map_or(self.id, |d| d.polygon) == polygon
    }
}

/// What the reader did.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Added the label.
    AddLabel(About),
    /// Renamed, coloured, coded, locked or unlocked it.
    UpdateLabel(AboutChange),
    /// Took it away.
    DeleteLabel,
    /// Pointed at something.
    Prompts(Vec<NumberedPrompt>),
    /// Painted or erased: the new content of a box.
    Edit(MaskDelta),
    /// Had something done to the whole mask.
    Operation(Operation),
    /// Emptied the label; its earlier prompts no longer count.
    Reset,
    /// Was content with a slice.
    AcceptSlice {
        /// The slice.
        slice: SliceRef,
        /// What the label looked like there.
        content: [u8; 32],
    },
}

impl Action {
    /// False for what leaves every mask as it is.
    #[must_use]
    pub fn changes_mask(&self) -> bool {
        matches!(self, Self::Prompts(_) | Self::Edit(_) | Self::Operation(_) | Self::Reset)
    }

    /// The same without one prompt; `None` if nothing is left.
    pub(crate) fn without(&self, prompt: u64) -> Option<Self> {
        match self {
            Self::Prompts(prompts) => {
                let left: Vec<_> = prompts.iter().filter(|p| p.id != prompt).cloned().collect();
                (!left.is_empty()).then_some(Self::Prompts(left))
            }
            other => Some(other.clone()),
        }
    }
}

/// A label's whole mask as it was after a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Content of the mask's bounding box; outside of it nothing is set.
    pub content: MaskDelta,
    /// SHA-256 of the packed mask ([`Mask::digest`]).
    pub digest: [u8; 32],
    /// Voxels set.
    pub voxels: usize,
}

impl Default for Snapshot {
    /// Of no mask: a place holder until the step is computed.
    fn default() -> Self {
        let region = VoxelBox { min: [0; 3], max: [0; 3] };
        Self { content: MaskDelta { region, zlib_bits: Vec::new() }, digest: [0; 32], voxels: 0 }
    }
}

impl Snapshot {
    /// Takes a snapshot.
    #[must_use]
    pub fn of(mask: &Mask) -> Self {
        let region = mask.bounding_box();
        let voxels = mask.voxels().slice(region.slice()).iter().filter(|&&set| set).count();
        Self { content: MaskDelta::of_box(mask, region), digest: mask.digest(), voxels }
    }

    /// The mask again.
    ///
    /// # Errors
    /// The snapshot is not of this grid.
    pub fn mask(&self, grid: &Arc<Grid>) -> Result<Mask, VolumeError> {
        let mut mask = Mask::empty(grid.clone());
        self.content.apply(&mut mask)?;
        Ok(mask)
    }
}

/// One step of a session: what the reader did to one label, who computed what came of it, and what came of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in its session; never used again.
    pub id: u64,
    /// The label it is about.
    pub label: u32,
    /// What the reader did.
    pub action: Action,
    /// The revision it was made on.
    pub parent_revision: u64,
    /// The revision it made.
    pub revision: u64,
    /// Engine, model and device.
    pub engine: Arc<EngineDescription>,
    /// Seed of everything random that belongs to this step.
    pub seed: u64,
    /// What happened where it met other labels.
    pub overlap: Overlap,
    /// Working region of its last forward pass.
    pub region: Option<Grid>,
    /// The label's mask afterwards.
    pub result: Arc<Snapshot>,
    /// Other labels whose masks it changed, and these.
    pub others: Vec<(u32, Arc<Snapshot>)>,
}

impl Step {
    /// About as many bytes as it takes: itself, what it was made of, and the masks that it made.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let own = match &self.action {
            Action::Prompts(prompts) => prompts.iter().map(NumberedPrompt::bytes).sum(),
            Action::Edit(delta) => delta.zlib_bits.len(),
            _ => 0,
        };
        let made = std::iter::once(&self.result).chain(self.others.iter().map(|(_, result)| result));
        let made: usize = made.map(|s| size_of::<Snapshot>() + s.content.zlib_bits.capacity()).sum();
        size_of::<Self>() + own + made
    }

    /// True if it can have changed this label's mask.
    #[must_use]
    pub fn touches(&self, label: u32) -> bool {
        (self.label == label && self.action.changes_mask()) || self.others.iter().any(|(id, _)| *id == label)
    }
}

/// The seed of a step, from its session's.
#[must_use]
pub fn step_seed(session_seed: u64, step_id: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(b"isochrone step seed");
    hasher.update(session_seed.to_le_bytes());
    hasher.update(step_id.to_le_bytes());
    hasher.finalize().iter().take(8).fold(0, |seed, &byte| seed << 8 | u64::from(byte))
}

/// SHA-256 of one slice of a mask.
pub(crate) fn slice_content(mask: &Mask, slice: SliceRef) -> [u8; 32] {
    let plane = mask.voxels().index_axis(slice.axis.of_array(), slice.index);
    let bytes: Vec<u8> = plane.iter().map(|&v| u8::from(v)).collect();
    Sha256::digest(bytes).into()
}
