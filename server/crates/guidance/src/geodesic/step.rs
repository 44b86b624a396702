//! What a step to each of the 26 neighbours costs, and where it leads.

use super::Geodesic;

/// One of the 26 offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Offset in voxels, `(k, j, i)`.
    pub offset: [i32; 3],
    /// Offset in the flat array.
    pub flat: isize,
    /// `(1−λ)·‖offset‖` in mm.
    pub length: f32,
}

/// All 26, in scan order of the offset: the first 13 lead back, the last 13 ahead.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    pub all: Vec<Step>,
    pub lambda: f32,
}

impl Steps {
    pub fn new([_, nj, ni]: [usize; 3], metric: &Geodesic) -> Self {
        let (nj, ni) = (nj as isize, ni as isize);
        let mut all = Vec::with_capacity(26);
        for dk in -1..=1i32 {
            for dj in -1..=1i32 {
                for di in -1..=1i32 {
                    if [dk, dj, di] == [0, 0, 0] {
                        continue;
                    }
                    let flat = (dk as isize * nj + dj as isize) * ni + di as isize;
                    all.push(Step { offset: [dk, dj, di], flat, length: length(metric, [dk, dj, di]) });
                }
            }
        }
        Self { all, lambda: metric.lambda }
    }
}

/// `(1−λ)·‖offset‖` in mm, in the one order of operations that all kernels share.
pub(crate) fn length(metric: &Geodesic, [dk, dj, di]: [i32; 3]) -> f32 {
    let [sk, sj, si] = metric.spacing_mm;
    let (k, j, i) = (dk as f32 * sk, dj as f32 * sj, di as f32 * si);
    (1.0 - metric.lambda) * (k * k + j * j + i * i).sqrt()
}
