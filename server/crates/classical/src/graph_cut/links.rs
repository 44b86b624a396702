//! Capacities of the grid.
#![allow(clippy::indexing_slicing)] // Nodes come from `Padded`, voxels from the array's own shape.

use super::network::Network;
use crate::ClassicalError;
use crate::error::{not_negative, positive};
use ndarray::ArrayView3;
use rayon::prelude::*;

/// Which voxels are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    /// Those that share a face.
    Six,
    /// Those that share a face, an edge or a corner.
    TwentySix,
}

/// How dear it is to cut between two voxels: `scale · exp(−(Ip − Iq)² / (2σ²)) / distance in mm`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Links {
    /// Which voxels are joined.
    pub neighbours: Neighbours,
    /// Capacity between two equal voxels 1 mm apart.
    pub scale: f32,
    /// σ: difference in the image's own unit that makes an edge.
    pub sigma: f32,
    /// Spacing in mm, `[k, j, i]`.
    pub spacing_mm: [f32; 3],
}

/// The 13 directions in which the array goes on; the first three are the faces.
const FORWARD: [[isize; 3]; 13] = [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, -1],
    [0, 1, 1],
    [1, -1, -1],
    [1, -1, 0],
    [1, -1, 1],
    [1, 0, -1],
    [1, 0, 1],
    [1, 1, -1],
    [1, 1, 0],
    [1, 1, 1],
];

/// Directions `[k, j, i]` in pairs: forward, and back.
pub(super) fn directions<const N: usize>() -> [[isize; 3]; N] {
    std::array::from_fn(|d| if d % 2 == 0 { FORWARD[d / 2] } else { FORWARD[d / 2].map(|x| -x) })
}

/// Which of the directions this is, its place in [`directions`]; `None` of no step.
#[inline(always)]
pub(super) fn number([k, j, i]: [isize; 3]) -> Option<usize> {
    NUMBERS[(9 * (k + 1) + 3 * (j + 1) + i + 1) as usize]
}

const NUMBERS: [Option<usize>; 27] = {
    let (mut numbers, mut n) = ([None; 27], 0);
    while n < 13 {
        let [k, j, i] = FORWARD[n];
        let step = 9 * k + 3 * j + i;
        numbers[(13 + step) as usize] = Some(2 * n);
        numbers[(13 - step) as usize] = Some(2 * n + 1);
        n += 1;
    }
    numbers
};

/// The largest n-link's capacity in integers, at most: four times that of all links of a node has to fit, since flow
/// may fill an arc that was empty, and add as much to a terminal.
fn most<const N: usize>() -> f32 {
    if N == 6 { (1 << 27) as f32 } else { (1 << 25) as f32 }
}

impl Links {
    pub(super) fn check(&self) -> Result<(), ClassicalError> {
        not_negative("scale", self.scale)?;
        positive("sigma", self.sigma)?;
        self.spacing_mm.iter().try_for_each(|&s| positive("spacing", s).map(|_| ()))
    }

    /// Capacity between voxels that differ by `difference`, `distance_mm` apart.
    #[inline(always)]
    pub(super) fn weight(&self, difference: f32, distance_mm: f32) -> f32 {
        self.scale * (-difference * difference / (2.0 * self.sigma * self.sigma)).exp() / distance_mm
    }

    pub(super) fn distance_mm(&self, offset: [isize; 3]) -> f32 {
        offset.iter().zip(self.spacing_mm).map(|(&o, s)| (o as f32 * s).powi(2)).sum::<f32>().sqrt()
    }

    fn largest(&self) -> f32 {
        let nearest = self.spacing_mm.into_iter().fold(f32::INFINITY, f32::min);
        self.scale / nearest
    }
}

/// Calls `f` with the capacity from each voxel of slice `k` to its neighbour at `offset`: `(j, i, weight)`.
pub(super) fn slice_weights(
    image: ArrayView3<'_, f32>,
    links: &Links,
    k: usize,
    offset: [isize; 3],
    mut f: impl FnMut(usize, usize, f32),
) {
    let (nk, nj, ni) = image.dim();
    let [dk, dj, di] = offset;
    let distance = links.distance_mm(offset);
    let Some(there) = k.checked_add_signed(dk).filter(|&k| k < nk) else { return };
    let (here, there) = (image.index_axis(ndarray::Axis(0), k), image.index_axis(ndarray::Axis(0), there));
    for j in 0..nj {
        let Some(other) = j.checked_add_signed(dj).filter(|&j| j < nj) else { continue };
        let first = usize::from(di < 0);
        for i in first..ni - usize::from(di > 0) {
            let w = links.weight(here[[j, i]] - there[[other, i.wrapping_add_signed(di)]], distance);
            f(j, i, if w.is_nan() { 0.0 } else { w });
        }
    }
}

/// The network of an image: n-links and t-links.
pub(super) fn network<const N: usize>(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
) -> Network<N> {
    let (nk, nj, ni) = image.dim();
    let mut network = Network::new([nk, nj, ni]);
    let largest = links.largest();
    // A power of two loses nothing of the larger capacities.
    let unit = if largest > 0.0 { (most::<N>() / largest).log2().floor().exp2() } else { 1.0 };
    let slice = network.slice();
    let own = |j: usize, i: usize| (j + 1) * (ni + 1) + i + 1;
    let slices = network.residual.par_chunks_mut(slice).zip(network.excess.par_chunks_mut(slice)).enumerate();
    slices.skip(1).take(nk).for_each(|(chunk, (residual, excess))| {
        let k = chunk - 1;
        for (d, offset) in directions::<N>().into_iter().enumerate() {
            slice_weights(image, links, k, offset, |j, i, w| residual[own(j, i)][d] = (w * unit).round() as i32);
        }
        for ((j, i), &gain) in unary.index_axis(ndarray::Axis(0), k).indexed_iter() {
            // More than all its links together can never be used.
            let most = residual[own(j, i)].iter().sum::<i32>() + 1;
            let gain = if gain.is_nan() { 0.0 } else { gain * unit };
            excess[own(j, i)] = (gain.round() as i32).clamp(-most, most);
        }
    });
    network
}
