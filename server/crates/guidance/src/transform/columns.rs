//! A plane's columns, a block of them at a time, side by side in SIMD lanes.
//!
//! Each voxel looks at its column ahead and back until no parabola can be lower any more: as far as
//! its own distance, a few dozen voxels in most masks, and 16 voxels at once. Where that would be too
//! far on average, the block's columns go through the [`Envelope`] one by one, whose work does not
//! depend on depth. Which way a block takes depends on its values alone, never on the machine.
#![allow(clippy::indexing_slicing)] // Columns are gathered to buffers whose lengths are known here.

use super::MaskSide;
use super::envelope::Envelope;
use crate::simd::arch;
use ndarray::{ArrayViewMut2, Axis};
use pulp::{Simd, WithSimd};

/// Columns handled together: one cache line of `f32`.
const BLOCK: usize = 16;
type Lanes = [f32; BLOCK];

/// Steps that a voxel may look ahead and back, on average over a block, before the envelope is quicker.
const MEAN_STEPS: usize = 64;

/// What columns are left as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Squares,
    /// Roots of the squares, with their signs.
    Roots,
}

/// The least of all parabolas along the first axis of a plane.
pub(super) struct Columns {
    spacing: f32,
    border: bool,
    finish: Finish,
    /// The rows of one block.
    from: Vec<Lanes>,
    to: Vec<Lanes>,
    /// Where values are signed (two transforms in one array, each 0 where the other is not): the
    /// negative ones, and what becomes of them.
    minus: Option<[Vec<Lanes>; 2]>,
    column: Vec<f32>,
    envelope: Envelope,
}

impl Columns {
    pub fn new(length: usize, spacing: f32, border: bool, (side, finish): (MaskSide, Finish)) -> Self {
        let lanes = || vec![[0.0; BLOCK]; length];
        let minus = (side == MaskSide::Signed).then(|| [lanes(), lanes()]);
        let (column, envelope) = (vec![0.0; length], Envelope::new(length, spacing));
        Self { spacing, border, finish, from: lanes(), to: lanes(), minus, column, envelope }
    }

    pub fn run(&mut self, mut plane: ArrayViewMut2<'_, f32>) {
        for mut block in plane.axis_chunks_iter_mut(Axis(1), BLOCK) {
            let mut changes = false;
            for (to, row) in self.from.iter_mut().zip(block.rows()) {
                // The last block may be narrower; zeros keep its other lanes still.
                to[row.len()..].fill(0.0);
                for (to, from) in to.iter_mut().zip(row) {
                    *to = *from;
                    changes |= *from != 0.0;
                }
            }
            if !changes {
                continue;
            }
            self.block();
            for (from, mut row) in self.to.iter().zip(block.rows_mut()) {
                row.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Transforms a block, and takes roots if asked to.
    fn block(&mut self) {
        let mut minus = self.minus.take();
        if let Some([from, to]) = &mut minus {
            for (minus, plus) in from.iter_mut().flatten().zip(self.from.iter_mut().flatten()) {
                (*minus, *plus) = ((-*plus).max(0.0), plus.max(0.0));
            }
            std::mem::swap(&mut self.from, from);
            self.least();
            std::mem::swap(&mut self.from, from);
            std::mem::swap(&mut self.to, to);
        }
        self.least();
        let Self { to, finish, .. } = self;
        arch().dispatch(Finishing { to, minus: minus.as_ref().map(|[_, to]| &to[..]), finish: *finish });
        self.minus = minus;
    }

    /// The least parabola of each voxel of `from`, to `to`.
    fn least(&mut self) {
        let Self { spacing, border, ref from, ref mut to, ref mut column, ref mut envelope, .. } = *self;
        let edge = |q: usize| {
            let mm = (q + 1).min(from.len() - q) as f32 * spacing;
            if border { mm * mm } else { f32::INFINITY }
        };
        for (q, (to, from)) in to.iter_mut().zip(from).enumerate() {
            *to = from.map(|v| v.min(edge(q)));
        }
        if arch().dispatch(Look { from, to, spacing }) {
            return;
        }
        for c in 0..BLOCK {
            column.iter_mut().zip(from).for_each(|(v, row)| *v = row[c]);
            envelope.column(column);
            to.iter_mut().zip(&*column).enumerate().for_each(|(q, (row, v))| row[c] = v.min(edge(q)));
        }
    }
}

/// Lowers each voxel by looking along its column; false if that was too far, with `to` unfinished.
struct Look<'a> {
    from: &'a [Lanes],
    to: &'a mut [Lanes],
    spacing: f32,
}

impl WithSimd for Look<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        let Self { from, to, spacing } = self;
        let n = from.len();
        let mut left = n * MEAN_STEPS;
        for (q, to) in to.iter_mut().enumerate() {
            let count = BLOCK / S::F32_LANES;
            let to = S::as_mut_simd_f32s(to).0;
            let mut best = [simd.splat_f32s(0.0); BLOCK];
            best[..count].copy_from_slice(&to[..count]);
            for step in 1..n {
                let mm = step as f32 * spacing;
                let square = simd.splat_f32s(mm * mm);
                let mut open = simd.less_than_f32s(square, best[0]);
                for best in &best[1..count] {
                    open = simd.or_m32s(open, simd.less_than_f32s(square, *best));
                }
                if simd.first_true_m32s(open) == S::F32_LANES {
                    break;
                }
                if left == 0 {
                    return false;
                }
                left -= 1;
                for near in [q.wrapping_sub(step), q + step] {
                    if let Some(near) = from.get(near) {
                        for (best, near) in best[..count].iter_mut().zip(S::as_simd_f32s(near).0) {
                            *best = simd.min_f32s(*best, simd.add_f32s(*near, square));
                        }
                    }
                }
            }
            to[..count].copy_from_slice(&best[..count]);
        }
        true
    }
}

/// Takes `minus` off and draws the roots.
struct Finishing<'a> {
    to: &'a mut [Lanes],
    minus: Option<&'a [Lanes]>,
    finish: Finish,
}

impl WithSimd for Finishing<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if let Some(minus) = self.minus {
            for (to, minus) in self.to.iter_mut().flatten().zip(minus.iter().flatten()) {
                *to -= minus;
            }
        }
        if self.finish == Finish::Roots {
            self.to.iter_mut().flatten().for_each(|v| *v = v.abs().sqrt().copysign(*v));
        }
    }
}
