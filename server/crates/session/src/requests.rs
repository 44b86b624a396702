//! What a client can ask for: each request is checked here, and becomes an action.

use crate::state::LabelState;
use crate::{
    About, AboutChange, Action, Operation, Overlap, Placing, Session, SessionError, SetOperation, SliceRef, Update,
    Wanted,
};
use isochrone_prompt::Prompt;
use isochrone_volume::{Axis, DVec3, MaskDelta, VoxelBox};

impl Session {
    /// Adds a label in a colour of its own; its number is the update's.
    ///
    /// # Errors
    /// Too many labels or changes.
    pub fn add_label(&mut self, name: &str) -> Result<Update, SessionError> {
        self.add_label_with(&AboutChange { name: Some(name.to_owned()), ..AboutChange::default() })
    }

    /// Adds a label and says more of it at once.
    ///
    /// # Errors
    /// Too many labels or changes.
    pub fn add_label_with(&mut self, about: &AboutChange) -> Result<Update, SessionError> {
        if self.state.labels.len() >= self.limits.labels {
            return Err(SessionError::Limit { what: "Labels", limit: self.limits.labels });
        }
        let label = self.labels_made + 1;
        let update = self.act(label, Action::AddLabel(About::new("", label).with(about)), Overlap::default())?;
        self.labels_made = label;
        Ok(update)
    }

    /// Renames, colours, codes, locks or unlocks a label.
    ///
    /// # Errors
    /// Unknown label.
    pub fn update_label(&mut self, label: u32, change: AboutChange) -> Result<Update, SessionError> {
        self.label(label)?;
        self.act(label, Action::UpdateLabel(change), Overlap::default())
    }

    /// Takes a label away.
    ///
    /// # Errors
    /// Unknown or locked label.
    pub fn delete_label(&mut self, label: u32) -> Result<Update, SessionError> {
        self.unlocked(label)?;
        self.act(label, Action::DeleteLabel, Overlap::default())
    }

    /// Adds prompts to a label as one step, and computes its new mask. `placing` is a frame of reference, or more.
    ///
    /// # Errors
    /// Unknown or locked label; no prompt or too many; a prompt outside the volume or (positive) on a label that
    /// keeps its voxels; a drag without its polygon or vertex; an initial mask that is not alone; the engine gave no
    /// answer.
    pub fn add_prompts<'a>(
        &mut self,
        label: u32,
        prompts: Vec<impl Into<Wanted>>,
        placing: impl Into<Placing<'a>>,
    ) -> Result<Update, SessionError> {
        let told = &self.unlocked(label)?.told;
        let known = told.prompts.len();
        let marked_before: usize = told.prompts.iter().map(|p| p.placed.certain_count()).sum();
        if prompts.is_empty() {
            return Err(SessionError::Nothing("No prompt was given; give at least one"));
        }
        if known + prompts.len() > self.limits.prompts {
            return Err(SessionError::Limit { what: "Prompts of a label", limit: self.limits.prompts });
        }
        let placing = placing.into();
        let numbered = self.placed(label, prompts.into_iter().map(Into::into).collect(), placing)?;
        let runs: usize = numbered.iter().map(|p| p.placed.voxels().runs().len() + points(&p.placed.prompt)).sum();
        if self.marks_made + runs > self.limits.marks {
            return Err(SessionError::Limit { what: "Points and rows of all prompts", limit: self.limits.marks });
        }
        let marked: usize = numbered.iter().map(|p| p.placed.certain_count()).sum();
        if marked_before + marked > self.limits.marked_voxels {
            return Err(SessionError::Marked(self.limits.marked_voxels));
        }
        let made = numbered.len() as u64;
        let update = self.act(label, Action::Prompts(numbered), placing.overlap.unwrap_or(self.overlap))?;
        self.prompts_made += made;
        self.marks_made += runs;
        Ok(update)
    }

    /// Takes over what the client painted or erased.
    ///
    /// # Errors
    /// Unknown or locked label; a box that is empty or outside the volume; damaged bits.
    pub fn edit(&mut self, label: u32, delta: MaskDelta, overlap: Option<Overlap>) -> Result<Update, SessionError> {
        self.unlocked(label)?;
        self.act(label, Action::Edit(delta), overlap.unwrap_or(self.overlap))
    }

    /// Does something to a label's whole mask.
    ///
    /// # Errors
    /// Unknown or locked label; nothing at an island's voxel; a radius, slice or box out of range; a union that
    /// would take the voxels of a locked label.
    pub fn operate(
        &mut self,
        label: u32,
        operation: Operation,
        overlap: Option<Overlap>,
    ) -> Result<Update, SessionError> {
        self.unlocked(label)?;
        let overlap = overlap.unwrap_or(self.overlap);
        if let Operation::Combine { other, how } = operation {
            if other == label {
                return Err(SessionError::Nothing("A label cannot be combined with itself; name another one"));
            }
            let about = &self.label(other)?.told.about;
            if how == SetOperation::Union && about.locked && overlap != Overlap::Allow {
                return Err(SessionError::Locked(about.name.clone()));
            }
        }
        self.act(label, Action::Operation(operation), overlap)
    }

    /// The island of a label under a click (LPS mm), to be kept or removed.
    ///
    /// # Errors
    /// A place outside of the volume.
    pub fn island(&self, position_lps_mm: DVec3, keep: bool) -> Result<Operation, SessionError> {
        let click = isochrone_prompt::Click { position_lps_mm, polarity: isochrone_prompt::Polarity::Positive };
        let voxel = Prompt::Click(click).place(&self.volume, "")?.voxel;
        Ok(Operation::Island { voxel, keep })
    }

    /// Interpolation between slices across an axis. Without any, between those on which the reader painted, erased or
    /// drew a polygon since the label's last reset; `within` is then round what was drawn, else the whole volume,
    /// unless given.
    ///
    /// # Errors
    /// Unknown label.
    pub fn interpolation(
        &self,
        label: u32,
        axis: Axis,
        slices: Vec<usize>,
        within: Option<VoxelBox>,
    ) -> Result<Operation, SessionError> {
        self.label(label)?;
        if !slices.is_empty() {
            let within = within.unwrap_or_else(|| VoxelBox::whole(self.worker.grid.size()));
            return Ok(Operation::Interpolate { axis, slices, within });
        }
        let drawn = self.drawn_slices(label, axis);
        let mut slices: Vec<usize> = drawn.iter().map(|region| axis.of(region.min)).collect();
        slices.sort_unstable();
        slices.dedup();
        if slices.len() < 2 {
            return Err(SessionError::Nothing(
                "Fewer than two slices across this axis were painted or drawn on one by one; edit another, or name the slices",
            ));
        }
        let round = drawn.iter().fold(VoxelBox { min: [0; 3], max: [0; 3] }, |all, one| all.union(one));
        Ok(Operation::Interpolate { axis, slices, within: within.unwrap_or(round) })
    }

    /// Boxes of edits and polygons that lie in one slice across an axis.
    fn drawn_slices(&self, label: u32, axis: Axis) -> Vec<VoxelBox> {
        let mut drawn = Vec::new();
        for step in self.steps().iter().filter(|s| s.label == label) {
            match &step.action {
                Action::Reset => drawn.clear(),
                Action::Edit(delta) => drawn.push(delta.region),
                Action::Prompts(prompts) => {
                    let polygons = prompts.iter().filter(|p| matches!(p.placed.prompt, Prompt::Polygon(_)));
                    drawn.extend(polygons.map(|p| p.placed.bounds()));
                }
                _ => {}
            }
        }
        drawn.retain(|region| axis.of(region.size()) == 1);
        drawn
    }

    /// Empties a label.
    ///
    /// # Errors
    /// Unknown or locked label.
    pub fn reset(&mut self, label: u32) -> Result<Update, SessionError> {
        self.unlocked(label)?;
        self.act(label, Action::Reset, Overlap::default())
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
        let mask = self.label(label)?.mask(&self.worker.grid)?;
        let content = crate::step::slice_content(&mask, slice);
        self.act(label, Action::AcceptSlice { slice, content }, Overlap::default())
    }

    fn unlocked(&self, label: u32) -> Result<&LabelState, SessionError> {
        let state = self.label(label)?;
        if state.told.about.locked {
            return Err(SessionError::Locked(state.told.about.name.clone()));
        }
        Ok(state)
    }
}

/// Points that a prompt holds.
pub(crate) fn points(prompt: &Prompt) -> usize {
    match prompt {
        Prompt::Scribble(scribble) => scribble.points_lps_mm.len(),
        Prompt::Lasso(lasso) => lasso.points_lps_mm.len(),
        Prompt::Polygon(polygon) => polygon.vertices_lps_mm.len(),
        Prompt::Gaze(gaze) => gaze.samples.len(),
        Prompt::InitialMask(mask) => mask.delta.zlib_bits.len() / 16,
        _ => 1,
    }
}
