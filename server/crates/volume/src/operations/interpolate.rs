//! Slices between edited ones.

use super::{Edited, NOTHING, distance};
use crate::{Axis, Mask, VolumeError, VoxelBox};
use ndarray::{ArrayView2, Zip, s};

/// The mask with the slices between edited ones interpolated by shape: the signed distances to the outlines
/// of the two edited slices, mixed by nearness, are above or at zero (Raya and Udupa, "Shape-based
/// interpolation of multidimensional objects", IEEE Transactions on Medical Imaging 9, 1990).
///
/// `edited` holds the edited slices across `axis`, in any order; these stay as they are. Only voxels of
/// `within` are looked at and changed, so that a lesion elsewhere on the slices is left alone; between two
/// edited slices inside of it, those voxels of the smallest box round both outlines are replaced. Next to an edited slice
/// without a voxel nothing is changed. Where two outlines do not overlap, the slices midway may be empty.
///
/// # Errors
/// Fewer than two different slices, or one outside of the grid; a box that leaves the grid.
pub fn interpolate_slices(mask: &Mask, axis: Axis, edited: &[usize], within: &VoxelBox) -> Result<Edited, VolumeError> {
    let size = mask.grid().size();
    let slices = axis.of(size);
    let mut keys = edited.to_vec();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() < 2 || keys.last().is_some_and(|&n| n >= slices) {
        return Err(VolumeError::Slices { given: edited.iter().copied().take(8).collect(), slices });
    }
    if within.is_empty() || within.intersection(&VoxelBox::whole(size)) != *within {
        return Err(VolumeError::Box(within.to_string()));
    }
    // Nothing changes before the first edited slice or after the last one.
    let mut within = *within;
    let bounds = keys.first().zip(keys.last()).map(|(a, b)| (*a, *b + 1));
    let ends = within.min.get_mut(axis.index()).zip(within.max.get_mut(axis.index()));
    if let (Some((first, end)), Some((min, max))) = (bounds, ends) {
        (*min, *max) = ((*min).max(first), (*max).min(end));
    }
    let mut new = mask.voxels().slice(within.slice()).to_owned();
    let offset = axis.of(within.min);
    let across = axis.of_array();
    let spacing = in_plane(axis, mask.grid().spacing_mm());
    for (&a, &b) in keys.iter().zip(keys.iter().skip(1)) {
        let (Some(first), Some(last)) = (a.checked_sub(offset), b.checked_sub(offset)) else { continue };
        if last - first < 2 || last >= new.len_of(across) {
            continue;
        }
        let outlines = [first, last].map(|n| new.index_axis(across, n));
        let [Some(one), Some(other)] = outlines.map(content) else { continue };
        let VoxelBox { min: [x0, y0, _], max: [x1, y1, _] } = one.union(&other);
        let round = s![y0..y1, x0..x1];
        let [near, far] = outlines.map(|view| distance::signed(view.slice(round), spacing));
        for n in first + 1..last {
            let share = (n - first) as f64 / (last - first) as f64;
            let mut slice = new.index_axis_mut(across, n);
            Zip::from(slice.slice_mut(round)).and(&near).and(&far).for_each(|set, &near, &far| {
                *set = (1.0 - share) * near + share * far >= 0.0;
            });
        }
    }
    Ok(Edited::rewrite(mask, &within, new.view()))
}

/// The other two of three, in the order of a slice's array: slow, fast.
fn in_plane(axis: Axis, [i, j, k]: [f64; 3]) -> [f64; 2] {
    match axis {
        Axis::I => [k, j],
        Axis::J => [k, i],
        Axis::K => [j, i],
    }
}

/// The smallest box round what is set in a slice `[slow, fast]`, as a box of depth one; `None` if nothing is.
fn content(slice: ArrayView2<'_, bool>) -> Option<VoxelBox> {
    let set = slice.indexed_iter().filter(|(_, set)| **set);
    let found = set.fold(NOTHING, |all, ((slow, fast), _)| {
        all.union(&VoxelBox { min: [fast, slow, 0], max: [fast + 1, slow + 1, 1] })
    });
    (!found.is_empty()).then_some(found)
}
