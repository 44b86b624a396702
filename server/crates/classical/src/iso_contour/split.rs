#![allow(clippy::indexing_slicing)] // Indices come from the array's own shape.

use ndarray::{Array3, ArrayView3};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The part of `mask` that belongs to `keep` rather than to `remove`, all `[k, j, i]`.
///
/// Marker-based watershed by flooding (Meyer, Beucher 1990) from the summits down: every voxel
/// goes to the marker from which a path leads to it over the highest ground, so two hot spots part
/// along the valley between them. Of equal paths, the shorter wins. Parts without a marker stay.
#[must_use]
pub fn split(
    image: ArrayView3<'_, f32>,
    mask: ArrayView3<'_, bool>,
    keep: &[[usize; 3]],
    remove: &[[usize; 3]],
) -> Array3<bool> {
    let (nk, nj, ni) = mask.dim();
    let mut out = mask.to_owned();
    if image.dim() != mask.dim() || remove.is_empty() {
        return out;
    }
    // Popped from the highest level down, so that the first to reach a voxel has the best path to it.
    let mut reached = Array3::from_elem(mask.dim(), false);
    let mut queue = BinaryHeap::new();
    let mut order = 0u32;
    let mut push = |queue: &mut BinaryHeap<_>, level: u32, at: [usize; 3], kept: bool| {
        queue.push((level, Reverse(order), at, kept));
        order = order.saturating_add(1);
    };
    for (kept, markers) in [(true, keep), (false, remove)] {
        for &at in markers.iter().filter(|at| mask.get(**at).copied().unwrap_or(false)) {
            reached[at] = true;
            push(&mut queue, u32::MAX, at, kept);
        }
    }
    while let Some((level, _, [k, j, i], kept)) = queue.pop() {
        out[[k, j, i]] = kept;
        for k in k.saturating_sub(1)..(k + 2).min(nk) {
            for j in j.saturating_sub(1)..(j + 2).min(nj) {
                for i in i.saturating_sub(1)..(i + 2).min(ni) {
                    if mask[[k, j, i]] && !std::mem::replace(&mut reached[[k, j, i]], true) {
                        push(&mut queue, rank(image[[k, j, i]]).min(level), [k, j, i], kept);
                    }
                }
            }
        }
    }
    out
}

/// Integers in the order of the values; NaN lowest.
fn rank(value: f32) -> u32 {
    let bits = value.to_bits();
    match value {
        v if v.is_nan() => 0,
        v if v.is_sign_negative() => !bits,
        _ => bits | 1 << 31,
    }
}
