//! Voxels as nodes of a flow network.
#![allow(clippy::indexing_slicing)] // Nodes are padded on every side, so that every neighbour exists.

use super::links::directions;

/// A flow network over a grid of voxels, with one node more on every side, so that every node has all `N` neighbours.
///
/// Any flow may have been pushed through it already: what a cut costs does not depend on that but for a constant.
pub(super) struct Network<const N: usize> {
    /// Voxels along `[k, j, i]`.
    pub shape: [usize; 3],
    /// Nodes to the next slice and row.
    strides: [usize; 2],
    /// Capacity left to each neighbour; direction `d ^ 1` leads back.
    pub residual: Vec<[i32; N]>,
    /// Capacity left from the source (above 0) or to the sink (below 0).
    pub excess: Vec<i32>,
}

impl<const N: usize> Network<N> {
    /// A network without capacities.
    pub fn new(shape: [usize; 3]) -> Self {
        let [nk, nj, ni] = shape;
        // One node of padding serves the end of a row and the beginning of the next.
        let mut network =
            Self { shape, strides: [(nj + 1) * (ni + 1), ni + 1], residual: Vec::new(), excess: Vec::new() };
        let nodes = network.node([nk, nj, ni]) + 1;
        network.residual = vec![[0; N]; nodes];
        network.excess = vec![0; nodes];
        network
    }

    /// The node of a voxel `[k, j, i]`.
    #[inline(always)]
    pub fn node(&self, [k, j, i]: [usize; 3]) -> usize {
        let [slice, row] = self.strides;
        (k + 1) * slice + (j + 1) * row + i + 1
    }

    /// Nodes of a slice with its padding; the first slice of voxels begins after as many.
    pub fn slice(&self) -> usize {
        self.strides[0]
    }

    /// From a node to its neighbours (wrapping).
    pub fn offsets(&self) -> [usize; N] {
        let [slice, row] = self.strides.map(|n| n as isize);
        directions::<N>().map(|[k, j, i]| (k * slice + j * row + i) as usize)
    }

    /// The neighbour of a voxel `[k, j, i]` in a direction, if there is one.
    #[inline(always)]
    pub fn beside(&self, at: [usize; 3], direction: [isize; 3]) -> Option<[usize; 3]> {
        let mut to = at;
        for axis in 0..3 {
            to[axis] = at[axis].wrapping_add_signed(direction[axis]);
            if to[axis] >= self.shape[axis] {
                return None;
            }
        }
        Some(to)
    }

    /// True if a voxel `[k, j, i]` lacks a neighbour.
    #[inline(always)]
    pub fn at_border(&self, at: [usize; 3]) -> bool {
        (0..3).any(|axis| at[axis] == 0 || at[axis] + 1 == self.shape[axis])
    }

    /// The smallest source side of all minimum cuts, once the flow is the maximum: what the source still reaches.
    pub fn source_side(&self) -> Vec<bool> {
        let offsets = self.offsets();
        let mut reached: Vec<bool> = self.excess.iter().map(|&e| e > 0).collect();
        let mut stack: Vec<u32> = (0..).zip(&reached).filter(|(_, r)| **r).map(|(v, _)| v).collect();
        while let Some(v) = stack.pop() {
            for (residual, offset) in self.residual[v as usize].iter().zip(offsets) {
                let w = (v as usize).wrapping_add(offset);
                if *residual > 0 && !reached[w] {
                    reached[w] = true;
                    stack.push(w as u32);
                }
            }
        }
        reached
    }
}
