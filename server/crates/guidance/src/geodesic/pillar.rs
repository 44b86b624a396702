//! A part of the rows of every slice, swept by one thread.
//!
//! The rows just outside a pillar belong to its neighbours; it keeps a copy of them (its rims),
//! renewed when pillars [`meet`].
#![allow(clippy::indexing_slicing)] // Rows and slices are cut from shapes that were checked at the entrance.

use super::kernel::Scratch;
use super::pending::{Pending, Region};
use super::slice::{ABOVE, BELOW, Costs, GROUP, Layout, Open, Rim, Slice};
use super::sweep::Field;
use pulp::{Simd, WithSimd};
use std::ops::Range;

pub(super) struct Pillar<'a, const C: usize> {
    slices: Vec<Slice<'a, C>>,
    layout: Layout,
}

/// Cuts the region in so many pillars (or one less) of equal height.
pub(super) fn cut<'a, const C: usize, const L: bool>(
    field: &'a mut Field<'_, C>,
    pending: &'a mut Pending,
    count: usize,
) -> Vec<Pillar<'a, C>> {
    let [_, nj, ni] = field.shape;
    let Region { k, j, i } = pending.region.clone();
    let layout = Layout { ni, i: i.start, width: i.len(), block: pending.block };
    let height = j.len().div_ceil(count);
    let count = j.len().div_ceil(height);
    let mut pillars: Vec<_> = (0..count).map(|_| Pillar { slices: Vec::with_capacity(k.len()), layout }).collect();
    let mut labels = field.label.chunks_mut(nj * ni).skip(k.start);
    let planes = field.distance.chunks_mut(nj * ni).skip(k.start);
    for ((plane, rows), n) in planes.zip(pending.rows.chunks_mut(j.len())).zip(k) {
        let label = labels.next().unwrap_or_default();
        let image = field.image.map(|c| &c[n * nj * ni..(n + 1) * nj * ni]);
        let rim = |row: usize| Rim {
            distance: plane[layout.span(row)].to_vec(),
            label: if L { label[layout.span(row)].to_vec() } else { Vec::new() },
            image: image.map(|c| &c[layout.span(row)]),
            reached: 0,
        };
        let start = |p: usize| j.start + p * height;
        let rims: Vec<_> = (0..count)
            .map(|p| [(p > 0).then(|| rim(start(p) - 1)), (p + 1 < count).then(|| rim(start(p + 1)))])
            .collect();
        let span = j.start * ni..j.end * ni;
        let mut labels = if L { &mut label[span.clone()] } else { label }.chunks_mut(height * ni);
        let parts = plane[span].chunks_mut(height * ni).zip(rows.chunks_mut(height)).zip(rims);
        for (p, ((distance, rows), rims)) in parts.enumerate() {
            let image = image.map(|c| &c[start(p) * ni..start(p) * ni + distance.len()]);
            let open = rows.chunks(GROUP).map(Open::of).collect();
            let label = labels.next().unwrap_or_default();
            pillars[p].slices.push(Slice { distance, label, image, rows, rims, open });
        }
    }
    pillars
}

/// Renews the rims of all pillars, and marks what is new there.
pub(super) fn meet<const C: usize>(pillars: &mut [Pillar<'_, C>]) {
    for n in 1..pillars.len() {
        let (one, two) = pillars.split_at_mut(n);
        let (Some(one), Some(two)) = (one.last_mut(), two.first_mut()) else { continue };
        for k in 0..one.slices.len() {
            one.pass(two, k, ABOVE);
            two.pass(one, k, BELOW);
        }
    }
}

impl<const C: usize> Pillar<'_, C> {
    /// Whether anything is pending.
    pub fn open(&self) -> bool {
        self.slices.iter().any(|s| s.open.iter().any(Open::any))
    }

    /// Sweeps once through the slices, ahead or back.
    pub fn sweep<const L: bool>(&mut self, costs: &Costs, ahead: bool) {
        crate::simd::arch().dispatch(Sweep::<'_, '_, C, L> { pillar: self, costs, ahead });
    }

    /// Hands the outermost row of slice `k` to the neighbour on that side, if it changed.
    fn pass(&mut self, to: &mut Self, k: usize, side: usize) {
        let (slice, count) = (&mut self.slices[k], to.slices.len());
        let Some(rim) = &mut slice.rims[side] else { return };
        let reached = std::mem::take(&mut rim.reached);
        if reached == 0 {
            return;
        }
        let row = self.layout.span(if side == ABOVE { slice.rows.len() - 1 } else { 0 });
        if let Some(rim) = &mut to.slices[k].rims[1 - side] {
            rim.distance.copy_from_slice(&slice.distance[row.clone()]);
            if !slice.label.is_empty() {
                rim.label.copy_from_slice(&slice.label[row]);
            }
        }
        for n in k.saturating_sub(1)..(k + 2).min(count) {
            let slice = &mut to.slices[n];
            let edge = if side == ABOVE { 0 } else { slice.rows.len() - 1 };
            let (row, open) = (&mut slice.rows[edge], &mut slice.open[edge / GROUP]);
            if n < k {
                row.from_after |= reached;
                open.from_after = true;
            } else if n > k {
                row.from_before |= reached;
                open.from_before = true;
            } else {
                *(if side == ABOVE { &mut row.from_below } else { &mut row.from_above }) |= reached;
                open.within = true;
            }
        }
    }

    /// Visits some rows of slice `n`, if they have anything to take in this direction.
    #[inline(always)]
    fn visit<S: Simd, const L: bool>(
        &mut self,
        simd: S,
        costs: &Costs,
        ahead: bool,
        (n, rows): (usize, Range<usize>),
        scratch: &mut Scratch,
    ) {
        let (before, rest) = self.slices.split_at_mut(n);
        let Some((here, after)) = rest.split_first_mut() else { return };
        let (mut take, mut within) = (false, false);
        for open in &mut here.open[rows.start / GROUP..rows.end.div_ceil(GROUP)] {
            take |= std::mem::take(if ahead { &mut open.from_before } else { &mut open.from_after });
            within |= open.within;
        }
        if take || within {
            let other = if ahead { before.last() } else { after.first() }.filter(|_| take);
            here.work::<S, L>(simd, other, (rows.clone(), ahead), (costs, self.layout), scratch);
            self.tell(n, rows);
        }
    }

    /// Tells the slices beside slice `n` and the rims what a visit of its rows reached.
    fn tell(&mut self, n: usize, rows: Range<usize>) {
        let (before, rest) = self.slices.split_at_mut(n);
        let Some((here, after)) = rest.split_first_mut() else { return };
        let (mut before, mut after) = (before.last_mut(), after.first_mut());
        let height = here.rows.len();
        // Rows beside the ones visited may have been marked.
        for j in rows.start.saturating_sub(1)..(rows.end + 1).min(height) {
            if j % GROUP == 0 && rows.contains(&j) {
                here.open[j / GROUP].within = false;
            }
            here.open[j / GROUP].within |= here.rows[j].within_slice();
            let reached = std::mem::take(&mut here.rows[j].reached);
            if reached == 0 {
                continue;
            }
            for near in j.saturating_sub(1)..(j + 2).min(height) {
                if let Some(slice) = before.as_deref_mut() {
                    slice.rows[near].from_after |= reached;
                    slice.open[near / GROUP].from_after = true;
                }
                if let Some(slice) = after.as_deref_mut() {
                    slice.rows[near].from_before |= reached;
                    slice.open[near / GROUP].from_before = true;
                }
            }
            for (rim, there) in here.rims.iter_mut().zip([j == 0, j + 1 == height]) {
                rim.iter_mut().filter(|_| there).for_each(|rim| rim.reached |= reached);
            }
        }
    }
}

/// [`Pillar::sweep`] as pulp wants it, to be compiled for each instruction set (a closure is not inlined there).
struct Sweep<'a, 'b, const C: usize, const L: bool> {
    pillar: &'a mut Pillar<'b, C>,
    costs: &'a Costs,
    ahead: bool,
}

impl<const C: usize, const L: bool> WithSimd for Sweep<'_, '_, C, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pillar, costs, ahead } = self;
        let mut scratch = Scratch::new();
        let count = pillar.slices.len();
        let height = pillar.slices.first().map_or(0, |s| s.rows.len());
        let (slabs, strips) = (windows(count, SLAB, ahead), windows(height, GROUP, ahead));
        for slices in slabs {
            for rows in strips.clone() {
                for turn in 0..TURNS {
                    let ahead = ahead ^ (turn % 2 == 1);
                    for n in slices.clone() {
                        let n = if ahead { n } else { slices.start + slices.end - 1 - n };
                        pillar.visit::<S, L>(simd, costs, ahead, (n, rows.clone()), &mut scratch);
                    }
                }
            }
        }
    }
}

/// Slices that a tile goes on by, and how often it is swept, ahead and back, before the next one. A tile
/// of twice as many slices and twice [`GROUP`] rows stays in the processor's own cache, and what winds
/// to and fro in it is settled before it is passed on.
const SLAB: usize = 4;
const TURNS: usize = 3;

/// Windows of twice a step, each half over the one before.
fn windows(count: usize, step: usize, ahead: bool) -> Vec<Range<usize>> {
    let starts = (0..count.saturating_sub(step).max(1)).step_by(step);
    let mut windows: Vec<_> = starts.map(|start| start..(start + 2 * step).min(count)).collect();
    if !ahead {
        windows.reverse();
    }
    windows
}
