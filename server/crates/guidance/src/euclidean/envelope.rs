//! The lower envelope of one row: which point is nearest from where on.
//!
//! Along a row the squared distance to a point is a parabola in `i`, and all of them have the same
//! curvature. So the nearest point changes at most once between neighbours in `i` order, and a row
//! of hundreds of voxels costs a few comparisons a point.

pub(super) struct Envelope {
    parts: Vec<Part>,
    /// `1 / (2·spacing²·n)`, mm⁻²: turns a difference of squares into one of places.
    reciprocal: Vec<f64>,
}

struct Part {
    /// First `i` where this point is nearest.
    start: usize,
    /// The point's own `i`.
    i: usize,
    /// Square of its distance from the row, mm².
    square: f32,
}

impl Envelope {
    /// For points whose `i` lies below `end`.
    pub fn new(end: usize, spacing_i: f32) -> Self {
        let double_square = 2.0 * f64::from(spacing_i) * f64::from(spacing_i);
        let reciprocal = (0..end).map(|n| 1.0 / (double_square * n as f64)).collect();
        Self { parts: Vec::new(), reciprocal }
    }

    /// Of the row `j`; `sources` as (i, j, square along k) in order of `i`.
    pub fn build(&mut self, sources: &[(usize, usize, f32)], j: usize, spacing_j: f32) {
        self.parts.clear();
        for &(i, source_j, square_k) in sources {
            let offset = source_j.abs_diff(j) as f32 * spacing_j;
            let square = square_k + offset * offset;
            let start = loop {
                let Some(last) = self.parts.last() else { break Some(0) };
                if last.i == i {
                    if last.square <= square {
                        break None;
                    }
                    self.parts.pop();
                    continue;
                }
                // Where the new parabola falls below the last one.
                let middle = (i + last.i) as f64 / 2.0;
                let reciprocal = self.reciprocal.get(i - last.i).copied().unwrap_or_default();
                let cross = middle + f64::from(square - last.square) * reciprocal;
                let start = if cross < 0.0 { 0 } else { cross as usize + 1 };
                if start <= last.start {
                    self.parts.pop();
                    continue;
                }
                break Some(start);
            };
            if let Some(start) = start {
                self.parts.push(Part { start, i, square });
            }
        }
    }

    /// The distances, mm, of the voxels from `origin` on.
    #[inline(always)]
    pub fn roots(&self, row: &mut [f32], origin: usize, spacing_i: f32) {
        // Short parts leave no room for SIMD; then all roots are drawn together.
        if self.parts.len() * SHORT > row.len() {
            self.fill(row, origin, spacing_i, |square| square);
            row.iter_mut().for_each(|v| *v = v.sqrt());
        } else {
            self.fill(row, origin, spacing_i, f32::sqrt);
        }
    }

    /// The squares of the distances, mm².
    pub fn squares(&self, row: &mut [f32], spacing_i: f32) {
        self.fill(row, 0, spacing_i, |square| square);
    }

    #[inline(always)]
    fn fill(&self, row: &mut [f32], origin: usize, spacing_i: f32, value: impl Fn(f32) -> f32) {
        if self.parts.is_empty() {
            row.fill(f32::INFINITY);
            return;
        }
        let ends = self.parts.iter().skip(1).map(|p| p.start).chain([usize::MAX]);
        for (part, end) in self.parts.iter().zip(ends) {
            let (start, end) = (part.start.saturating_sub(origin), end.saturating_sub(origin).min(row.len()));
            let Some(span) = row.get_mut(start..end) else { continue };
            let first = (start + origin) as i32 - part.i as i32;
            for (v, n) in span.iter_mut().zip(first..) {
                let offset = n as f32 * spacing_i;
                *v = value(part.square + offset * offset);
            }
        }
    }
}

/// Voxels below which a part is short.
const SHORT: usize = 24;
