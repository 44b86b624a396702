//! Boxes that the reader has drawn round the lesion.

use crate::{Cancel, SegmentError, Task};
use isochrone_prompt::{Meaning, PlacedPrompt, Polarity};
use isochrone_volume::{Grid, Mask, VoxelBox};
use ndarray::Array3;

/// Boxes and extreme points round one lesion that still hold.
pub(crate) struct Enclosing<'a>(Vec<&'a PlacedPrompt>);

impl<'a> Enclosing<'a> {
    /// Of all prompts of a label, those about this lesion: new ones, and those that hold some of the component. A box
    /// is lifted by a newer positive prompt beyond it, be it a click or another box.
    ///
    /// # Errors
    /// Cancelled.
    pub fn of(
        prompts: &'a [PlacedPrompt],
        newest: &[&PlacedPrompt],
        (active, active_box): (&Mask, &VoxelBox),
        cancel: &Cancel,
    ) -> Result<Self, SegmentError> {
        let here = |p: &PlacedPrompt| {
            newest.iter().any(|new| std::ptr::eq(*new, p))
                || active.contains(p.voxel)
                || overlaps(p, active, active_box)
        };
        let mut boxes: Vec<&PlacedPrompt> = Vec::new();
        for prompt in prompts.iter().filter(|p| p.polarity() == Polarity::Positive) {
            cancel.check()?;
            if prompt.meaning() == Meaning::Suggests || !here(prompt) {
                continue;
            }
            boxes.retain(|known| !reaches_beyond(prompt, known));
            if prompt.meaning() == Meaning::Encloses {
                boxes.push(prompt);
            }
        }
        Ok(Self(boxes))
    }

    /// The same as an engine sees it, which is not told what is new: a first lesion's prompts are, and the last one.
    ///
    /// # Errors
    /// Cancelled.
    pub fn in_force(task: &Task<'a>, cancel: &Cancel) -> Result<Self, SegmentError> {
        let first = task.previous_box.is_empty();
        let here = |p: &&PlacedPrompt| task.region.voxel_at(p.position_lps_mm()).is_some();
        let newest: Vec<&PlacedPrompt> =
            if first { task.prompts.iter().filter(here).collect() } else { task.prompts.last().into_iter().collect() };
        Self::of(task.prompts, &newest, (task.previous, &task.previous_box), cancel)
    }

    /// Nothing holds.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub fn prompts(&self) -> impl Iterator<Item = &'a PlacedPrompt> + '_ {
        self.0.iter().copied()
    }

    /// True if a voxel `(i, j, k)` of the volume lies outside of a box.
    pub fn leaves_out(&self, voxel: [usize; 3]) -> bool {
        self.0.iter().any(|known| known.leaves_out(voxel))
    }

    /// Nothing is likely outside: `probability` is `[k, j, i]` on `region`.
    ///
    /// # Errors
    /// Cancelled.
    pub fn clear(
        &self,
        probability: &mut Array3<f32>,
        (region, volume): (&Grid, &Grid),
        cancel: &Cancel,
    ) -> Result<(), SegmentError> {
        if self.0.is_empty() {
            return Ok(());
        }
        for (k, mut slice) in probability.outer_iter_mut().enumerate() {
            cancel.check()?;
            for ((j, i), p) in slice.indexed_iter_mut().filter(|(_, p)| **p > 0.0) {
                let voxel = volume.voxel_at(region.centre_mm([i, j, k]));
                if voxel.is_some_and(|voxel| self.leaves_out(voxel)) {
                    *p = 0.0;
                }
            }
        }
        Ok(())
    }
}

fn overlaps(prompt: &PlacedPrompt, active: &Mask, active_box: &VoxelBox) -> bool {
    let common = prompt.bounds().intersection(active_box);
    let VoxelBox { min: [i0, j0, k0], .. } = common;
    if common.is_empty() {
        return false;
    }
    let part = active.voxels().slice(common.slice());
    part.indexed_iter().any(|((k, j, i), set)| *set && prompt.voxels().contains([i + i0, j + j0, k + k0]))
}

/// Boxes are convex: the ends of a prompt's rows tell.
fn reaches_beyond(prompt: &PlacedPrompt, known: &PlacedPrompt) -> bool {
    let ends = prompt.voxels().runs().iter().flat_map(|run| {
        let at = |i: u32| [i as usize, run.j as usize, run.k as usize];
        [at(run.start), at(run.end.saturating_sub(1))]
    });
    ends.into_iter().any(|voxel| known.leaves_out(voxel))
}
