//! What an action makes of masks.

use crate::state::{Answer, Changed, LabelState, Outcome, State, Worker};
use crate::{Action, NumberedPrompt, Operation, Overlap};
use isochrone_prompt::{PlacedPrompt, Prompt};
use isochrone_segment::{Cancel, RefineInput, Refined, SegmentError, refine};
use isochrone_volume::{Mask, MaskDelta, VolumeError, VoxelBox};
use std::sync::Arc;

const NOTHING: VoxelBox = VoxelBox { min: [0; 3], max: [0; 3] };

const RUNS_OUT: &str = "The mask reaches the border of the image or of the region that was looked at. If it has run out of the lesion, click where it should end (negative), draw a box round the lesion, or open the session with the parameter \"within\", the distance in mm from your clicks that it may reach";

/// What an action is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub label: u32,
    pub action: &'a Action,
    pub overlap: Overlap,
    /// Ends the work.
    pub cancel: &'a Cancel,
    /// A step that can do nothing any more (a prompt without a positive one near it, an island that is gone) leaves
    /// its mask as it is: so it is when an earlier prompt was removed.
    pub tolerant: bool,
}

impl State {
    /// What an action makes of its label's mask, and of others. Nothing changes yet.
    pub fn outcome(&self, worker: &Worker, asked: &Asked<'_>) -> Result<Outcome, SegmentError> {
        let (label, grid) = (asked.label, &worker.grid);
        let known = self.labels.get(&label);
        let same = |own, warnings| Outcome { own, others: Vec::new(), answer: None, warnings };
        let becomes = |mask, region| Some(Changed { label, mask, region });
        let empty = || Arc::new(Mask::empty(grid.clone()));
        match asked.action {
            Action::AddLabel(_) => return Ok(same(becomes(empty(), NOTHING), Vec::new())),
            Action::Reset => {
                let was = known.map_or(NOTHING, |l| l.snapshot.content.region);
                return Ok(same(becomes(empty(), was), Vec::new()));
            }
            Action::UpdateLabel(_) | Action::DeleteLabel | Action::AcceptSlice { .. } => {
                return Ok(same(None, Vec::new()));
            }
            Action::Edit(_) | Action::Operation(_) | Action::Prompts(_) => {}
        }
        let before = match known {
            Some(state) => state.mask(grid)?,
            None => empty(),
        };
        let stays = |warning: &str| same(becomes(before.clone(), NOTHING), vec![warning.to_owned()]);
        match asked.action {
            Action::Edit(delta) => Ok(self.edited(asked, &before, delta)?),
            Action::Operation(operation) => match self.operated(asked, &before, operation) {
                Err(VolumeError::NotSet(_)) if asked.tolerant => Ok(stays("A later island is not there any more")),
                done => Ok(done?),
            },
            Action::Prompts(new) => match starting_mask(new) {
                Some(delta) => Ok(self.edited(asked, &before, delta)?),
                None => match self.refined(worker, asked, &before, new) {
                    Err(SegmentError::NoPositivePrompt) if asked.tolerant => {
                        Ok(stays("A later prompt has no positive one near it any more, and changes nothing"))
                    }
                    Err(SegmentError::NoPositivePrompt) if !new.iter().any(|p| p.placed.has_place()) => {
                        Ok(stays("The name says what is meant; now point at it, and that is what will be segmented"))
                    }
                    refined => refined,
                },
            },
            _ => Ok(same(None, Vec::new())),
        }
    }

    fn refined(
        &self,
        worker: &Worker,
        asked: &Asked<'_>,
        before: &Arc<Mask>,
        new: &[NumberedPrompt],
    ) -> Result<Outcome, SegmentError> {
        let mut told = match self.labels.get(&asked.label) {
            Some(state) => state.told.clone(),
            None => crate::state::Told::new(asked.label),
        };
        told.hear(asked.action);
        // The mask that the label started from is in its mask already, and may be changed by now.
        let own = told.prompts.iter().filter(|p| !matches!(p.placed.prompt, Prompt::InitialMask(_)));
        let (known, newest): (Vec<_>, Vec<_>) = own.partition(|p| !new.iter().any(|n| n.id == p.id));
        let prompts: Vec<PlacedPrompt> =
            known.into_iter().chain(newest.iter().copied()).map(|p| p.placed.clone()).collect();
        let spared = self.others(asked.label).filter(|(_, other)| asked.overlap.spares(&other.told.about));
        let spared = spared.filter(|(_, other)| other.snapshot.voxels > 0);
        let spared = spared.map(|(_, other)| other.mask(&worker.grid)).collect::<Result<Vec<_>, _>>()?;
        let spared: Vec<&Mask> = spared.iter().map(Arc::as_ref).collect();
        let input = RefineInput { prompts: &prompts, newest: newest.len(), mask: before, other_labels: &spared };
        let refined = refine(worker.engine.as_ref(), &worker.prepared, &input, asked.cancel)?;
        let Refined { mask, changed, task, candidate, spacing_mm, runs_out, .. } = refined;
        let mut outcome = self.settled(asked, before, mask, changed)?;
        // A network knows what lesions look like; the others go on as long as there is nothing to stop them.
        if runs_out && !changed.is_empty() && worker.engine.describe().model.is_empty() {
            outcome.warnings.push(String::from(RUNS_OUT));
        }
        outcome.answer = Some(Answer { task, candidate, spacing_mm });
        Ok(outcome)
    }

    fn edited(&self, asked: &Asked<'_>, before: &Mask, delta: &MaskDelta) -> Result<Outcome, VolumeError> {
        if delta.region.is_empty() {
            return Err(VolumeError::Box(delta.region.to_string()));
        }
        let mut mask = before.clone();
        delta.apply(&mut mask)?;
        // The whole box goes back to the client, so that what it painted and did not get is taken away again.
        self.settled(asked, before, mask, delta.region)
    }

    fn operated(&self, asked: &Asked<'_>, before: &Mask, operation: &Operation) -> Result<Outcome, VolumeError> {
        let other = operation.other().and_then(|other| self.labels.get(&other));
        let other = other.map(|l| l.mask(before.grid())).transpose()?;
        let done = operation.run(before, other.as_deref())?;
        let mut outcome = self.settled(asked, before, done.mask, done.changed)?;
        if done.changed.is_empty() {
            outcome.warnings.push(String::from("There was nothing to change"));
        }
        Ok(outcome)
    }

    /// Decides about new voxels of a label that others have already: inside `region`, outside of which nothing
    /// is new.
    fn settled(
        &self,
        asked: &Asked<'_>,
        before: &Mask,
        mut mask: Mask,
        region: VoxelBox,
    ) -> Result<Outcome, VolumeError> {
        let giver = match asked.action {
            Action::Operation(operation) => operation.takes_from(),
            _ => None,
        };
        let mut warnings = Vec::new();
        let (mut spared, mut taken_from) = (Vec::new(), Vec::new());
        let meets = |other: &LabelState| !other.snapshot.content.region.intersection(&region).is_empty();
        for (id, other) in self.others(asked.label).filter(|(_, other)| meets(other)) {
            let gives = Some(id) == giver && asked.overlap != Overlap::Allow;
            if asked.overlap.spares(&other.told.about) && !gives {
                spared.push(other);
            } else if asked.overlap != Overlap::Allow {
                taken_from.push((id, other));
            }
        }
        let view = region.slice();
        for other in spared {
            let (ours, mut left) = (before.voxels().slice(view), 0usize);
            let theirs = other.mask(before.grid())?;
            let news = ndarray::Zip::from(mask.voxels_mut().slice_mut(view)).and(ours).and(theirs.voxels().slice(view));
            news.for_each(|new, &old, &theirs| {
                let clash = *new && !old && theirs;
                left += usize::from(clash);
                *new &= !clash;
            });
            if left > 0 {
                warnings
                    .push(format!("{left} voxels belong to the label {:?} and were left to it", other.told.about.name));
            }
        }
        let mut others = Vec::new();
        for (id, other) in taken_from {
            let (mut lost, mut count) = (NOTHING, 0usize);
            let [i0, j0, k0] = region.min;
            let ours = (mask.voxels().slice(view), before.voxels().slice(view));
            let others_mask = other.mask(before.grid())?;
            for (((k, j, i), &theirs), (&new, &old)) in
                others_mask.voxels().slice(view).indexed_iter().zip(ours.0.iter().zip(ours.1))
            {
                if theirs && new && !old {
                    let (i, j, k) = (i + i0, j + j0, k + k0);
                    lost = lost.union(&VoxelBox { min: [i, j, k], max: [i + 1, j + 1, k + 1] });
                    count += 1;
                }
            }
            if count > 0 {
                let mut theirs = others_mask.as_ref().clone();
                let at = lost.slice();
                ndarray::Zip::from(theirs.voxels_mut().slice_mut(at))
                    .and(mask.voxels().slice(at))
                    .and(before.voxels().slice(at))
                    .for_each(|theirs, &new, &old| *theirs &= !new || old);
                warnings.push(format!("{count} voxels were taken from the label {:?}", other.told.about.name));
                others.push(Changed { label: id, mask: Arc::new(theirs), region: lost });
            }
        }
        let own = Some(Changed { label: asked.label, mask: Arc::new(mask), region });
        Ok(Outcome { own, others, answer: None, warnings })
    }
}

/// The mask that a step puts in place, if it is about one.
fn starting_mask(new: &[NumberedPrompt]) -> Option<&MaskDelta> {
    new.iter().find_map(|p| match &p.placed.prompt {
        Prompt::InitialMask(mask) => Some(&mask.delta),
        _ => None,
    })
}
