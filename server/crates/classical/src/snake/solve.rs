//! The snake's stiffness matrix: cyclic, pentadiagonal, positive definite.
#![allow(clippy::indexing_slicing)] // Rows hold what `first` says.

use super::curve::Point;

/// Cholesky factor by its envelope: a row keeps what lies between its first entry and the diagonal.
///
/// Only the last two rows are long (they close the curve), so factor and solution take time in
/// proportion to the number of points.
pub(super) struct Stiffness {
    /// Column of each row's first entry.
    first: Vec<usize>,
    rows: Vec<Vec<f64>>,
}

impl Stiffness {
    /// Of `a·(−δ²v) + b·δ⁴v + viscosity·v` and springs, one a point, on a closed curve; `δ` are differences
    /// between neighbours.
    pub fn new([a, b]: [f64; 2], viscosity: f64, springs: &[f64]) -> Self {
        let n = springs.len();
        let arms = [2.0 * a + 6.0 * b + viscosity, -a - 4.0 * b, b];
        // On fewer than five points the two arms of the stencil meet, and both count.
        let entry = |i: usize, j: usize| {
            let reach = -2..=2isize;
            let met = reach.filter(|d| (j as isize + d).rem_euclid(n as isize) as usize == i);
            met.map(|d| arms[d.unsigned_abs()]).sum::<f64>() + if i == j { springs[i] } else { 0.0 }
        };
        let first: Vec<usize> = (0..n).map(|i| if i + 2 < n { i.saturating_sub(2) } else { 0 }).collect();
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
        for i in 0..n {
            let mut row: Vec<f64> = Vec::with_capacity(i - first[i] + 1);
            for j in first[i]..=i {
                let from = first[i].max(first[j]);
                let known: f64 = if i == j {
                    row.iter().map(|v| v * v).sum()
                } else {
                    (from..j).map(|k| row[k - first[i]] * rows[j][k - first[j]]).sum()
                };
                let rest = entry(i, j) - known;
                row.push(if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / rows[j][j - first[j]] });
            }
            rows.push(row);
        }
        Self { first, rows }
    }

    /// Solves for both coordinates in place.
    pub fn solve(&self, points: &mut [Point]) {
        for (i, (row, &first)) in self.rows.iter().zip(&self.first).enumerate() {
            for c in 0..2 {
                let known: f64 = row.iter().zip(&points[first..i]).map(|(l, p)| l * p[c]).sum();
                points[i][c] = (points[i][c] - known) / row[i - first];
            }
        }
        for (i, (row, &first)) in self.rows.iter().zip(&self.first).enumerate().rev() {
            for c in 0..2 {
                let value = points[i][c] / row[i - first];
                points[i][c] = value;
                points[first..i].iter_mut().zip(row).for_each(|(p, l)| p[c] -= l * value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_the_dense_system() {
        for n in [3, 4, 5, 6, 7, 40] {
            let springs: Vec<f64> = (0..n).map(|i| if i % 4 == 1 { 5.0 } else { 0.0 }).collect();
            let expected: Vec<[f64; 2]> = (0..n).map(|i| [(i * i % 17) as f64 - 3.0, (i * 7 % 5) as f64]).collect();
            let at = |i: usize, d: isize| expected[(i as isize + d).rem_euclid(n as isize) as usize];
            let mut points: Vec<[f64; 2]> = (0..n)
                .map(|i| {
                    [0, 1].map(|c| {
                        let v = |d| at(i, d)[c];
                        let second = v(-1) - 2.0 * v(0) + v(1);
                        let fourth = v(-2) - 4.0 * v(-1) + 6.0 * v(0) - 4.0 * v(1) + v(2);
                        -0.3 * second + 2.0 * fourth + (0.1 + springs[i]) * v(0)
                    })
                })
                .collect();
            Stiffness::new([0.3, 2.0], 0.1, &springs).solve(&mut points);
            for (p, e) in points.iter().zip(&expected) {
                assert!((p[0] - e[0]).abs() < 1e-9 && (p[1] - e[1]).abs() < 1e-9, "{n}: {p:?} {e:?}");
            }
        }
    }
}
