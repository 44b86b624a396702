//! Maximum flow from coarse to fine, and from small blocks to the whole.
//!
//! Whatever flow fits into a network is a good start. Most of it is found where that is cheap: first between groups
//! of 2 × 2 × 2 voxels (a network of an eighth of the size, solved the same way), then in blocks that are cut off from
//! each other, on all threads (Liu, Sun: Parallel graph-cuts by adaptive bottom-up merging, CVPR 2010). What is
//! left crosses blocks.
#![allow(clippy::indexing_slicing)] // Nodes are padded on every side, so that every neighbour exists.

use super::links::{directions, number};
use super::network::Network;
use super::trees::Trees;
use rayon::prelude::*;

/// Sides of the blocks in voxels, one after the other.
const BLOCKS: [usize; 2] = [16, 64];
/// A group's links are added up, at most 16 of 2²⁵ or 4 of 2²⁷, and so are 8 voxels: in these units they fit again.
const UNIT: i64 = 8;

impl<const N: usize> Network<N> {
    /// Pushes the maximum flow. False if `stop` said so before the end.
    pub fn solve(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> bool {
        let [small, _] = BLOCKS;
        if self.shape.iter().all(|&n| n > small) {
            let mut coarse = self.halved();
            let before = coarse.residual.clone();
            if !coarse.solve(stop) {
                return false;
            }
            self.take_over(&coarse, &before);
        }
        for side in BLOCKS {
            if self.shape.iter().any(|&n| n > side) && !self.solve_blocks(side, stop) {
                return false;
            }
        }
        Trees::new(self).run(stop)
    }

    /// Groups of 2 × 2 × 2 voxels as nodes.
    fn halved(&self) -> Self {
        let mut coarse = Self::new(self.shape.map(|n| n.div_ceil(2)));
        let (slice, [nk, nj, ni]) = (coarse.slice(), coarse.shape);
        let (leaving, first) = (leaving::<N>(), coarse.node([0; 3]) - slice);
        let slices = coarse.residual.par_chunks_mut(slice).zip(coarse.excess.par_chunks_mut(slice)).enumerate();
        slices.skip(1).take(nk).for_each(|(chunk, (residual, excess))| {
            for (j, i) in (0..nj).flat_map(|j| (0..ni).map(move |i| (j, i))) {
                let (mut links, mut terminal) = ([0i64; N], 0i64);
                for (corner, leaving) in leaving.iter().enumerate() {
                    let at = [2 * (chunk - 1) + corner / 4, 2 * j + corner / 2 % 2, 2 * i + corner % 2];
                    if at[0] >= self.shape[0] || at[1] >= self.shape[1] || at[2] >= self.shape[2] {
                        continue;
                    }
                    let v = self.node(at);
                    terminal += i64::from(self.excess[v]);
                    for &(d, to) in leaving {
                        links[to] += i64::from(self.residual[v][d]);
                    }
                }
                let u = first + j * (ni + 1) + i;
                residual[u] = links.map(|sum| (sum / UNIT) as i32);
                excess[u] = (terminal / UNIT) as i32;
            }
        });
        coarse
    }

    /// Takes over the flow between groups, each link its share. `before` are their capacities without it.
    fn take_over(&mut self, coarse: &Self, before: &[[i32; N]]) {
        // The share of every capacity that is used, 0 to 1.
        let share: Vec<[f32; N]> = (coarse.residual.par_iter().zip(before))
            .map(|(after, before)| {
                std::array::from_fn(|d| {
                    let flow = before[d] - after[d];
                    if flow > 0 { flow as f32 / before[d] as f32 } else { 0.0 }
                })
            })
            .collect();
        let (leaving, offsets, steps) = (leaving::<N>(), self.offsets(), coarse.offsets());
        let [nk, nj, ni] = self.shape;
        let (slice, first) = (self.slice(), self.node([0; 3]));
        let (old, mut new) = (&self.residual, self.residual.clone());
        let part = |capacity: i32, share: f32| (f64::from(capacity) * f64::from(share)) as i32;
        let slices = new.par_chunks_mut(slice).zip(self.excess.par_chunks_mut(slice)).enumerate();
        slices.skip(1).take(nk).for_each(|(chunk, (residual, excess))| {
            for (j, i) in (0..nj).flat_map(|j| (0..ni).map(move |i| (j, i))) {
                let k = chunk - 1;
                let (u, own) = (coarse.node([k / 2, j / 2, i / 2]), first - slice + j * (ni + 1) + i);
                let v = own + chunk * slice;
                for &(d, to) in &leaving[k % 2 * 4 + j % 2 * 2 + i % 2] {
                    let (w, t) = (v.wrapping_add(offsets[d]), u.wrapping_add(steps[to]));
                    let flow = part(old[v][d], share[u][to]) - part(old[w][d ^ 1], share[t][to ^ 1]);
                    residual[own][d] -= flow;
                    excess[own] -= flow;
                }
            }
        });
        self.residual = new;
    }

    /// Pushes what flows inside of blocks of so many voxels along each side.
    fn solve_blocks(&mut self, side: usize, stop: &(dyn Fn() -> bool + Sync)) -> bool {
        let starts = |n: usize| (0..n).step_by(side);
        let [nk, nj, ni] = self.shape;
        let corners: Vec<[usize; 3]> =
            starts(nk).flat_map(|k| starts(nj).flat_map(move |j| starts(ni).map(move |i| [k, j, i]))).collect();
        let whole = &*self;
        let solve = |&corner: &[usize; 3]| {
            let mut block = whole.block(corner, side);
            Trees::new(&mut block).run(stop).then_some(block)
        };
        let solved: Option<Vec<Self>> = corners.par_iter().with_max_len(1).map(solve).collect();
        let Some(solved) = solved else { return false };
        let (slice, first) = (self.slice(), self.node([0; 3]));
        let [down, across] = [nj.div_ceil(side), ni.div_ceil(side)];
        let directions = directions::<N>();
        let slices = self.residual.par_chunks_mut(slice).zip(self.excess.par_chunks_mut(slice)).enumerate();
        slices.skip(1).take(nk).for_each(|(chunk, (residual, excess))| {
            let k = chunk - 1;
            for (j, n) in (0..nj).flat_map(|j| (0..across).map(move |n| (j, n))) {
                let block = &solved[(k / side * down + j / side) * across + n];
                let (u, v) = (block.node([k % side, j % side, 0]), first - slice + j * (ni + 1) + n * side);
                let count = block.shape[2];
                excess[v..v + count].copy_from_slice(&block.excess[u..u + count]);
                for i in 0..count {
                    let old = residual[v + i];
                    residual[v + i] = block.residual[u + i];
                    if block.at_border([k % side, j % side, i]) {
                        for (d, direction) in directions.into_iter().enumerate() {
                            if block.beside([k % side, j % side, i], direction).is_none() {
                                residual[v + i][d] = old[d];
                            }
                        }
                    }
                }
            }
        });
        true
    }

    /// A block without the links that lead out of it.
    fn block(&self, corner: [usize; 3], side: usize) -> Self {
        let mut block = Self::new([0, 1, 2].map(|a| side.min(self.shape[a] - corner[a])));
        let directions = directions::<N>();
        let [nk, nj, ni] = block.shape;
        for (k, j) in (0..nk).flat_map(|k| (0..nj).map(move |j| (k, j))) {
            let (u, v) = (block.node([k, j, 0]), self.node([corner[0] + k, corner[1] + j, corner[2]]));
            block.excess[u..u + ni].copy_from_slice(&self.excess[v..v + ni]);
            block.residual[u..u + ni].copy_from_slice(&self.residual[v..v + ni]);
            for i in 0..ni {
                if block.at_border([k, j, i]) {
                    for (d, direction) in directions.into_iter().enumerate() {
                        if block.beside([k, j, i], direction).is_none() {
                            block.residual[u + i][d] = 0;
                        }
                    }
                }
            }
        }
        block
    }
}

/// Of each of a group's eight voxels: directions that lead out of the group, and the direction between groups.
fn leaving<const N: usize>() -> [Vec<(usize, usize)>; 8] {
    let out = |corner: usize, direction: [isize; 3]| {
        let at = [corner / 4, corner / 2 % 2, corner % 2];
        number([0, 1, 2].map(|a| (at[a] as isize + direction[a]).div_euclid(2)))
    };
    let directions = directions::<N>();
    std::array::from_fn(|n| (0..N).filter_map(|d| Some((d, out(n, directions[d])?))).collect())
}
