//! Binary voxels, 64 to a word.
#![allow(clippy::indexing_slicing)] // One row, slice and word of padding on every side.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

/// Binary voxels `[k, j, i]`; everything outside is unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    pub shape: [usize; 3],
    /// Words of a padded row.
    row: usize,
    /// Words of a padded slice.
    slice: usize,
    words: Vec<u64>,
    /// Which bits of the last word of a row are voxels.
    tail: u64,
}

/// The words of the 27 neighbours of 64 voxels, at `9·(dk+1) + 3·(dj+1) + di+1`.
pub(super) type Around = [u64; 27];

impl Bits {
    pub fn empty(shape: [usize; 3]) -> Self {
        let [nk, nj, ni] = shape;
        let row = ni.div_ceil(64) + 2;
        let slice = (nj + 2) * row;
        let tail = if ni % 64 == 0 { u64::MAX } else { (1 << (ni % 64)) - 1 };
        Self { shape, row, slice, words: vec![0; (nk + 2) * slice], tail }
    }

    /// Where `test` holds.
    pub fn of<T: Copy + Sync>(array: ArrayView3<'_, T>, test: impl Fn(T) -> bool + Sync) -> Self {
        let (nk, nj, ni) = array.dim();
        let mut bits = Self::empty([nk, nj, ni]);
        bits.rows_mut(|k, j, words| {
            for (word, chunk) in words.iter_mut().zip(0..) {
                let first = chunk * 64;
                for i in first..(first + 64).min(ni) {
                    *word |= u64::from(test(array[[k, j, i]])) << (i - first);
                }
            }
        });
        bits
    }

    pub fn to_array(&self) -> Array3<bool> {
        Array3::from_shape_fn(self.shape, |(k, j, i)| self.get(k, j, i))
    }

    #[inline(always)]
    pub fn get(&self, k: usize, j: usize, i: usize) -> bool {
        self.words[self.word(k, j) + i / 64] >> (i % 64) & 1 == 1
    }

    /// Position of a row's first word.
    #[inline(always)]
    fn word(&self, k: usize, j: usize) -> usize {
        (k + 1) * self.slice + (j + 1) * self.row + 1
    }

    /// Words of a row; bits beyond the row are unset.
    #[inline(always)]
    pub fn words(&self, k: usize, j: usize) -> &[u64] {
        let at = self.word(k, j);
        &self.words[at..at + self.row - 2]
    }

    /// Writes every row, `f(k, j, words)`, then unsets what lies beyond it.
    pub fn rows_mut(&mut self, f: impl Fn(usize, usize, &mut [u64]) + Sync) {
        let ([nk, nj, _], row, tail) = (self.shape, self.row, self.tail);
        self.words.par_chunks_mut(self.slice).enumerate().skip(1).take(nk).for_each(|(k, words)| {
            for j in 0..nj {
                let at = (j + 1) * row + 1;
                let words = &mut words[at..at + row - 2];
                f(k - 1, j, words);
                if let Some(last) = words.last_mut() {
                    *last &= tail;
                }
            }
        });
    }

    /// What `f` makes of the voxels and their neighbours; where all of them agree, they stay.
    pub fn map(&self, into: &mut Self, f: impl Fn(&Around) -> u64 + Sync) {
        into.rows_mut(|k, j, words| {
            let at = self.word(k, j);
            for (n, word) in words.iter_mut().enumerate() {
                *word = match self.even(at + n) {
                    Some(same) => same,
                    None => f(&self.around(at + n)),
                };
            }
        });
    }

    /// The words, if they and all about them are the same and uniform.
    #[inline(always)]
    fn even(&self, at: usize) -> Option<u64> {
        let value = self.words[at];
        if value != 0 && value != u64::MAX {
            return None;
        }
        let mut other = 0;
        for dk in [at - self.slice, at, at + self.slice] {
            for row in [dk - self.row, dk, dk + self.row] {
                for word in &self.words[row - 1..row + 2] {
                    other |= word ^ value;
                }
            }
        }
        (other == 0).then_some(value)
    }

    #[inline(always)]
    fn around(&self, at: usize) -> Around {
        let mut around = [0; 27];
        let mut n = 0;
        for dk in [at - self.slice, at, at + self.slice] {
            for row in [dk - self.row, dk, dk + self.row] {
                let [low, here, high] = [self.words[row - 1], self.words[row], self.words[row + 1]];
                around[n] = here << 1 | low >> 63;
                around[n + 1] = here;
                around[n + 2] = here >> 1 | high << 63;
                n += 3;
            }
        }
        around
    }

    /// `self ∧ ¬mask ∨ other ∧ mask`.
    pub fn replace_where(&mut self, mask: &Self, other: &Self) {
        self.words.iter_mut().zip(&mask.words).zip(&other.words).for_each(|((a, m), b)| *a = *a & !m | b & m);
    }

    pub fn set(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    pub fn unset(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }
}
