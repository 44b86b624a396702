//! Points that lie in a few slices, or in a few planes of constant `j`, as a scribble does.
//!
//! The square of a distance is that within the plane and that across; the first is computed once
//! for each plane, the second is one number a row.

use super::{Envelope, Source, nearest_along_k, write};
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayViewMut3, Axis};

/// Most planes for which this is worth its while.
const MOST: usize = 6;

pub(super) struct Planes {
    /// Planes of constant `k` (else of constant `j`).
    slices: bool,
    /// Distance between planes, mm.
    spacing_mm: f32,
    /// Place of each plane, and the squares within it, `[j, i]` (else `[k, i]`).
    planes: Vec<(usize, Array2<f32>)>,
}

impl Planes {
    /// `None` if the points lie in too many planes.
    pub fn new(sources: &[Source], [nk, nj, ni]: [usize; 3], spacing_mm: [f32; 3]) -> Option<Self> {
        let places = |axis: fn(&Source) -> usize| {
            let mut places: Vec<usize> = sources.iter().map(axis).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let (ks, js) = (places(|[_, _, k]| *k), places(|[_, j, _]| *j));
        let slices = ks.len() <= js.len();
        let (places, rows) = if slices { (ks, nj) } else { (js, nk) };
        if places.len() > MOST {
            return None;
        }
        let mut envelope = Envelope::new(ni, spacing_mm[2]);
        let mut plane = |place: usize| {
            let inside: Vec<Source> =
                sources.iter().filter(|[_, j, k]| place == if slices { *k } else { *j }).copied().collect();
            let mut squares = Array2::zeros((rows, ni));
            for (mut row, n) in squares.outer_iter_mut().zip(0..) {
                let (k, j) = if slices { (place, n) } else { (n, place) };
                envelope.build(&nearest_along_k(&inside, k, spacing_mm[0]), j, spacing_mm[1]);
                if let Some(row) = row.as_slice_mut() {
                    envelope.squares(row, spacing_mm[2]);
                }
            }
            (place, squares)
        };
        let [between_k, between_j, _] = spacing_mm;
        let planes = places.into_iter().map(&mut plane).collect();
        Some(Self { slices, spacing_mm: if slices { between_k } else { between_j }, planes })
    }

    pub fn fill(&self, out: &mut ArrayViewMut3<'_, f32>) {
        out.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(k, mut slice)| {
            for (j, row) in slice.outer_iter_mut().enumerate() {
                let (across, within) = if self.slices { (k, j) } else { (j, k) };
                write(
                    row,
                    #[inline(always)]
                    |row| self.roots(row, across, within),
                );
            }
        });
    }

    #[inline(always)]
    fn roots(&self, row: &mut [f32], across: usize, within: usize) {
        for (n, (place, squares)) in self.planes.iter().enumerate() {
            let offset = place.abs_diff(across) as f32 * self.spacing_mm;
            let square = offset * offset;
            let line = squares.row(within);
            let Some(line) = line.as_slice() else { continue };
            // The last plane draws the roots too.
            let last = n + 1 == self.planes.len();
            match (n, last) {
                (0, true) => row.iter_mut().zip(line).for_each(|(v, s)| *v = (s + square).sqrt()),
                (0, false) => row.iter_mut().zip(line).for_each(|(v, s)| *v = s + square),
                (_, true) => row.iter_mut().zip(line).for_each(|(v, s)| *v = v.min(s + square).sqrt()),
                (_, false) => row.iter_mut().zip(line).for_each(|(v, s)| *v = v.min(s + square)),
            }
        }
    }
}
