//! A late correction changes what is connected to it, and only its way.

use crate::flood::{Flood, NOTHING};
use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_volume::{Mask, VoxelBox};
use ndarray::{Array3, Zip};

/// The newest prompts where all of them say the same of certain voxels.
///
/// The rule is that of progressive merging in FocalClick (Chen et al., 2022), one-sided: the network answers
/// for a whole lesion each time, and what it now sees otherwise far from a correction is rather a loss than
/// a gain once the mask is nearly right.
pub(super) struct Correction<'a> {
    prompts: Vec<&'a PlacedPrompt>,
    set: bool,
}

impl<'a> Correction<'a> {
    /// `None` if the prompts differ in polarity, or one of them marks no certain voxel (a lasso, a box).
    pub fn of(new: &[&'a PlacedPrompt]) -> Option<Self> {
        let set = new.first()?.polarity() == Polarity::Positive;
        let agree = |p: &&PlacedPrompt| (p.polarity() == Polarity::Positive) == set && p.certain().next().is_some();
        new.iter().all(agree).then(|| Self { prompts: new.to_vec(), set })
    }

    /// Takes back, inside `changed`, what is not of this correction; returns the box of what is left.
    pub fn limit(&self, mask: &mut Mask, old: &Mask, changed: &VoxelBox) -> VoxelBox {
        if changed.is_empty() {
            return NOTHING;
        }
        let before = old.voxels().slice(changed.slice());
        let mut after = mask.voxels_mut().slice_mut(changed.slice());
        let mut wanted = Array3::from_elem(before.raw_dim(), false);
        Zip::from(&mut wanted).and(&before).and(&after).for_each(|w, &b, &a| *w = a != b && a == self.set);
        let mut flood = Flood::new(&wanted);
        for [i, j, k] in self.prompts.iter().flat_map(|p| p.certain()).filter(|s| changed.contains(*s)) {
            let [i0, j0, k0] = changed.min;
            flood.reach([i - i0, j - j0, k - k0]);
        }
        Zip::from(&mut after).and(&before).and(&flood.reached).for_each(|a, &b, &kept| {
            if !kept {
                *a = b;
            }
        });
        let shift = |v: [usize; 3]| [v[0] + changed.min[0], v[1] + changed.min[1], v[2] + changed.min[2]];
        if flood.region.is_empty() {
            NOTHING
        } else {
            VoxelBox { min: shift(flood.region.min), max: shift(flood.region.max) }
        }
    }
}
