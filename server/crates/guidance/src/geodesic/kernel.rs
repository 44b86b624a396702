//! The two inner loops of the sweeps: take from a neighbouring row, and settle a row in itself.
//!
//! Everything is `#[inline(always)]`, so that the loops are compiled once for each instruction set
//! that [`super::sweep`] dispatches to. Plain `f32` operations in one order: the same bits on all.
#![allow(clippy::indexing_slicing)] // Slices are cut to one length first; the loops carry no checks.

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

/// Lowers `row` by steps from `from` (3 neighbours a voxel) in the blocks of `mask`; returns the
/// blocks that a change may reach.
#[inline(always)]
pub(crate) fn pull<const C: usize, const L: bool>(row: &mut RowMut<'_, C>, from: &Row<'_, C>, cost: Cost, mask: u64, block: usize) -> u64 {
    let width = row.distance.len();
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
        if a == 0 {
            changed |= pull_one::<C, L>(row, from, cost.straight, cost.lambda, 0, 0);
            if width > 1 {
                changed |= pull_one::<C, L>(row, from, cost.diagonal, cost.lambda, 0, 1);
            }
        }
        if b == width && width > 1 {
            changed |= pull_one::<C, L>(row, from, cost.diagonal, cost.lambda, width - 1, width - 2);
            changed |= pull_one::<C, L>(row, from, cost.straight, cost.lambda, width - 1, width - 1);
        }
        let (a3, b3) = (a.max(1), b.min(width - 1));
        if a3 < b3 {
            changed |= pull_three::<C, L>(row, from, cost, a3, b3);
        }
        if changed {
            reached |= spread(n, row.distance[a] < old_first, row.distance[b - 1] < old_last);
        }
    }
    reached
}

#[inline(always)]
fn pull_one<const C: usize, const L: bool>(row: &mut RowMut<'_, C>, from: &Row<'_, C>, length: f32, lambda: f32, to: usize, at: usize) -> bool {
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

#[inline(always)]
fn pull_three<const C: usize, const L: bool>(row: &mut RowMut<'_, C>, from: &Row<'_, C>, cost: Cost, a: usize, b: usize) -> bool {
    let n = b - a;
    let to = &mut row.distance[a..b][..n];
    let (left, middle, right) = (&from.distance[a - 1..][..n], &from.distance[a..][..n], &from.distance[a + 1..][..n]);
    let here: [&[f32]; C] = std::array::from_fn(|c| &row.image[c][a..][..n]);
    let image_left: [&[f32]; C] = std::array::from_fn(|c| &from.image[c][a - 1..][..n]);
    let image_middle: [&[f32]; C] = std::array::from_fn(|c| &from.image[c][a..][..n]);
    let image_right: [&[f32]; C] = std::array::from_fn(|c| &from.image[c][a + 1..][..n]);
    let mut changed = 0u32;
    if L {
        let label = &mut row.label[a..b][..n];
        let (l_left, l_middle, l_right) = (&from.label[a - 1..][..n], &from.label[a..][..n], &from.label[a + 1..][..n]);
        for x in 0..n {
            let old = to[x];
            let (mut best, mut owner) = (old, label[x]);
            let through = left[x] + (cost.diagonal + cost.lambda * step(&here, &image_left, x));
            (best, owner) = if through < best { (through, l_left[x]) } else { (best, owner) };
            let through = middle[x] + (cost.straight + cost.lambda * step(&here, &image_middle, x));
            (best, owner) = if through < best { (through, l_middle[x]) } else { (best, owner) };
            let through = right[x] + (cost.diagonal + cost.lambda * step(&here, &image_right, x));
            (best, owner) = if through < best { (through, l_right[x]) } else { (best, owner) };
            changed |= u32::from(best < old);
            to[x] = best;
            label[x] = owner;
        }
    } else {
        for x in 0..n {
            let old = to[x];
            let through = left[x] + (cost.diagonal + cost.lambda * step(&here, &image_left, x));
            let best = if through < old { through } else { old };
            let through = middle[x] + (cost.straight + cost.lambda * step(&here, &image_middle, x));
            let best = if through < best { through } else { best };
            let through = right[x] + (cost.diagonal + cost.lambda * step(&here, &image_right, x));
            let best = if through < best { through } else { best };
            changed |= u32::from(best < old);
            to[x] = best;
        }
    }
    changed != 0
}

#[inline(always)]
fn step<const C: usize>(a: &[&[f32]; C], b: &[&[f32]; C], x: usize) -> f32 {
    let mut difference = 0.0;
    for c in 0..C {
        difference += (a[c][x] - b[c][x]).abs();
    }
    difference
}

/// Room for one block and a voxel on each side.
pub(crate) struct Scratch {
    weight: [f32; MAX_BLOCK + 2],
    now: [f32; MAX_BLOCK + 2],
    next: [f32; MAX_BLOCK + 2],
    label_now: [u32; MAX_BLOCK + 2],
    label_next: [u32; MAX_BLOCK + 2],
}

impl Scratch {
    pub fn new() -> Self {
        let (zeros, none) = ([0.0; MAX_BLOCK + 2], [0; MAX_BLOCK + 2]);
        Self { weight: zeros, now: zeros, next: zeros, label_now: none, label_next: none }
    }
}

/// Rounds of neighbour exchange before a block is settled by two scans instead.
const ROUNDS: usize = 10;

/// Lowers a row by steps within itself until nothing changes, starting from the blocks of `mask`;
/// returns the blocks that a change may reach.
#[inline(always)]
pub(crate) fn settle<const C: usize, const L: bool>(
    row: &mut RowMut<'_, C>,
    length: f32,
    lambda: f32,
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
        let (first, last, changed) = settle_block::<C, L>(row, length, lambda, (a, b), scratch);
        if changed {
            reached |= spread(n, first, last);
            rest |= spread(n, first, last) & !(1 << n) & inside;
        }
    }
    reached
}

#[inline(always)]
fn settle_block<const C: usize, const L: bool>(
    row: &mut RowMut<'_, C>,
    length: f32,
    lambda: f32,
    (a, b): (usize, usize),
    scratch: &mut Scratch,
) -> (bool, bool, bool) {
    let (n, width) = (b - a, row.distance.len());
    let Scratch { weight, now, next, label_now, label_next } = scratch;
    let (weight, now, next) = (&mut weight[..n + 1], &mut now[..n + 2], &mut next[..n + 2]);
    let (label_now, label_next) = (&mut label_now[..n + 2], &mut label_next[..n + 2]);
    now[1..=n].copy_from_slice(&row.distance[a..b]);
    now[0] = if a > 0 { row.distance[a - 1] } else { f32::INFINITY };
    now[n + 1] = if b < width { row.distance[b] } else { f32::INFINITY };
    if L {
        label_now[1..=n].copy_from_slice(&row.label[a..b]);
        label_now[0] = if a > 0 { row.label[a - 1] } else { 0 };
        label_now[n + 1] = if b < width { row.label[b] } else { 0 };
    }
    // weight[x] is the step between now[x] and now[x + 1].
    let inner = n - 1;
    {
        let one: [&[f32]; C] = std::array::from_fn(|c| &row.image[c][a..][..inner]);
        let two: [&[f32]; C] = std::array::from_fn(|c| &row.image[c][a + 1..][..inner]);
        let weight = &mut weight[1..][..inner];
        for x in 0..inner {
            weight[x] = length + lambda * step(&one, &two, x);
        }
    }
    weight[0] = if a > 0 { length + lambda * step(&row.image, &row.image.map(|r| &r[1..]), a - 1) } else { f32::INFINITY };
    weight[n] = if b < width { length + lambda * step(&row.image, &row.image.map(|r| &r[1..]), b - 1) } else { f32::INFINITY };

    let mut changed = false;
    for round in 0..=ROUNDS {
        if round == ROUNDS {
            scan::<L>(weight, now, label_now);
            break;
        }
        next[0] = now[0];
        next[n + 1] = now[n + 1];
        if L {
            label_next[0] = label_now[0];
            label_next[n + 1] = label_now[n + 1];
        }
        if !exchange::<L>(weight, now, next, label_now, label_next) {
            break;
        }
        changed = true;
        now.copy_from_slice(next);
        if L {
            label_now.copy_from_slice(label_next);
        }
    }
    if !changed {
        return (false, false, false);
    }
    let ends = (now[1] < row.distance[a], now[n] < row.distance[b - 1]);
    row.distance[a..b].copy_from_slice(&now[1..=n]);
    if L {
        row.label[a..b].copy_from_slice(&label_now[1..=n]);
    }
    (ends.0, ends.1, true)
}

/// Every voxel of a block takes from both sides at once; returns whether any was lowered.
#[inline(always)]
fn exchange<const L: bool>(weight: &[f32], now: &[f32], next: &mut [f32], label_now: &[u32], label_next: &mut [u32]) -> bool {
    let n = weight.len() - 1;
    let (left, middle, right) = (&now[..n], &now[1..][..n], &now[2..][..n]);
    let (weight_left, weight_right) = (&weight[..n], &weight[1..][..n]);
    let to = &mut next[1..][..n];
    let mut changed = 0u32;
    if L {
        let (l_left, l_middle, l_right) = (&label_now[..n], &label_now[1..][..n], &label_now[2..][..n]);
        let label = &mut label_next[1..][..n];
        for x in 0..n {
            let (old, owner) = (middle[x], l_middle[x]);
            let through = left[x] + weight_left[x];
            let (best, owner) = if through < old { (through, l_left[x]) } else { (old, owner) };
            let through = right[x] + weight_right[x];
            let (best, owner) = if through < best { (through, l_right[x]) } else { (best, owner) };
            changed |= u32::from(best < old);
            to[x] = best;
            label[x] = owner;
        }
    } else {
        for x in 0..n {
            let old = middle[x];
            let through = left[x] + weight_left[x];
            let best = if through < old { through } else { old };
            let through = right[x] + weight_right[x];
            let best = if through < best { through } else { best };
            changed |= u32::from(best < old);
            to[x] = best;
        }
    }
    changed != 0
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
