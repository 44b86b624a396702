//! Background that a mask encloses.

use super::Edited;
use super::parts::{Parts, Touching};
use crate::{Axis, Mask};
use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};

/// What counts as a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Holes {
    /// Background from which no way over faces (6 neighbours) leads out of the mask's box.
    InVolume,
    /// Background of a slice across the axis, from which no way over edges (4 neighbours) leads out
    /// within that slice: what a closed contour encloses.
    InSlices(Axis),
}

/// The mask with its holes set. At the border of the volume background is open, not enclosed.
#[must_use]
pub fn fill_holes(mask: &Mask, holes: Holes) -> Edited {
    let region = mask.bounding_box();
    if region.is_empty() {
        return Edited::unchanged(mask);
    }
    let mut content = mask.voxels().slice(region.slice()).to_owned();
    match holes {
        Holes::InVolume => fill(&mut content, Touching::Faces),
        // Slices become the first axis, so that they are apart.
        Holes::InSlices(Axis::K) => fill(&mut content, Touching::FacesInSlice),
        Holes::InSlices(Axis::J) => {
            content.swap_axes(0, 1);
            fill(&mut content, Touching::FacesInSlice);
            content.swap_axes(0, 1);
        }
        Holes::InSlices(Axis::I) => {
            content.swap_axes(0, 2);
            fill(&mut content, Touching::FacesInSlice);
            content.swap_axes(0, 2);
        }
    }
    Edited::rewrite(mask, &region, content.view())
}

fn fill(content: &mut Array3<bool>, touching: Touching) {
    let (nk, nj, ni) = content.dim();
    let parts = Parts::new(content.view(), false, touching);
    let mut open = vec![false; parts.runs.len()];
    for (n, run) in parts.runs.iter().enumerate() {
        let across = touching == Touching::Faces && (run.k == 0 || run.k + 1 == nk);
        if (across || run.j == 0 || run.j + 1 == nj || run.start == 0 || run.end == ni)
            && let Some(open) = open.get_mut(parts.root(n))
        {
            *open = true;
        }
    }
    for (n, run) in parts.runs.iter().enumerate() {
        if open.get(parts.root(n)) == Some(&false) {
            content.slice_mut(s![run.k, run.j, run.start..run.end]).fill(true);
        }
    }
}
