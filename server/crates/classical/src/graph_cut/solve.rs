//! Maximum flow from coarse to fine, and from small blocks to the whole.
//!
//! Whatever flow fits into a network is a good start. Most of it is found where that is cheap: first between groups
//! of 2 × 2 × 2 voxels (a network of an eighth of the size, solved the same way), then in blocks that are cut off from
//! each other, on all threads (Liu, Sun: Parallel graph-cuts by adaptive bottom-up merging, CVPR 2010). What is
//! left crosses blocks.
#![allow(clippy::indexing_slicing)] // Nodes are padded on every side, so that every neighbour exists.

use super::links::directions;
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
        let directions = directions::<N>();
        let (slice, [_, nj, ni]) = (coarse.slice(), coarse.shape);
        let first = coarse.node([0, 0, 0]) - slice;
        let row = ni + 1;
        let slices = coarse.residual.par_chunks_mut(slice).zip(coarse.excess.par_chunks_mut(slice)).enumerate();
        slices.skip(1).take(self.shape[0].div_ceil(2)).for_each(|(chunk, (residual, excess))| {
            for (j, i) in (0..nj).flat_map(|j| (0..ni).map(move |i| (j, i))) {
                let (mut links, mut terminal) = ([0i64; N], 0i64);
                for at in group([chunk - 1, j, i], self.shape) {
                    let v = self.node(at);
                    terminal += i64::from(self.excess[v]);
                    for (d, direction) in directions.into_iter().enumerate() {
                        if let Some(to) = leaving(at, direction) {
                            links[to] += i64::from(self.residual[v][d]);
                        }
                    }
                }
                let u = first + j * row + i;
                residual[u] = links.map(|sum| (sum / UNIT) as i32);
                excess[u] = (terminal / UNIT) as i32;
            }
        });
        coarse
    }

    /// Takes over the flow between groups, each link its share. `before` are their capacities without it.
    fn take_over(&mut self, coarse: &Self, before: &[[i32; N]]) {
        let (directions, offsets, coarse_offsets) = (directions::<N>(), self.offsets(), coarse.offsets());
        let [_, nj, ni] = self.shape;
        let slice = self.slice();
        let (old, mut new) = (&self.residual, self.residual.clone());
        let share = |u: usize, d: usize| {
            let flow = before[u][d] - coarse.residual[u][d];
            if flow > 0 { f64::from(flow) / f64::from(before[u][d]) } else { 0.0 }
        };
        let slices = new.par_chunks_mut(slice).zip(self.excess.par_chunks_mut(slice)).enumerate();
        slices.skip(1).take(self.shape[0]).for_each(|(chunk, (residual, excess))| {
            for (j, i) in (0..nj).flat_map(|j| (0..ni).map(move |i| (j, i))) {
                let at = [chunk - 1, j, i];
                let (u, v) = (coarse.node(at.map(|n| n / 2)), (chunk * slice) + (j + 1) * (ni + 1) + i + 1);
                let own = v - chunk * slice;
                for (d, direction) in directions.into_iter().enumerate() {
                    let Some(to) = leaving(at, direction) else { continue };
                    let (w, t) = (v.wrapping_add(offsets[d]), u.wrapping_add(coarse_offsets[to]));
                    let away = (f64::from(old[v][d]) * share(u, to)) as i32;
                    let back = (f64::from(old[w][d ^ 1]) * share(t, to ^ 1)) as i32;
                    residual[own][d] += back - away;
                    excess[own] += back - away;
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
        let solve = |corner: [usize; 3]| {
            let mut block = whole.block(corner, side);
            Trees::new(&mut block).run(stop).then_some((corner, block))
        };
        let solved: Option<Vec<_>> = corners.into_par_iter().with_max_len(1).map(solve).collect();
        let Some(solved) = solved else { return false };
        let directions = directions::<N>();
        for (corner, block) in solved {
            block.each(|at, u| {
                let v = self.node([0, 1, 2].map(|a| corner[a] + at[a]));
                self.excess[v] = block.excess[u];
                for (d, direction) in directions.into_iter().enumerate() {
                    if block.beside(at, direction).is_some() {
                        self.residual[v][d] = block.residual[u][d];
                    }
                }
            });
        }
        true
    }

    /// A block without the links that lead out of it.
    fn block(&self, corner: [usize; 3], side: usize) -> Self {
        let mut block = Self::new([0, 1, 2].map(|a| side.min(self.shape[a] - corner[a])));
        let directions = directions::<N>();
        let (mut residual, mut excess) = (std::mem::take(&mut block.residual), std::mem::take(&mut block.excess));
        block.each(|at, u| {
            let v = self.node([0, 1, 2].map(|a| corner[a] + at[a]));
            excess[u] = self.excess[v];
            residual[u] = self.residual[v];
            for (d, direction) in directions.into_iter().enumerate() {
                if block.beside(at, direction).is_none() {
                    residual[u][d] = 0;
                }
            }
        });
        (block.residual, block.excess) = (residual, excess);
        block
    }

    /// Calls `f` with every voxel `[k, j, i]` and its node.
    fn each(&self, mut f: impl FnMut([usize; 3], usize)) {
        let [nk, nj, ni] = self.shape;
        for k in 0..nk {
            for j in 0..nj {
                let first = self.node([k, j, 0]);
                (0..ni).for_each(|i| f([k, j, i], first + i));
            }
        }
    }
}

/// Voxels of a group that the grid has.
fn group(at: [usize; 3], shape: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let corners = (0..8).map(move |n: usize| [2 * at[0] + n / 4, 2 * at[1] + n / 2 % 2, 2 * at[2] + n % 2]);
    corners.filter(move |v| v.iter().zip(shape).all(|(x, n)| *x < n))
}

/// The direction between groups of a link between voxels; `None` inside of a group.
#[inline(always)]
fn leaving(at: [usize; 3], direction: [isize; 3]) -> Option<usize> {
    let step = |axis: usize| (at[axis] as isize + direction[axis]).div_euclid(2) - (at[axis] / 2) as isize;
    super::links::number([step(0), step(1), step(2)])
}
