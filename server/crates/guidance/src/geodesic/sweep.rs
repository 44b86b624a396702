//! Exact geodesic distance by sweeps that visit only rows with something new beside them.
//!
//! A sweep runs through the slices ahead, the next one back. A slice first takes from its
//! predecessor (9 neighbours a voxel), then from row to row ahead and back (3), and within each
//! row. Every lowered row marks its neighbours; the search ends when no mark is left, so that the
//! result is the fixed point itself, not an approximation after so many passes. Slices are cut in
//! bands of rows for threads; the fixed point does not depend on the order.
#![allow(clippy::indexing_slicing)] // Rows and slices are cut from shapes that were checked at the entrance.

use super::kernel::{Cost, Row, RowMut, Scratch, pull, settle};
use super::pending::{Pending, Region, RowPending};
use super::{Geodesic, step};
use pulp::{Simd, WithSimd};

/// Distance, labels (empty if not kept) and image of a whole array, flat `[k, j, i]`.
pub(crate) struct Field<'a, const C: usize> {
    pub distance: &'a mut [f32],
    pub label: &'a mut [u32],
    pub image: [&'a [f32]; C],
    pub shape: [usize; 3],
}

/// Costs by offset, each with the straight and the diagonal step in `i`.
#[derive(Clone, Copy)]
struct Costs {
    within_row: f32,
    lambda: f32,
    next_row: Cost,
    next_slice: Cost,
    next_slice_and_row: Cost,
}

impl Costs {
    fn new(metric: &Geodesic) -> Self {
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
struct Layout {
    /// Length of a whole row.
    ni: usize,
    /// First voxel of the region in each row, and their number.
    i: usize,
    width: usize,
    block: usize,
}

/// Sweeps until nothing is pending. `L`: keep the label of the nearest point.
pub(crate) fn run<const C: usize, const L: bool>(field: &mut Field<'_, C>, pending: &mut Pending, metric: &Geodesic) {
    let costs = Costs::new(metric);
    let count = pending.slices.len();
    let mut ahead = true;
    while pending.slices.iter().any(super::pending::SlicePending::any) {
        for n in 0..count {
            let n = if ahead { n } else { count - 1 - n };
            let slice = &mut pending.slices[n];
            let take = std::mem::take(if ahead { &mut slice.from_before } else { &mut slice.from_after });
            if take || slice.within {
                let from = take.then_some(if ahead { Side::Before } else { Side::After });
                visit::<C, L>(field, pending, &costs, n, from);
                pending.tell_neighbours(n);
            }
        }
        ahead = !ahead;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

/// Rows of one slice that are changed together.
struct Band<'a, const C: usize> {
    distance: &'a mut [f32],
    label: &'a mut [u32],
    image: [&'a [f32]; C],
    rows: &'a mut [RowPending],
    /// Rows of the slice that lie before this band, in the region.
    offset: usize,
}

/// The neighbouring slice that is read: the region's rows, and which side it lies on.
#[derive(Clone, Copy)]
struct Other<'a, const C: usize> {
    side: Side,
    distance: &'a [f32],
    label: &'a [u32],
    image: [&'a [f32]; C],
}

/// Rows that make a band worth a thread.
const MIN_BAND: usize = 24;

fn visit<const C: usize, const L: bool>(
    field: &mut Field<'_, C>,
    pending: &mut Pending,
    costs: &Costs,
    n: usize,
    from: Option<Side>,
) {
    let [_, nj, ni] = field.shape;
    let Region { k, j, i } = pending.region.clone();
    let (plane, height) = (nj * ni, j.len());
    let layout = Layout { ni, i: i.start, width: i.len(), block: pending.block };
    let rows_of = |k: usize| k * plane + j.start * ni..k * plane + j.end * ni;
    let at = k.start + n;

    let (distance_before, rest) = field.distance.split_at_mut(at * plane);
    let (distance, distance_after) = rest.split_at_mut(plane);
    let (mut label_before, mut label, mut label_after): (&[u32], &mut [u32], &[u32]) = (&[], &mut [], &[]);
    if L {
        let (before, rest) = field.label.split_at_mut(at * plane);
        let (here, after) = rest.split_at_mut(plane);
        (label_before, label, label_after) = (before, &mut here[rows_of(0)], after);
    }
    let other = from.map(|side| match side {
        Side::Before => Other {
            side,
            distance: &distance_before[rows_of(at - 1)],
            label: if L { &label_before[rows_of(at - 1)] } else { &[] },
            image: field.image.map(|c| &c[rows_of(at - 1)]),
        },
        Side::After => Other {
            side,
            distance: &distance_after[rows_of(0)],
            label: if L { &label_after[rows_of(0)] } else { &[] },
            image: field.image.map(|c| &c[rows_of(at + 1)]),
        },
    });
    let rows = &mut pending.rows[n * height..(n + 1) * height];
    let open = rows.iter().filter(|r| r.within_slice() || (r.from_before | r.from_after) != 0).count();
    let threads = rayon::current_num_threads();
    let bands = if threads > 1 && open >= 2 * MIN_BAND { threads.min(height / MIN_BAND) } else { 1 };
    let mut band = Band {
        distance: &mut distance[rows_of(0)],
        label,
        image: field.image.map(|c| &c[rows_of(at)]),
        rows,
        offset: 0,
    };
    split::<C, L>(&mut band, other, costs, layout, bands);
    if bands > 1 && band.rows.iter().any(RowPending::within_slice) {
        work_dispatched::<C, L>(&mut band, None, costs, layout);
    }
}

/// Works on a band with so many threads.
fn split<const C: usize, const L: bool>(
    band: &mut Band<'_, C>,
    other: Option<Other<'_, C>>,
    costs: &Costs,
    layout: Layout,
    bands: usize,
) {
    if bands <= 1 {
        work_dispatched::<C, L>(band, other, costs, layout);
        return;
    }
    let middle = band.rows.len() * (bands / 2) / bands;
    let (d1, d2) = band.distance.split_at_mut(middle * layout.ni);
    let (l1, l2) = band.label.split_at_mut(if L { middle * layout.ni } else { 0 });
    let (r1, r2) = band.rows.split_at_mut(middle);
    let image = band.image.map(|c| c.split_at(middle * layout.ni));
    let mut one = Band { distance: d1, label: l1, image: image.map(|c| c.0), rows: r1, offset: band.offset };
    let mut two = Band { distance: d2, label: l2, image: image.map(|c| c.1), rows: r2, offset: band.offset + middle };
    rayon::join(
        || split::<C, L>(&mut one, other, costs, layout, bands / 2),
        || split::<C, L>(&mut two, other, costs, layout, bands - bands / 2),
    );
    // What crosses the seam is left to the round that follows.
    if let (Some(last), Some(first)) = (one.rows.last_mut(), two.rows.first_mut()) {
        first.from_below |= last.reached;
        last.from_above |= first.reached;
    }
}

fn work_dispatched<const C: usize, const L: bool>(
    band: &mut Band<'_, C>,
    other: Option<Other<'_, C>>,
    costs: &Costs,
    layout: Layout,
) {
    crate::simd::arch().dispatch(Work::<'_, '_, C, L> { band, other, costs, layout });
}

/// [`work`] as pulp wants it, to be compiled for each instruction set (a closure is not inlined there).
struct Work<'a, 'b, const C: usize, const L: bool> {
    band: &'a mut Band<'b, C>,
    other: Option<Other<'a, C>>,
    costs: &'a Costs,
    layout: Layout,
}

impl<const C: usize, const L: bool> WithSimd for Work<'_, '_, C, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        work::<S, C, L>(simd, self.band, self.other, self.costs, self.layout);
    }
}

/// Rounds ahead and back in one slice before the next slice is visited.
const ROUNDS: usize = 4;

#[inline(always)]
fn work<S: Simd, const C: usize, const L: bool>(
    simd: S,
    band: &mut Band<'_, C>,
    other: Option<Other<'_, C>>,
    costs: &Costs,
    layout: Layout,
) {
    let mut scratch = Scratch::new();
    let count = band.rows.len();
    for round in 0..ROUNDS {
        let mut open = false;
        for j in 0..count {
            let mut reached = 0;
            if round == 0
                && let Some(other) = &other
            {
                reached |= take_slice::<S, C, L>(simd, band, other, costs, layout, j);
            }
            let mask = if j > 0 { std::mem::take(&mut band.rows[j].from_below) } else { 0 };
            open |= finish_row::<S, C, L>(simd, band, costs, layout, &mut scratch, (j, mask, -1, reached));
        }
        for j in (0..count).rev() {
            let mask = if j + 1 < count { std::mem::take(&mut band.rows[j].from_above) } else { 0 };
            open |= finish_row::<S, C, L>(simd, band, costs, layout, &mut scratch, (j, mask, 1, 0));
        }
        if !open {
            break;
        }
    }
}

/// Takes from the three rows of the neighbouring slice.
#[inline(always)]
fn take_slice<S: Simd, const C: usize, const L: bool>(
    simd: S,
    band: &mut Band<'_, C>,
    other: &Other<'_, C>,
    costs: &Costs,
    layout: Layout,
    j: usize,
) -> u64 {
    let pending = &mut band.rows[j];
    let mask =
        std::mem::take(if other.side == Side::Before { &mut pending.from_before } else { &mut pending.from_after });
    if mask == 0 {
        return 0;
    }
    let height = other.distance.len() / layout.ni;
    let middle = band.offset + j;
    let mut row = row_mut::<C, L>(band.distance, band.label, &band.image, layout, j);
    let near = |near: usize| {
        let cost = if near == middle { costs.next_slice } else { costs.next_slice_and_row };
        (row_of::<C, L>(other.distance, other.label, &other.image, layout, near), cost)
    };
    let blocks = (mask, layout.block);
    if middle > 0 && middle + 1 < height {
        let from = [near(middle - 1), near(middle), near(middle + 1)];
        return pull::<S, C, L, 3>(simd, &mut row, &from, blocks);
    }
    let mut reached = 0;
    for n in middle.saturating_sub(1)..(middle + 2).min(height) {
        reached |= pull::<S, C, L, 1>(simd, &mut row, &[near(n)], blocks);
    }
    reached
}

/// Takes from row `j + side`, settles the row and tells its neighbours; returns whether it changed.
#[inline(always)]
fn finish_row<S: Simd, const C: usize, const L: bool>(
    simd: S,
    band: &mut Band<'_, C>,
    costs: &Costs,
    layout: Layout,
    scratch: &mut Scratch,
    (j, mask, side, reached): (usize, u64, isize, u64),
) -> bool {
    let mut reached = reached;
    let inside = std::mem::take(&mut band.rows[j].inside);
    if mask | reached | inside == 0 {
        return false;
    }
    if mask != 0 {
        // Both rows of one array: cut between them.
        let near = j.wrapping_add_signed(side);
        let cut = j.max(near);
        let (d1, d2) = band.distance.split_at_mut(cut * layout.ni);
        let (l1, l2) = band.label.split_at_mut(if L { cut * layout.ni } else { 0 });
        let image = band.image.map(|c| c.split_at(cut * layout.ni));
        let (i1, i2) = (image.map(|c| c.0), image.map(|c| c.1));
        reached |= if side < 0 {
            let from = row_of::<C, L>(d1, l1, &i1, layout, near);
            pull::<S, C, L, 1>(
                simd,
                &mut row_mut::<C, L>(d2, l2, &i2, layout, 0),
                &[(from, costs.next_row)],
                (mask, layout.block),
            )
        } else {
            let from = row_of::<C, L>(d2, l2, &i2, layout, 0);
            pull::<S, C, L, 1>(
                simd,
                &mut row_mut::<C, L>(d1, l1, &i1, layout, j),
                &[(from, costs.next_row)],
                (mask, layout.block),
            )
        };
    }
    let mut row = row_mut::<C, L>(band.distance, band.label, &band.image, layout, j);
    reached |=
        settle::<S, C, L>(simd, &mut row, (costs.within_row, costs.lambda), (reached | inside, layout.block), scratch);
    if reached == 0 {
        return false;
    }
    band.rows[j].reached |= reached;
    if j > 0 {
        band.rows[j - 1].from_above |= reached;
    }
    if let Some(above) = band.rows.get_mut(j + 1) {
        above.from_below |= reached;
    }
    true
}

#[inline(always)]
fn row_mut<'a, const C: usize, const L: bool>(
    distance: &'a mut [f32],
    label: &'a mut [u32],
    image: &[&'a [f32]; C],
    layout: Layout,
    j: usize,
) -> RowMut<'a, C> {
    let span = j * layout.ni + layout.i..j * layout.ni + layout.i + layout.width;
    RowMut {
        distance: &mut distance[span.clone()],
        label: if L { &mut label[span.clone()] } else { &mut [] },
        image: image.map(|c| &c[span.clone()]),
    }
}

#[inline(always)]
fn row_of<'a, const C: usize, const L: bool>(
    distance: &'a [f32],
    label: &'a [u32],
    image: &[&'a [f32]; C],
    layout: Layout,
    j: usize,
) -> Row<'a, C> {
    let span = j * layout.ni + layout.i..j * layout.ni + layout.i + layout.width;
    Row {
        distance: &distance[span.clone()],
        label: if L { &label[span.clone()] } else { &[] },
        image: image.map(|c| &c[span.clone()]),
    }
}
