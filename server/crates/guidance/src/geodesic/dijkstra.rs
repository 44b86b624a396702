//! Dijkstra's algorithm with a heap: simple, exact, for small arrays and as the reference.
#![allow(clippy::indexing_slicing)] // Neighbours are checked against the shape before they are used.

use super::{Geodesic, Steps};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Fills `map` (all +∞ on entry) with the distance to `points`; everything was checked before.
pub(crate) fn run(map: &mut [f32], image: &[&[f32]], shape: [usize; 3], points: &[[usize; 3]], metric: &Geodesic) {
    let steps = Steps::new(shape, metric);
    let cutoff = metric.cutoff.unwrap_or(f32::INFINITY);
    let [nk, nj, ni] = shape;
    let mut heap = BinaryHeap::new();
    for &[k, j, i] in points {
        let at = (k * nj + j) * ni + i;
        map[at] = 0.0;
        heap.push(Reverse(key(0.0, at)));
    }
    while let Some(Reverse(top)) = heap.pop() {
        let (d, at) = unkey(top);
        if d > map[at] {
            continue;
        }
        let (k, j, i) = (at / (nj * ni), at / ni % nj, at % ni);
        for step in &steps.all {
            let [dk, dj, di] = step.offset;
            if outside(k, dk, nk) || outside(j, dj, nj) || outside(i, di, ni) {
                continue;
            }
            let to = at.wrapping_add_signed(step.flat);
            let through = d + cost(step.length, steps.lambda, image, at, to);
            if through < map[to] && through <= cutoff {
                map[to] = through;
                heap.push(Reverse(key(through, to)));
            }
        }
    }
}

/// Cost of a step of `length` (see [`super::step::length`]) between two voxels.
#[inline]
fn cost(length: f32, lambda: f32, image: &[&[f32]], from: usize, to: usize) -> f32 {
    let difference: f32 = image.iter().map(|c| (c[from] - c[to]).abs()).sum();
    length + lambda * difference
}

#[inline]
fn outside(x: usize, offset: i32, n: usize) -> bool {
    x.checked_add_signed(offset as isize).is_none_or(|x| x >= n)
}

/// Distances are never negative, so their bits sort as they do.
#[inline]
fn key(distance: f32, at: usize) -> u64 {
    u64::from(distance.to_bits()) << 32 | at as u64
}

#[inline]
fn unkey(key: u64) -> (f32, usize) {
    (f32::from_bits((key >> 32) as u32), (key & 0xFFFF_FFFF) as usize)
}
