//! Which slice to look at next.

use crate::step::slice_content;
use crate::{Action, NumberedPrompt, Session, SessionError, Uncertainty};
use isochrone_proposal::{Measure, RankInput, RankOptions, Ranking, SliceRef, rank_slices};
use isochrone_volume::{Axis, DVec3};

impl Session {
    /// Ranks the slices of a label's present mask by what is known of it, best first; `axes` empty means all
    /// three. Slices that were corrected or accepted count less or not at all.
    ///
    /// # Errors
    /// Unknown label; an uncertainty that is not of this volume.
    pub fn rank(&mut self, found: &Uncertainty, count: usize, axes: &[Axis]) -> Result<Ranking, SessionError> {
        let mask = self.label(found.label)?.mask(&self.worker.grid)?;
        let (corrected, accepted) = (self.corrected(found.label), self.accepted(found.label)?);
        let prompts = self.prompted(found.label);
        let input = RankInput {
            wrong: found.measures.map(Measure::Wrong),
            wrong_grid: &found.measures.grid,
            mask: &mask,
            prompts: &prompts,
            corrected: &corrected,
            accepted: &accepted,
        };
        let options = RankOptions { limit: count * Axis::ALL.len(), ..RankOptions::new(found.working_spacing_mm) };
        let mut ranked = rank_slices(&input, &options)?;
        only(&mut ranked, count, axes);
        self.derived.propose(found.label, slices(&ranked));
        Ok(ranked)
    }

    /// Where prompts that count were placed, LPS mm.
    pub(crate) fn prompted(&self, label: u32) -> Vec<DVec3> {
        let placed = |p: &NumberedPrompt| p.placed.position_lps_mm();
        self.label(label).map_or_else(
            |_| Vec::new(),
            |state| state.told.prompts.iter().filter(|p| p.placed.has_place()).map(placed).collect(),
        )
    }

    /// Slices on which prompts that count were placed: the proposed one, where it was that, else all three through it.
    pub(crate) fn corrected(&self, label: u32) -> Vec<SliceRef> {
        let mut slices = Vec::new();
        for step in self.steps().iter().filter(|s| s.label == label) {
            match &step.action {
                Action::Reset => slices.clear(),
                Action::Prompts(prompts) => {
                    for prompt in prompts.iter().filter(|p| p.placed.has_place()) {
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
        let mask = self.label(label)?.mask(&self.worker.grid)?;
        let accepted = self.steps().iter().filter(|s| s.label == label).filter_map(|step| match &step.action {
            Action::AcceptSlice { slice, content } if slice_content(&mask, *slice) == *content => Some(*slice),
            _ => None,
        });
        Ok(accepted.collect())
    }
}

/// Keeps `count` proposals, of these orientations only (all if empty).
pub(crate) fn only(ranked: &mut Ranking, count: usize, axes: &[Axis]) {
    ranked.proposals.retain(|p| axes.is_empty() || axes.contains(&p.axis));
    ranked.proposals.truncate(count);
}

/// The slices that are proposed.
pub(crate) fn slices(ranked: &Ranking) -> Vec<SliceRef> {
    ranked.proposals.iter().map(|p| SliceRef { axis: p.axis, index: p.index }).collect()
}
