//! Which slice to look at next.

use crate::step::slice_content;
use crate::{Action, Session, SessionError, Uncertainty};
use isochrone_proposal::{Measure, Proposal, RankInput, RankOptions, SliceRef, rank_slices};
use isochrone_volume::Axis;

impl Session {
    /// Ranks the slices of a label's present mask by what is known of it, best first; `axes` empty means all
    /// three. Slices that were corrected or accepted count less or not at all.
    ///
    /// # Errors
    /// Unknown label; an uncertainty that is not of this volume.
    pub fn rank(&mut self, found: &Uncertainty, count: usize, axes: &[Axis]) -> Result<Vec<Proposal>, SessionError> {
        let mask = self.label(found.label)?.mask.clone();
        let (corrected, accepted) = (self.corrected(found.label), self.accepted(found.label)?);
        let input = RankInput {
            uncertainty: found.measures.map(Measure::default()),
            uncertainty_grid: &found.measures.grid,
            mask: &mask,
            corrected: &corrected,
            accepted: &accepted,
        };
        let options = RankOptions { limit: count * Axis::ALL.len(), ..RankOptions::new(found.working_spacing_mm) };
        let mut ranked = rank_slices(&input, &options)?;
        ranked.retain(|p| axes.is_empty() || axes.contains(&p.axis));
        ranked.truncate(count);
        self.derived.propose(found.label, ranked.iter().map(|p| SliceRef { axis: p.axis, index: p.index }).collect());
        Ok(ranked)
    }

    /// Slices on which prompts that count were placed: the proposed one, where it was that, else all three through it.
    pub(crate) fn corrected(&self, label: u32) -> Vec<SliceRef> {
        let mut slices = Vec::new();
        for step in self.steps().iter().filter(|s| s.label == label) {
            match &step.action {
                Action::Reset => slices.clear(),
                Action::Prompts(prompts) => {
                    for prompt in prompts {
                        let through = Axis::ALL.map(|axis| SliceRef { axis, index: axis.of(prompt.placed.voxel) });
                        match prompt.on {
                            Some(slice) => slices.push(slice),
                            None => slices.extend(through),
                        }
                    }
                }
                _ => {}
            }
        }
        slices
    }

    /// Slices that were accepted and still look as they did.
    pub(crate) fn accepted(&self, label: u32) -> Result<Vec<SliceRef>, SessionError> {
        let mask = &self.label(label)?.mask;
        let accepted = self.steps().iter().filter(|s| s.label == label).filter_map(|step| match &step.action {
            Action::AcceptSlice { slice, content } if slice_content(mask, *slice) == *content => Some(*slice),
            _ => None,
        });
        Ok(accepted.collect())
    }
}
