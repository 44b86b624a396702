//! The two inner loops of the sweeps: take from a neighbouring row, and settle a row in itself.
//!
//! Everything is `#[inline(always)]`, so that the loops are compiled once for each instruction set
//! that [`super::sweep`] dispatches to. Plain `f32` operations in one order: the same bits on all.
#![allow(clippy::indexing_slicing)] // Slices are cut to one length first; the loops carry no checks.

use pulp::Simd;

/// Longest block of a row that is worked on at a time, in voxels.
pub(crate) const MAX_BLOCK: usize = 512;

/// One row (or its part inside the region): distance, label of the nearest point, image channels.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, const C: usize> {
    pub distance: &'a [f32],
    pub label: &'a [u32],
    pub image: [&'a [f32]; C],
}

/// A row that is being changed.
pub(crate) struct RowMut<'a, const C: usize> {
    pub distance: &'a mut [f32],
    pub label: &'a mut [u32],
    pub image: [&'a [f32]; C],
}

/// The same part of every channel.
#[inline(always)]
pub(crate) fn part<const C: usize>(image: [&[f32]; C], span: std::ops::Range<usize>) -> [&[f32]; C] {
    // A loop, as `map` may become a call here.
    let mut image = image;
    for channel in &mut image {
        *channel = &channel[span.clone()];
    }
    image
}

/// What a step costs: `(1−λ)·‖offset‖` straight and diagonal in `i`, and λ.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub straight: f32,
    pub diagonal: f32,
    pub lambda: f32,
}

/// Blocks of a row whose neighbours may change after a change at the voxels `a` to `b`.
///
/// `first` and `last` tell whether the end voxels changed, which reaches into the next block.
#[inline(always)]
fn spread(block: usize, first: bool, last: bool) -> u64 {
    let here = 1u64 << block;
    here | if first { here >> 1 } else { 0 } | if last { here << 1 } else { 0 }
}

/// Lowers `row` by steps from `N` other rows (3 neighbours a voxel each) in the blocks of `mask`;
/// returns the blocks that a change may reach.
#[inline(always)]
pub(crate) fn pull<S: Simd, const C: usize, const L: bool, const N: usize>(
    simd: S,
    row: &mut RowMut<'_, C>,
    from: &[(Row<'_, C>, Cost); N],
    (mask, block): (u64, usize),
) -> u64 {
    let width = row.distance.len();
    let lambda = simd.splat_f32s(from[0].1.lambda);
    let mut lengths = [[lambda; 2]; N];
    for (lengths, (_, cost)) in lengths.iter_mut().zip(from) {
        *lengths = [simd.splat_f32s(cost.straight), simd.splat_f32s(cost.diagonal)];
    }
    let mut reached = 0;
    let mut rest = mask;
    while rest != 0 {
        let n = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        let (a, b) = (n * block, ((n + 1) * block).min(width));
        if a >= b {
            break;
        }
        let (old_first, old_last) = (row.distance[a], row.distance[b - 1]);
        let mut changed = false;
        // The ends of the region have one neighbour less; everything between has three.
        for (from, cost) in from {
            let mut one = |length, to, at| changed |= pull_one::<C, L>(row, from, length, cost.lambda, to, at);
            if a == 0 {
                one(cost.straight, 0, 0);
                if width > 1 {
                    one(cost.diagonal, 0, 1);
                }
            }
            if b == width && width > 1 {
                one(cost.diagonal, width - 1, width - 2);
                one(cost.straight, width - 1, width - 1);
            }
        }
        let (a3, b3) = (a.max(1), b.min(width - 1));
        if a3 < b3 {
            changed |= pull_three::<S, C, L, N>(simd, row, from, (&lengths, lambda), (a3, b3));
        }
        if changed {
            reached |= spread(n, row.distance[a] < old_first, row.distance[b - 1] < old_last);
        }
    }
    reached
}

#[inline(always)]
fn pull_one<const C: usize, const L: bool>(
    row: &mut RowMut<'_, C>,
    from: &Row<'_, C>,
    length: f32,
    lambda: f32,
    to: usize,
    at: usize,
) -> bool {
    let mut difference = 0.0;
    for c in 0..C {
        difference += (row.image[c][to] - from.image[c][at]).abs();
    }
    let through = from.distance[at] + (length + lambda * difference);
    let lower = through < row.distance[to];
    if lower {
        row.distance[to] = through;
        if L {
            row.label[to] = from.label[at];
        }
    }
    lower
}

/// The lanes that start at `at`.
#[inline(always)]
fn load<S: Simd>(slice: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&slice[at..at + S::F32_LANES]).0[0]
}

#[inline(always)]
fn load_label<S: Simd>(slice: &[u32], at: usize) -> S::u32s {
    S::as_simd_u32s(&slice[at..at + S::U32_LANES]).0[0]
}

#[inline(always)]
fn store<S: Simd>(slice: &mut [f32], at: usize, value: S::f32s) {
    S::as_mut_simd_f32s(&mut slice[at..at + S::F32_LANES]).0[0] = value;
}

#[inline(always)]
fn store_label<S: Simd>(slice: &mut [u32], at: usize, value: S::u32s) {
    S::as_mut_simd_u32s(&mut slice[at..at + S::U32_LANES]).0[0] = value;
}

/// The cheaper of two ways, and its label.
#[inline(always)]
fn lower<S: Simd, const L: bool>(
    simd: S,
    through: S::f32s,
    label: S::u32s,
    best: S::f32s,
    owner: S::u32s,
) -> (S::f32s, S::u32s) {
    if L {
        let less = simd.less_than_f32s(through, best);
        (simd.select_f32s(less, through, best), simd.select_u32s(less, label, owner))
    } else {
        (simd.min_f32s(through, best), owner)
    }
}

/// Lowers the voxels `a..b` from their three neighbours in each other row; none lies at a row's end.
#[inline(always)]
fn pull_three<S: Simd, const C: usize, const L: bool, const N: usize>(
    simd: S,
    row: &mut RowMut<'_, C>,
    from: &[(Row<'_, C>, Cost); N],
    (lengths, lambda): (&[[S::f32s; 2]; N], S::f32s),
    (a, b): (usize, usize),
) -> bool {
    if b - a < S::F32_LANES {
        let mut changed = false;
        for (from, cost) in from {
            for x in a..b {
                changed |= pull_one::<C, L>(row, from, cost.diagonal, cost.lambda, x, x - 1);
                changed |= pull_one::<C, L>(row, from, cost.straight, cost.lambda, x, x);
                changed |= pull_one::<C, L>(row, from, cost.diagonal, cost.lambda, x, x + 1);
            }
        }
        return changed;
    }
    let none = simd.splat_u32s(0);
    let mut changed = simd.less_than_f32s(lambda, lambda);
    let mut x = a;
    loop {
        // The last lanes overlap those before: taking a minimum twice changes nothing.
        x = x.min(b - S::F32_LANES);
        let mut here = [lambda; C];
        for (here, image) in here.iter_mut().zip(row.image) {
            *here = load::<S>(image, x);
        }
        let distance = &mut S::as_mut_simd_f32s(&mut row.distance[x..x + S::F32_LANES]).0[0];
        let old = *distance;
        let mut best = old;
        let mut owner = if L { load_label::<S>(row.label, x) } else { none };
        for n in 0..N {
            // One check of bounds for the three neighbours.
            let span = x - 1..x + 1 + S::F32_LANES;
            let source = &from[n].0;
            let (near, image) = (&source.distance[span.clone()], part(source.image, span.clone()));
            let owners = if L { &source.label[span] } else { &[][..] };
            for side in 0..3 {
                let mut difference = simd.abs_f32s(simd.sub_f32s(here[0], load::<S>(image[0], side)));
                #[allow(clippy::needless_range_loop, reason = "two arrays are read at c")]
                for c in 1..C {
                    let more = simd.abs_f32s(simd.sub_f32s(here[c], load::<S>(image[c], side)));
                    difference = simd.add_f32s(difference, more);
                }
                let step = simd.add_f32s(lengths[n][(side + 1) % 2], simd.mul_f32s(lambda, difference));
                let through = simd.add_f32s(load::<S>(near, side), step);
                let label = if L { load_label::<S>(owners, side) } else { none };
                (best, owner) = lower::<S, L>(simd, through, label, best, owner);
            }
        }
        changed = simd.or_m32s(changed, simd.less_than_f32s(best, old));
        *distance = best;
        if L {
            store_label::<S>(row.label, x, owner);
        }
        x += S::F32_LANES;
        if x >= b {
            return simd.first_true_m32s(changed) < S::F32_LANES;
        }
    }
}

/// A block, a voxel on each side, and room to the next multiple of the lanes.
const ROOM: usize = MAX_BLOCK + 2 + 16;

/// Room for one block; what lies beyond the block is never lower than it.
pub(crate) struct Scratch {
    weight: [f32; ROOM],
    distance: [[f32; ROOM]; 2],
    label: [[u32; ROOM]; 2],
}

impl Scratch {
    pub fn new() -> Self {
        Self { weight: [f32::INFINITY; ROOM], distance: [[f32::INFINITY; ROOM]; 2], label: [[0; ROOM]; 2] }
    }
}

/// Rounds of neighbour exchange before a block is settled by two scans instead.
const ROUNDS: usize = 10;

/// Lowers a row by steps within itself until nothing changes, starting from the blocks of `mask`;
/// returns the blocks that a change may reach.
#[inline(always)]
pub(crate) fn settle<S: Simd, const C: usize, const L: bool>(
    simd: S,
    row: &mut RowMut<'_, C>,
    (length, lambda): (f32, f32),
    (mask, block): (u64, usize),
    scratch: &mut Scratch,
) -> u64 {
    let width = row.distance.len();
    let blocks = width.div_ceil(block);
    let inside = if blocks >= 64 { u64::MAX } else { (1 << blocks) - 1 };
    let mut reached = 0;
    let mut rest = mask & inside;
    while rest != 0 {
        let n = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        let (a, b) = (n * block, ((n + 1) * block).min(width));
        let (first, last, changed) = settle_block::<S, C, L>(simd, row, (length, lambda), (a, b), scratch);
        if changed {
            reached |= spread(n, first, last);
            rest |= spread(n, first, last) & !(1 << n) & inside;
        }
    }
    reached
}

#[inline(always)]
fn settle_block<S: Simd, const C: usize, const L: bool>(
    simd: S,
    row: &mut RowMut<'_, C>,
    (length, lambda): (f32, f32),
    (a, b): (usize, usize),
    scratch: &mut Scratch,
) -> (bool, bool, bool) {
    let (n, width) = (b - a, row.distance.len());
    let rounded = n.next_multiple_of(S::F32_LANES);
    let Scratch { weight, distance: [now, next], label: [label_now, label_next] } = scratch;
    // Swapped as references: the arrays themselves stay where they are.
    let (mut now, mut next, mut label_now, mut label_next) = (now, next, label_now, label_next);
    // The block and a voxel on each side, as far as the row has them; voxel `a` is at 1.
    let (from, to) = (a.saturating_sub(1), (b + 1).min(width));
    let first = from + 1 - a;
    (now[0], now[n + 1]) = (f32::INFINITY, f32::INFINITY);
    now[first..first + to - from].copy_from_slice(&row.distance[from..to]);
    (next[0], next[n + 1]) = (now[0], now[n + 1]);
    if L {
        label_now[first..first + to - from].copy_from_slice(&row.label[from..to]);
        (label_next[0], label_next[n + 1]) = (label_now[0], label_now[n + 1]);
    }
    // weight[x] is the step between now[x] and now[x + 1]; nothing leads past the ends.
    weight[0] = f32::INFINITY;
    weight[n..=rounded].fill(f32::INFINITY);
    weigh::<S, C>(simd, row, (length, lambda), (from, to), &mut weight[first..]);

    let mut changed = false;
    for round in 1..=ROUNDS {
        if !exchange::<S, L>(simd, weight, now, next, (label_now, label_next), rounded) {
            break;
        }
        changed = true;
        std::mem::swap(&mut now, &mut next);
        std::mem::swap(&mut label_now, &mut label_next);
        if round == ROUNDS {
            scan::<L>(&weight[..=n], now, label_now);
        }
    }
    // Lanes past the block may have counted as a change.
    if !changed || (rounded > n && now[1..=n] == row.distance[a..b]) {
        return (false, false, false);
    }
    let ends = (now[1] < row.distance[a], now[n] < row.distance[b - 1]);
    row.distance[a..b].copy_from_slice(&now[1..=n]);
    if L {
        row.label[a..b].copy_from_slice(&label_now[1..=n]);
    }
    (ends.0, ends.1, true)
}

/// The cost of the steps from each voxel of `from..to` to the next.
#[inline(always)]
fn weigh<S: Simd, const C: usize>(
    simd: S,
    row: &RowMut<'_, C>,
    (length, lambda): (f32, f32),
    (from, to): (usize, usize),
    weight: &mut [f32],
) {
    let steps = to - from - 1;
    if steps < S::F32_LANES {
        for (x, weight) in weight.iter_mut().enumerate().take(steps) {
            let mut difference = 0.0;
            for c in 0..C {
                difference += (row.image[c][from + x] - row.image[c][from + x + 1]).abs();
            }
            *weight = length + lambda * difference;
        }
        return;
    }
    let (length, lambda) = (simd.splat_f32s(length), simd.splat_f32s(lambda));
    let mut x = 0;
    while x < steps {
        x = x.min(steps - S::F32_LANES);
        let at = from + x;
        let mut difference = simd.abs_f32s(simd.sub_f32s(load::<S>(row.image[0], at), load::<S>(row.image[0], at + 1)));
        for c in 1..C {
            let more = simd.abs_f32s(simd.sub_f32s(load::<S>(row.image[c], at), load::<S>(row.image[c], at + 1)));
            difference = simd.add_f32s(difference, more);
        }
        store::<S>(weight, x, simd.add_f32s(length, simd.mul_f32s(lambda, difference)));
        x += S::F32_LANES;
    }
}

/// Every voxel of a block takes from both sides at once; returns whether any was lowered.
#[inline(always)]
fn exchange<S: Simd, const L: bool>(
    simd: S,
    weight: &[f32; ROOM],
    now: &[f32; ROOM],
    next: &mut [f32; ROOM],
    (label_now, label_next): (&[u32; ROOM], &mut [u32; ROOM]),
    rounded: usize,
) -> bool {
    let none = simd.splat_u32s(0);
    let zero = simd.splat_f32s(0.0);
    let mut changed = simd.less_than_f32s(zero, zero);
    let mut x = 0;
    while x < rounded {
        let old = load::<S>(now, x + 1);
        let owner = if L { load_label::<S>(label_now, x + 1) } else { none };
        let left = simd.add_f32s(load::<S>(now, x), load::<S>(weight, x));
        let label = if L { load_label::<S>(label_now, x) } else { none };
        let (best, owner) = lower::<S, L>(simd, left, label, old, owner);
        let right = simd.add_f32s(load::<S>(now, x + 2), load::<S>(weight, x + 1));
        let label = if L { load_label::<S>(label_now, x + 2) } else { none };
        let (best, owner) = lower::<S, L>(simd, right, label, best, owner);
        changed = simd.or_m32s(changed, simd.less_than_f32s(best, old));
        store::<S>(next, x + 1, best);
        if L {
            store_label::<S>(label_next, x + 1, owner);
        }
        x += S::F32_LANES;
    }
    simd.first_true_m32s(changed) < S::F32_LANES
}

/// One scan ahead and one back: settles a block however far a change runs.
#[inline(always)]
fn scan<const L: bool>(weight: &[f32], now: &mut [f32], label: &mut [u32]) {
    let n = weight.len();
    for x in 1..n {
        let through = now[x - 1] + weight[x - 1];
        if through < now[x] {
            now[x] = through;
            if L {
                label[x] = label[x - 1];
            }
        }
    }
    for x in (1..n).rev() {
        let through = now[x + 1] + weight[x];
        if through < now[x] {
            now[x] = through;
            if L {
                label[x] = label[x + 1];
            }
        }
    }
}
