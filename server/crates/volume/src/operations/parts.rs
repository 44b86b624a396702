//! Connected parts, from runs of equal voxels along the fastest axis.

use ndarray::ArrayView3;

/// Which voxels touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touching {
    /// The 6 that share a face.
    Faces,
    /// The 26 that share a face, an edge or a corner.
    Corners,
    /// The 4 of the same slice that share an edge; slices are apart.
    FacesInSlice,
}

/// Voxels `start ≤ i < end` of row `(k, j)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub k: usize,
    pub j: usize,
    pub start: usize,
    pub end: usize,
}

/// The connected parts of the voxels that have one value.
pub(super) struct Parts {
    pub runs: Vec<Run>,
    /// Per run, another run of the same part, or itself: a forest.
    parent: Vec<usize>,
}

impl Parts {
    /// The parts of `array` `[k, j, i]` where it equals `value`.
    pub fn new(array: ArrayView3<'_, bool>, value: bool, touching: Touching) -> Self {
        let (_, nj, _) = array.dim();
        let mut parts = Self { runs: Vec::new(), parent: Vec::new() };
        // Where each row's runs begin, rows in scan order.
        let mut first = Vec::with_capacity(array.dim().0 * nj + 1);
        first.push(0);
        for (k, slice) in array.outer_iter().enumerate() {
            for (j, row) in slice.outer_iter().enumerate() {
                parts.add_row(row.iter().map(|&v| v == value), k, j);
                first.push(parts.runs.len());
                let earlier: &[(usize, usize)] = match touching {
                    Touching::FacesInSlice => &[(0, 1)],
                    Touching::Faces => &[(0, 1), (1, 0)],
                    Touching::Corners => &[(0, 1), (1, 0), (1, 1)],
                };
                for &(dk, dj) in earlier {
                    if let (Some(k), Some(j)) = (k.checked_sub(dk), j.checked_sub(dj)) {
                        parts.join_rows(&first, k * nj + j, touching);
                    }
                }
                if touching == Touching::Corners && k > 0 && j + 1 < nj {
                    parts.join_rows(&first, (k - 1) * nj + j + 1, touching);
                }
            }
        }
        parts.parent = (0..parts.parent.len()).map(|run| parts.root(run)).collect();
        parts
    }

    fn add_row(&mut self, row: impl Iterator<Item = bool>, k: usize, j: usize) {
        let mut open: Option<Run> = None;
        for (i, set) in row.enumerate() {
            match &mut open {
                Some(run) if set => run.end = i + 1,
                None if set => open = Some(Run { k, j, start: i, end: i + 1 }),
                _ => self.close(open.take()),
            }
        }
        self.close(open);
    }

    fn close(&mut self, run: Option<Run>) {
        if let Some(run) = run {
            self.parent.push(self.runs.len());
            self.runs.push(run);
        }
    }

    /// Joins the newest row's runs with those that they touch in an earlier row.
    fn join_rows(&mut self, first: &[usize], earlier: usize, touching: Touching) {
        let slack = usize::from(touching == Touching::Corners);
        let (Some(&a0), Some(&a1)) = (first.get(earlier), first.get(earlier + 1)) else { return };
        let (mut a, mut b) = (a0, first.len().checked_sub(2).and_then(|n| first.get(n)).copied().unwrap_or(0));
        while a < a1
            && let (Some(&one), Some(&other)) = (self.runs.get(a), self.runs.get(b))
        {
            if one.start < other.end + slack && other.start < one.end + slack {
                self.join(a, b);
            }
            if one.end < other.end {
                a += 1;
            } else {
                b += 1;
            }
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.shortened(a), self.shortened(b));
        // The first run of a part is its root.
        if let Some(parent) = self.parent.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }

    /// The root of a run; shortens the way there.
    fn shortened(&mut self, mut run: usize) -> usize {
        while let Some(&parent) = self.parent.get(run)
            && parent != run
        {
            let grandparent = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(run) {
                *slot = grandparent;
            }
            run = grandparent;
        }
        run
    }

    /// The part that a run belongs to, named by its first run.
    pub fn root(&self, mut run: usize) -> usize {
        while let Some(&parent) = self.parent.get(run)
            && parent != run
        {
            run = parent;
        }
        run
    }

    /// The run that holds the voxel `(i, j, k)`.
    pub fn run_at(&self, [i, j, k]: [usize; 3]) -> Option<usize> {
        let after = self.runs.partition_point(|r| (r.k, r.j, r.start) <= (k, j, i));
        let run = after.checked_sub(1)?;
        self.runs.get(run).filter(|r| (r.k, r.j) == (k, j) && i < r.end).map(|_| run)
    }
}
