//! Dilation, erosion, and the curvature operators of Márquez-Neila et al., section 4.
#![allow(clippy::indexing_slicing)] // Fixed arrays.

use super::bits::{Around, Bits};

/// The nine planes through a voxel and eight or more of its neighbours: planes with two equal axes.
const PLANES: [[usize; 9]; 9] = planes();

const fn planes() -> [[usize; 9]; 9] {
    // A plane holds the offsets (k, j, i) that are orthogonal to its normal.
    let normals: [[i32; 3]; 9] =
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [0, 1, -1], [1, 0, 1], [1, 0, -1], [1, 1, 0], [1, -1, 0]];
    let mut planes = [[0; 9]; 9];
    let mut p = 0;
    while p < 9 {
        let (mut n, mut filled) = (0, 0);
        while n < 27 {
            let offset = [n / 9 - 1, n / 3 % 3 - 1, n % 3 - 1];
            if normals[p][0] * offset[0] + normals[p][1] * offset[1] + normals[p][2] * offset[2] == 0 {
                planes[p][filled] = n as usize;
                filled += 1;
            }
            n += 1;
        }
        p += 1;
    }
    planes
}

/// Set where a neighbour is.
pub(super) fn dilate(around: &Around) -> u64 {
    around.iter().fold(0, |a, b| a | b)
}

/// Set where all neighbours are.
pub(super) fn erode(around: &Around) -> u64 {
    around.iter().fold(u64::MAX, |a, b| a & b)
}

/// Set where some plane is set throughout (SI).
fn sup_inf(around: &Around) -> u64 {
    PLANES.iter().fold(0, |any, plane| any | plane.iter().fold(u64::MAX, |all, &n| all & around[n]))
}

/// Set where every plane is set somewhere (IS).
fn inf_sup(around: &Around) -> u64 {
    PLANES.iter().fold(u64::MAX, |all, plane| all & plane.iter().fold(0, |any, &n| any | around[n]))
}

/// One smoothing step: SI∘IS and IS∘SI by turns, so that neither growing nor shrinking wins.
pub(super) fn smooth(bits: &mut Bits, scratch: &mut Bits, turn: usize) {
    if turn.is_multiple_of(2) {
        bits.map(scratch, inf_sup);
        scratch.map(bits, sup_inf);
    } else {
        bits.map(scratch, sup_inf);
        scratch.map(bits, inf_sup);
    }
}
