//! The lower envelope of the parabolas of one column, after Felzenszwalb and Huttenlocher.
//!
//! Crossings are computed relative to the middle of two parabolas, so that squares of large
//! distances never cancel.
#![allow(clippy::indexing_slicing)] // Columns lie in buffers whose lengths are known here.

use std::ops::Range;

/// Scratch for columns of one length.
pub(super) struct Envelope {
    spacing: f32,
    /// `1 / (2·spacing²·n)`: turns a difference of heights into one of places.
    reciprocal: Vec<f32>,
    parts: Vec<Parabola>,
}

impl Envelope {
    pub fn new(length: usize, spacing: f32) -> Self {
        let reciprocal = (0..length).map(|n| 0.5 / (spacing * spacing * n as f32)).collect();
        Self { spacing, reciprocal, parts: vec![Parabola::default(); length] }
    }

    /// Replaces each value of a column by the minimum over all its parabolas.
    ///
    /// Voxels that are 0 stay so and cut the column in runs that do not see past them.
    pub fn column(&mut self, values: &mut [f32]) {
        let n = values.len();
        let mut q = 0;
        while q < n {
            if values[q] == 0.0 {
                q += 1;
                continue;
            }
            let end = values[q..].iter().position(|v| *v == 0.0).map_or(n, |length| q + length);
            run(values, q..end, self.spacing, &self.reciprocal, &mut self.parts);
            q = end;
        }
    }
}

/// One parabola of an envelope: where it stands, its height, and where it begins to be lowest.
#[derive(Clone, Copy, Default)]
struct Parabola {
    index: usize,
    height: f32,
    start: f32,
}

/// Minimum over the parabolas of a run of values above 0 and of the zeros at its ends.
#[inline]
fn run(values: &mut [f32], span: Range<usize>, spacing: f32, reciprocal: &[f32], envelope: &mut [Parabola]) {
    let n = values.len();
    let (first, last) = (span.start.saturating_sub(1), (span.end + 1).min(n));
    if span.len() == 1 {
        if last - first > 1 {
            values[span.start] = values[span.start].min(spacing * spacing);
        }
        return;
    }
    let mut parts = 0;
    for (q, &height) in values.iter().enumerate().take(last).skip(first) {
        if height == f32::INFINITY {
            continue;
        }
        let mut start = f32::NEG_INFINITY;
        while parts > 0 {
            let p = envelope[parts - 1];
            start = (p.index + q) as f32 * 0.5 + (height - p.height) * reciprocal[q - p.index];
            if start > p.start {
                break;
            }
            parts -= 1;
            start = f32::NEG_INFINITY;
        }
        // A parabola that begins past the run is never seen in it.
        if start < last as f32 {
            envelope[parts] = Parabola { index: q, height, start };
            parts += 1;
        }
    }
    if parts == 0 {
        return;
    }
    let mut part = 0;
    for q in span {
        while part + 1 < parts && envelope[part + 1].start < q as f32 {
            part += 1;
        }
        let mm = q.abs_diff(envelope[part].index) as f32 * spacing;
        values[q] = envelope[part].height + mm * mm;
    }
}
