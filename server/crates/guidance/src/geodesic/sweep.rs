//! Exact geodesic distance by sweeps that visit only rows with something new beside them.
//!
//! A sweep runs through the slices ahead, the next one back. A slice first takes from its
//! predecessor (9 neighbours a voxel), then from row to row ahead and back (3), and within each
//! row. Every lowered row marks its neighbours; the search ends when no mark is left, so that the
//! result is the fixed point itself, not an approximation after so many passes. For threads the
//! array is cut in [`pillar`]s of rows, each with every slice; the fixed point does not depend on
//! the order.

use super::Geodesic;
use super::pending::Pending;
use super::pillar::{Pillar, cut, meet};
use super::slice::Costs;
use rayon::prelude::*;

/// Distance, labels (empty if not kept) and image of a whole array, flat `[k, j, i]`.
pub(crate) struct Field<'a, const C: usize> {
    pub distance: &'a mut [f32],
    pub label: &'a mut [u32],
    pub image: [&'a [f32]; C],
    pub shape: [usize; 3],
}

/// Pillars for each thread, so that one that is held up leaves work to the others.
const PER_THREAD: usize = 2;

/// Rows that make a pillar worth its seams.
const MIN_HEIGHT: usize = 48;

/// Sweeps until nothing is pending. `L`: keep the label of the nearest point.
pub(crate) fn run<const C: usize, const L: bool>(field: &mut Field<'_, C>, pending: &mut Pending, metric: &Geodesic) {
    let threads = rayon::current_num_threads();
    let count = if threads == 1 { 1 } else { (PER_THREAD * threads).min(pending.region.j.len() / MIN_HEIGHT).max(1) };
    let costs = Costs::new(metric);
    let mut pillars = cut::<C, L>(field, pending, count);
    let mut ahead = true;
    while pillars.iter().any(Pillar::open) {
        if let [pillar] = &mut pillars[..] {
            pillar.sweep::<L>(&costs, ahead);
        } else {
            // Every second one, so that those between see what is new at once.
            for first in 0..2 {
                let open = pillars.par_iter_mut().skip(first).step_by(2).filter(|p| p.open());
                open.for_each(|pillar| pillar.sweep::<L>(&costs, ahead));
                meet(&mut pillars);
            }
        }
        ahead = !ahead;
    }
}
