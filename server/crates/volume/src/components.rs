//! Connected components of binary arrays, 26 neighbours.

use crate::VoxelBox;
use ndarray::{Array3, ArrayView3};

/// One 26-connected component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Label in the array that [`label`] returns; from 1, in scan order of the first voxel (`i` fastest).
    pub label: u32,
    /// Number of voxels.
    pub count: usize,
    /// Smallest box that holds it.
    pub region: VoxelBox,
}

/// Labels the 26-connected components of `mask` `[k, j, i]`; 0 is background.
///
/// Components are numbered from 1 in the order of their first voxel, so ties are broken by the
/// smallest linear index everywhere in the project.
#[must_use]
pub fn label(mask: ArrayView3<'_, bool>) -> (Array3<u32>, Vec<Component>) {
    let mut labels = Array3::<u32>::zeros(mask.raw_dim());
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for (seed, &set) in mask.indexed_iter() {
        if !set || labels.get(seed).copied() != Some(0) {
            continue;
        }
        let label = u32::try_from(found.len() + 1).unwrap_or(u32::MAX);
        found.push(grow(mask, &mut labels, &mut stack, seed, label));
    }
    (labels, found)
}

fn grow(
    mask: ArrayView3<'_, bool>,
    labels: &mut Array3<u32>,
    stack: &mut Vec<(usize, usize, usize)>,
    seed: (usize, usize, usize),
    label: u32,
) -> Component {
    let (nk, nj, ni) = mask.dim();
    let mut component = Component { label, count: 0, region: VoxelBox { min: [usize::MAX; 3], max: [0; 3] } };
    let mut visit = |p: (usize, usize, usize), stack: &mut Vec<_>| {
        if let Some(l) = labels.get_mut(p)
            && *l == 0
        {
            *l = label;
            stack.push(p);
        }
    };
    visit(seed, stack);
    while let Some((k, j, i)) = stack.pop() {
        component.count += 1;
        let here = VoxelBox { min: [i, j, k], max: [i + 1, j + 1, k + 1] };
        component.region = component.region.union(&here);
        for kk in k.saturating_sub(1)..(k + 2).min(nk) {
            for jj in j.saturating_sub(1)..(j + 2).min(nj) {
                for ii in i.saturating_sub(1)..(i + 2).min(ni) {
                    if mask.get((kk, jj, ii)).copied() == Some(true) {
                        visit((kk, jj, ii), stack);
                    }
                }
            }
        }
    }
    component
}
