use crate::Polarity;
use isochrone_volume::{DVec3, Grid, Mask, VoxelBox};
use std::sync::Arc;

/// What the marked voxels say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Each is of the label (positive) or not (negative): click, scribble, gaze; box round what is not.
    Marks,
    /// Most are of the label (positive) or not (negative): lasso.
    Suggests,
    /// The label lies among them, and nowhere else: box, extreme points.
    Encloses,
    /// Each is of the label (positive) or not (negative), and their neighbours on the plane (of an initial
    /// mask: in its box) are the other: polygon, initial mask.
    Delineates,
    /// None is marked: a label name says what is meant, not where.
    Names,
}

/// Voxels `start ≤ i < end` of row `(k, j)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// Slice.
    pub k: u32,
    /// Row.
    pub j: u32,
    /// First voxel.
    pub start: u32,
    /// First voxel past the end.
    pub end: u32,
}

/// What a prompt marks on a grid: runs of voxels, so that a plane across the volume stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rasterised {
    polarity: Polarity,
    meaning: Meaning,
    runs: Vec<Run>,
    bounds: VoxelBox,
}

impl Rasterised {
    pub(crate) fn new(polarity: Polarity, meaning: Meaning, runs: Runs) -> Self {
        let runs = runs.finish();
        let boxes = runs.iter().map(|r| VoxelBox {
            min: [r.start as usize, r.j as usize, r.k as usize],
            max: [r.end as usize, r.j as usize + 1, r.k as usize + 1],
        });
        let nothing = VoxelBox { min: [0; 3], max: [0; 3] };
        let bounds = boxes.fold(nothing, |all, one| all.union(&one));
        Self { polarity, meaning, runs, bounds }
    }

    /// Lesion or not.
    #[must_use]
    pub fn polarity(&self) -> Polarity {
        self.polarity
    }

    /// What the voxels say.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// The smallest box round the voxels; empty if there are none.
    #[must_use]
    pub fn bounds(&self) -> VoxelBox {
        self.bounds
    }

    /// Number of voxels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.runs.iter().map(|r| (r.end - r.start) as usize).sum()
    }

    /// True if nothing is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The voxels as runs in scan order, none touching the next.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The voxels `(i, j, k)` in scan order (`i` fastest).
    pub fn voxels(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        self.runs.iter().flat_map(|r| (r.start..r.end).map(|i| [i as usize, r.j as usize, r.k as usize]))
    }

    /// The voxels `(i, j, k)` inside a box, in scan order.
    pub fn voxels_in(&self, within: VoxelBox) -> impl Iterator<Item = [usize; 3]> + '_ {
        let [from, to] = [within.min, within.max].map(|v| v.map(|n| u32::try_from(n).unwrap_or(u32::MAX)));
        let ([i0, j0, k0], [i1, j1, k1]) = (from, to);
        let [first, end] = [k0, k1].map(|k| self.runs.partition_point(|r| r.k < k));
        let runs = self.runs.get(first..end.max(first)).unwrap_or_default();
        let runs = runs.iter().filter(move |r| (j0..j1).contains(&r.j));
        runs.flat_map(move |r| {
            let inside = r.start.max(i0)..r.end.min(i1);
            inside.map(|i| [i as usize, r.j as usize, r.k as usize])
        })
    }

    /// The voxels as points `[k, j, i]`, as guidance kernels take them.
    #[must_use]
    pub fn points(&self) -> Vec<[usize; 3]> {
        self.voxels().map(|[i, j, k]| [k, j, i]).collect()
    }

    /// True if the voxel `(i, j, k)` is marked.
    #[must_use]
    pub fn contains(&self, [i, j, k]: [usize; 3]) -> bool {
        let [Ok(i), Ok(j), Ok(k)] = [i, j, k].map(u32::try_from) else { return false };
        let after = self.runs.partition_point(|r| (r.k, r.j, r.start) <= (k, j, i));
        let last = after.checked_sub(1).and_then(|n| self.runs.get(n));
        last.is_some_and(|r| (r.k, r.j) == (k, j) && i < r.end)
    }

    /// The voxels as a mask on the grid that they were rasterised on; what lies outside of it is left out.
    #[must_use]
    pub fn mask(&self, grid: Arc<Grid>) -> Mask {
        let mut mask = Mask::empty(grid);
        let voxels = mask.voxels_mut();
        for [i, j, k] in self.voxels() {
            if let Some(voxel) = voxels.get_mut([k, j, i]) {
                *voxel = true;
            }
        }
        mask
    }

    /// The voxels of another grid that hold the centres of these, without doubles, in scan order.
    /// `own` is the grid that these were rasterised on.
    #[must_use]
    pub fn onto(&self, own: &Grid, other: &Grid) -> Vec<[usize; 3]> {
        let mut found: Vec<[usize; 3]> =
            self.voxels().filter_map(|v| other.voxel_at(own.centre_mm(v))).map(|[i, j, k]| [k, j, i]).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|[k, j, i]| [i, j, k]).collect()
    }

    /// The marked voxel `(i, j, k)` nearest (mm) to the middle of all marked ones; ties go to the first
    /// in scan order. `None` if nothing is marked.
    #[must_use]
    pub fn middle(&self, grid: &Grid) -> Option<[usize; 3]> {
        let mut sum = DVec3::ZERO;
        for r in &self.runs {
            let length = f64::from(r.end - r.start);
            sum += length * DVec3::new((f64::from(r.start) + f64::from(r.end) - 1.0) / 2.0, r.j.into(), r.k.into());
        }
        let middle = grid.world_from_voxel().transform_point3(sum / self.count() as f64);
        let along = grid.world_from_voxel().matrix3.x_axis;
        let mut best: Option<(f64, [usize; 3])> = None;
        for r in &self.runs {
            let [j, k] = [r.j as usize, r.k as usize];
            let nearest = (middle - grid.centre_mm([0, j, k])).dot(along) / along.length_squared();
            // Of two that lie equally far, the first.
            let i = ((nearest - 0.5).ceil().max(0.0) as usize).clamp(r.start as usize, r.end as usize - 1);
            let square = grid.centre_mm([i, j, k]).distance_squared(middle);
            // Rounding must not decide between voxels that lie equally far.
            if best.is_none_or(|(least, _)| square < least - 1e-9 * least.max(1.0)) {
                best = Some((square, [i, j, k]));
            }
        }
        best.map(|(_, voxel)| voxel)
    }
}

/// Collects runs in any order; overlapping ones become one.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// Length at which the list is tidied.
    tidy_at: usize,
}

impl Runs {
    /// Adds voxels `range` of row `(k, j)`.
    pub fn push(&mut self, k: usize, j: usize, range: std::ops::Range<usize>) {
        let [Ok(k), Ok(j), Ok(start), Ok(end)] = [k, j, range.start, range.end].map(u32::try_from) else { return };
        if start >= end {
            return;
        }
        self.runs.push(Run { k, j, start, end });
        if self.runs.len() >= self.tidy_at.max(1 << 18) {
            self.tidy();
            self.tidy_at = 2 * self.runs.len();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    fn tidy(&mut self) {
        self.runs.sort_unstable();
        self.runs.dedup_by(|next, kept| {
            let joins = (next.k, next.j) == (kept.k, kept.j) && next.start <= kept.end;
            if joins {
                kept.end = kept.end.max(next.end);
            }
            joins
        });
    }

    fn finish(mut self) -> Vec<Run> {
        self.tidy();
        self.runs
    }
}
