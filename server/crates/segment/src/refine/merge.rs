//! From the region back into the label's mask.

use super::RefineInput;
use super::enclosing::Enclosing;
use super::local::Correction;
use crate::flood::NOTHING;
use crate::on_grid::grown;
use crate::{Cancel, SegmentError, border};
use isochrone_prompt::Polarity;
use isochrone_volume::{Grid, Mask, VoxelBox, resample};
use ndarray::Array3;

/// A finished region, to be put into a mask.
pub(super) struct Merge<'a> {
    pub region: &'a Grid,
    /// `[k, j, i]` on the region; 0 in connected parts that do not count.
    pub probability: Array3<f32>,
    pub threshold: f32,
    /// What counts, in voxels of the region.
    pub kept_box: VoxelBox,
    /// The component that is replaced, on the mask's grid.
    pub active: &'a Mask,
    pub active_box: VoxelBox,
    /// Boxes that hold the lesion.
    pub enclosing: &'a Enclosing<'a>,
    /// A late correction: what it may change.
    pub correction: Option<Correction<'a>>,
}

impl Merge<'_> {
    /// Rewrites the active component inside the region; returns the box that changed.
    ///
    /// # Errors
    /// Cancelled.
    pub fn into_mask(
        self,
        mask: &mut Mask,
        input: &RefineInput<'_>,
        cancel: &Cancel,
    ) -> Result<VoxelBox, SegmentError> {
        let mut changed = self.replace(mask, input);
        if let Some(correction) = &self.correction {
            changed = correction.limit(mask, input.mask, &changed);
        }
        changed = changed.union(&self.clear_beside_borders(mask, input, cancel)?);
        for prompt in input.prompts {
            cancel.check()?;
            let set = prompt.polarity() == Polarity::Positive;
            for at in prompt.certain_in(self.region) {
                let [i, j, k] = at;
                let Some(voxel) = mask.voxels_mut().get_mut([k, j, i]).filter(|voxel| **voxel != set) else { continue };
                let elsewhere = input.mask.contains(at) && !self.active.contains(at);
                if elsewhere || (set && input.other_labels.iter().any(|l| l.contains(at))) {
                    continue;
                }
                *voxel = set;
                changed = changed.union(&one(at));
            }
        }
        // A forced voxel may have undone a change; the box is allowed to be too large, but not for nothing.
        if mask.voxels().slice(changed.slice()) == input.mask.voxels().slice(changed.slice()) {
            Ok(NOTHING)
        } else {
            Ok(changed)
        }
    }

    /// Clears what drawn borders leave out, of this component alone.
    fn clear_beside_borders(
        &self,
        mask: &mut Mask,
        input: &RefineInput<'_>,
        cancel: &Cancel,
    ) -> Result<VoxelBox, SegmentError> {
        let mut changed = NOTHING;
        for at in border::left_out(input.prompts, mask.grid(), border::border, cancel)? {
            let [i, j, k] = at;
            let elsewhere = input.mask.contains(at) && !self.active.contains(at);
            if let Some(voxel) = mask.voxels_mut().get_mut([k, j, i])
                && *voxel
                && !elsewhere
            {
                *voxel = false;
                changed = changed.union(&one(at));
            }
        }
        Ok(changed)
    }

    fn replace(&self, mask: &mut Mask, input: &RefineInput<'_>) -> VoxelBox {
        let target = self.target(mask.grid());
        let Ok(grid) = mask.grid().crop(&target) else { return NOTHING };
        // Below zero: outside the region, where nothing may change.
        let probability = resample::to_grid(self.probability.view(), self.region, &grid, -1.0);
        let [i0, j0, k0] = target.min;
        let mut changed = NOTHING;
        for ((k, j, i), &p) in probability.indexed_iter() {
            if p < 0.0 {
                continue;
            }
            let at = [i + i0, j + j0, k + k0];
            let ours = self.active.contains(at);
            let old = mask.contains(at);
            let likely = p >= self.threshold && !self.enclosing.leaves_out(at);
            let new = if ours { likely } else { old || (likely && !input.other_labels.iter().any(|l| l.contains(at))) };
            if new != old
                && let Some(voxel) = mask.voxels_mut().get_mut([k + k0, j + j0, i + i0])
            {
                *voxel = new;
                changed = changed.union(&one(at));
            }
        }
        changed
    }

    /// Voxels of the volume that may change: the active component and what counts of the answer.
    fn target(&self, grid: &Grid) -> VoxelBox {
        let kept = grown(&self.kept_box, [1; 3], self.region.size());
        let kept = self.region.crop(&kept).map_or(NOTHING, |part| resample::footprint(grid, &part));
        let active = self.active_box.intersection(&resample::footprint(grid, self.region));
        kept.union(&active)
    }
}

fn one([i, j, k]: [usize; 3]) -> VoxelBox {
    VoxelBox { min: [i, j, k], max: [i + 1, j + 1, k + 1] }
}
