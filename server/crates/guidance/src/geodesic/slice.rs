//! The rows of a pillar in one slice, and what a visit does to them.
#![allow(clippy::indexing_slicing)] // Rows are cut from shapes that were checked at the entrance.

use super::kernel::{Cost, Row, RowMut, Scratch, part, pull, settle};
use super::pending::RowPending;
use super::{Geodesic, step};
use pulp::Simd;
use std::ops::Range;

/// Costs by offset, each with the straight and the diagonal step in `i`.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    within_row: f32,
    lambda: f32,
    next_row: Cost,
    next_slice: Cost,
    next_slice_and_row: Cost,
}

impl Costs {
    pub fn new(metric: &Geodesic) -> Self {
        let cost = |dk, dj| Cost {
            straight: step::length(metric, [dk, dj, 0]),
            diagonal: step::length(metric, [dk, dj, 1]),
            lambda: metric.lambda,
        };
        Self {
            within_row: step::length(metric, [0, 0, 1]),
            lambda: metric.lambda,
            next_row: cost(0, 1),
            next_slice: cost(1, 0),
            next_slice_and_row: cost(1, 1),
        }
    }
}

/// Where the rows of the region lie in a slice.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Length of a whole row.
    pub ni: usize,
    /// First voxel of the region in each row, and their number.
    pub i: usize,
    pub width: usize,
    pub block: usize,
}

impl Layout {
    /// The region's part of row `j`.
    pub fn span(&self, j: usize) -> Range<usize> {
        j * self.ni + self.i..j * self.ni + self.i + self.width
    }
}

/// The rows of a pillar in one slice.
pub(super) struct Slice<'a, const C: usize> {
    pub distance: &'a mut [f32],
    pub label: &'a mut [u32],
    pub image: [&'a [f32]; C],
    pub rows: &'a mut [RowPending],
    /// The rows outside at [`BELOW`] and [`ABOVE`], where the region has them.
    pub rims: [Option<Rim<'a, C>>; 2],
    /// Which groups of [`GROUP`] rows have anything pending.
    pub open: Vec<Open>,
}

/// Whether any row of a group has something to take from the slice before, after, or from this one.
#[derive(Clone, Copy, Default)]
pub(super) struct Open {
    pub from_before: bool,
    pub from_after: bool,
    pub within: bool,
}

impl Open {
    pub fn of(rows: &[RowPending]) -> Self {
        Self {
            from_before: rows.iter().any(|r| r.from_before != 0),
            from_after: rows.iter().any(|r| r.from_after != 0),
            within: rows.iter().any(RowPending::within_slice),
        }
    }

    pub fn any(&self) -> bool {
        self.from_before | self.from_after | self.within
    }
}

/// Rows that are looked at together.
pub(super) const GROUP: usize = 16;

pub(super) const BELOW: usize = 0;
pub(super) const ABOVE: usize = 1;

/// A copy of a neighbour's row.
pub(super) struct Rim<'a, const C: usize> {
    pub distance: Vec<f32>,
    pub label: Vec<u32>,
    pub image: [&'a [f32]; C],
    /// Blocks of that row which a change in this pillar may reach, since pillars last met.
    pub reached: u64,
}

impl<'a, const C: usize> Slice<'a, C> {
    /// Visits some of the rows: takes from the slice `other`, then from row to row ahead and back.
    #[inline(always)]
    pub fn work<S: Simd, const L: bool>(
        &mut self,
        simd: S,
        other: Option<&Self>,
        (rows, ahead): (Range<usize>, bool),
        (costs, layout): (&Costs, Layout),
        scratch: &mut Scratch,
    ) {
        for j in rows.clone() {
            let mut reached = 0;
            if let Some(other) = other {
                let row = &mut self.rows[j];
                let mask = std::mem::take(if ahead { &mut row.from_before } else { &mut row.from_after });
                reached = self.take_slice::<S, L>(simd, other, costs, layout, (j, mask));
            }
            let mask = std::mem::take(&mut self.rows[j].from_below);
            self.finish_row::<S, L>(simd, costs, layout, scratch, (j, mask, BELOW, reached));
        }
        for j in rows.rev() {
            let mask = std::mem::take(&mut self.rows[j].from_above);
            self.finish_row::<S, L>(simd, costs, layout, scratch, (j, mask, ABOVE, 0));
        }
    }

    /// Takes from the three rows of the neighbouring slice.
    #[inline(always)]
    fn take_slice<S: Simd, const L: bool>(
        &mut self,
        simd: S,
        other: &Self,
        costs: &Costs,
        layout: Layout,
        (j, mask): (usize, u64),
    ) -> u64 {
        if mask == 0 {
            return 0;
        }
        let mut row = self.row_mut::<L>(layout, j);
        let (straight, diagonal, blocks) = (costs.next_slice, costs.next_slice_and_row, (mask, layout.block));
        let below = if j > 0 { Some(other.row::<L>(layout, j - 1)) } else { other.rim::<L>(BELOW) };
        let middle = other.row::<L>(layout, j);
        let above = if j + 1 < other.rows.len() { Some(other.row::<L>(layout, j + 1)) } else { other.rim::<L>(ABOVE) };
        if let (Some(below), Some(above)) = (below, above) {
            let from = [(below, diagonal), (middle, straight), (above, diagonal)];
            return pull::<S, C, L, 3>(simd, &mut row, &from, blocks);
        }
        let mut reached = pull::<S, C, L, 1>(simd, &mut row, &[(middle, straight)], blocks);
        for from in [below, above].into_iter().flatten() {
            reached |= pull::<S, C, L, 1>(simd, &mut row, &[(from, diagonal)], blocks);
        }
        reached
    }

    /// Takes from the row on one side, settles the row and tells its neighbours.
    #[inline(always)]
    fn finish_row<S: Simd, const L: bool>(
        &mut self,
        simd: S,
        costs: &Costs,
        layout: Layout,
        scratch: &mut Scratch,
        (j, mask, side, reached): (usize, u64, usize, u64),
    ) {
        let mut reached = reached;
        let inside = std::mem::take(&mut self.rows[j].inside);
        if mask | reached | inside == 0 {
            return;
        }
        let (mut row, from) = self.row_and_neighbour::<L>(layout, j, side);
        if let Some(from) = from.filter(|_| mask != 0) {
            reached |= pull::<S, C, L, 1>(simd, &mut row, &[(from, costs.next_row)], (mask, layout.block));
        }
        let blocks = (reached | inside, layout.block);
        reached |= settle::<S, C, L>(simd, &mut row, (costs.within_row, costs.lambda), blocks, scratch);
        if reached == 0 {
            return;
        }
        self.rows[j].reached |= reached;
        if j > 0 {
            self.rows[j - 1].from_above |= reached;
        }
        if let Some(above) = self.rows.get_mut(j + 1) {
            above.from_below |= reached;
        }
    }

    #[inline(always)]
    fn row_mut<const L: bool>(&mut self, layout: Layout, j: usize) -> RowMut<'_, C> {
        let span = layout.span(j);
        RowMut {
            distance: &mut self.distance[span.clone()],
            label: if L { &mut self.label[span.clone()] } else { &mut [] },
            image: part(self.image, span),
        }
    }

    #[inline(always)]
    fn row<const L: bool>(&self, layout: Layout, j: usize) -> Row<'_, C> {
        let span = layout.span(j);
        Row {
            distance: &self.distance[span.clone()],
            label: if L { &self.label[span.clone()] } else { &[] },
            image: part(self.image, span),
        }
    }

    #[inline(always)]
    fn rim<const L: bool>(&self, side: usize) -> Option<Row<'_, C>> {
        self.rims[side].as_ref().map(|r| Row { distance: &r.distance, label: &r.label, image: r.image })
    }

    /// Row `j`, and the one beside it if there is one.
    #[inline(always)]
    fn row_and_neighbour<const L: bool>(
        &mut self,
        layout: Layout,
        j: usize,
        side: usize,
    ) -> (RowMut<'_, C>, Option<Row<'_, C>>) {
        let near = if side == BELOW { j.checked_sub(1) } else { (j + 1 < self.rows.len()).then_some(j + 1) };
        let (span, image) = (layout.span(j), self.image);
        let Some(near) = near else {
            let from = self.rims[side].as_ref().map(|r| Row { distance: &r.distance, label: &r.label, image: r.image });
            let row = RowMut {
                distance: &mut self.distance[span.clone()],
                label: if L { &mut self.label[span.clone()] } else { &mut [] },
                image: part(image, span),
            };
            return (row, from);
        };
        let other = layout.span(near);
        let image = (part(image, span.clone()), part(image, other.clone()));
        let (distance, from) = two(self.distance, span.clone(), other.clone());
        let (label, owner) = if L { two(self.label, span, other) } else { (&mut [][..], &[][..]) };
        (RowMut { distance, label, image: image.0 }, Some(Row { distance: from, label: owner, image: image.1 }))
    }
}

/// Two parts of one slice that do not overlap, the first to be written.
#[inline(always)]
fn two<T>(all: &mut [T], write: Range<usize>, read: Range<usize>) -> (&mut [T], &[T]) {
    if write.start < read.start {
        let (low, high) = all.split_at_mut(read.start);
        (&mut low[write], &high[..read.len()])
    } else {
        let (low, high) = all.split_at_mut(write.start);
        (&mut high[..write.len()], &low[read])
    }
}
