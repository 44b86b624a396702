//! Which rows still have something to take from a neighbour.
#![allow(clippy::indexing_slicing)] // Rows are counted from the region's own shape.

use super::kernel::MAX_BLOCK;
use std::ops::Range;

/// A box of voxels `[k, j, i]` that a search may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    pub k: Range<usize>,
    pub j: Range<usize>,
    pub i: Range<usize>,
}

impl Region {
    pub fn whole([nk, nj, ni]: [usize; 3]) -> Self {
        Self { k: 0..nk, j: 0..nj, i: 0..ni }
    }

    /// The box round both.
    pub fn union(&self, other: &Self) -> Self {
        let both = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Self { k: both(&self.k, &other.k), j: both(&self.j, &other.j), i: both(&self.i, &other.i) }
    }
}

/// What one row has to look at again: one bit a block of voxels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowPending {
    /// From the three rows of slice `k − 1`.
    pub from_before: u64,
    /// From the three rows of slice `k + 1`.
    pub from_after: u64,
    /// From row `j − 1`.
    pub from_below: u64,
    /// From row `j + 1`.
    pub from_above: u64,
    /// From the row itself.
    pub inside: u64,
    /// Blocks that this visit of the slice reached; emptied when neighbours are told.
    pub reached: u64,
}

impl RowPending {
    pub fn within_slice(&self) -> bool {
        self.from_below | self.from_above | self.inside != 0
    }
}

/// Open work of a whole region.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub region: Region,
    /// Voxels of a row that share one bit.
    pub block: usize,
    pub rows: Vec<RowPending>,
}

impl Pending {
    /// Nothing pending; `None` if a row is too long for 64 blocks.
    pub fn new(region: Region) -> Option<Self> {
        let block = region.i.len().div_ceil(64).next_multiple_of(16).max(64);
        (block <= MAX_BLOCK).then(|| {
            let rows = vec![RowPending::default(); region.k.len() * region.j.len()];
            Self { region, block, rows }
        })
    }

    fn row(&mut self, k: usize, j: usize) -> &mut RowPending {
        &mut self.rows[(k - self.region.k.start) * self.region.j.len() + (j - self.region.j.start)]
    }

    /// The bits of the blocks that hold the voxels `i` (absolute).
    pub fn bits(&self, i: Range<usize>) -> u64 {
        let start = self.region.i.start;
        let (first, last) = (i.start.saturating_sub(start) / self.block, (i.end - 1 - start) / self.block);
        (u64::MAX >> (63 - last)) & (u64::MAX << first)
    }

    /// Voxel `[k, j, i]` was lowered from outside: its neighbours must look at it.
    pub fn announce(&mut self, [k, j, i]: [usize; 3]) {
        let Region { k: rk, j: rj, i: ri } = self.region.clone();
        let bits = self.bits(i.saturating_sub(1).max(ri.start)..(i + 2).min(ri.end));
        for kk in k.saturating_sub(1).max(rk.start)..(k + 2).min(rk.end) {
            for jj in j.saturating_sub(1).max(rj.start)..(j + 2).min(rj.end) {
                let row = self.row(kk, jj);
                match (kk.cmp(&k), jj.cmp(&j)) {
                    (std::cmp::Ordering::Less, _) => row.from_after |= bits,
                    (std::cmp::Ordering::Greater, _) => row.from_before |= bits,
                    (_, std::cmp::Ordering::Less) => row.from_above |= bits,
                    (_, std::cmp::Ordering::Greater) => row.from_below |= bits,
                    _ => row.inside |= bits,
                }
            }
        }
    }

    /// The voxels `i` of a row were raised: they must look at all their neighbours.
    pub fn ask(&mut self, k: usize, j: usize, i: Range<usize>) {
        let bits = self.bits(i);
        let Region { k: rk, j: rj, .. } = self.region.clone();
        // A mark towards a neighbour that the region does not have would never be cleared.
        let (before, after) = (k > rk.start, k + 1 < rk.end);
        let (below, above) = (j > rj.start, j + 1 < rj.end);
        let row = self.row(k, j);
        let masks =
            [&mut row.from_before, &mut row.from_after, &mut row.from_below, &mut row.from_above, &mut row.inside];
        for (mask, there) in masks.into_iter().zip([before, after, below, above, true]) {
            *mask |= if there { bits } else { 0 };
        }
    }
}
