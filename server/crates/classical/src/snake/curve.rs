//! A closed polygon with pinned points.
#![allow(clippy::indexing_slicing)] // Neighbours are taken modulo the number of points, which is 3 or more.

use std::f64::consts::PI;

/// `(y, x)` in mm: along `j`, along `i`.
pub(super) type Point = [f64; 2];

pub(super) struct Curve {
    /// 3 or more.
    pub points: Vec<Point>,
    /// Indices, ascending, with the places that they are pulled to.
    pub pins: Vec<(usize, Point)>,
    /// Wanted distance between neighbours, mm.
    wanted: f64,
}

pub(super) fn distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

impl Curve {
    pub fn new(points: Vec<Point>, mut pins: Vec<(usize, Point)>, wanted: f64) -> Self {
        pins.sort_by_key(|p| p.0);
        pins.dedup_by_key(|p| p.0);
        let length: f64 = sides(&points).sum();
        // A few points are left over for pins.
        let wanted = wanted.max(length / (0.75 * super::MAX_POINTS as f64)).min(length / 12.0);
        Self { points, pins, wanted: wanted.max(1e-6) }
    }

    pub fn length(&self) -> f64 {
        sides(&self.points).sum()
    }

    /// Mean distance between neighbours, mm.
    pub fn apart(&self) -> f64 {
        (self.length() / self.points.len() as f64).max(1e-6)
    }

    /// Area, above 0 if `y` turns towards `x`.
    fn area(&self) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        self.points.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>() / 2.0
    }

    /// Of a circle of the same area, mm.
    pub fn radius(&self) -> f64 {
        (self.area().abs() / PI).sqrt()
    }

    /// Unit normals, outwards; zero where neighbours coincide.
    pub fn normals(&self) -> Vec<Point> {
        let n = self.points.len();
        let side = self.area().signum();
        let normal = |at: usize| {
            let (a, b) = (self.points[(at + n - 1) % n], self.points[(at + 1) % n]);
            let length = distance(a, b).max(f64::MIN_POSITIVE);
            [side * (b[1] - a[1]) / length, side * (a[0] - b[0]) / length]
        };
        (0..n).map(normal).collect()
    }

    /// Spreads the points evenly along the curve (a cubic through them), from pin to pin.
    pub fn spread(&mut self) {
        let n = self.points.len();
        let firsts: Vec<usize> = if self.pins.is_empty() { vec![0] } else { self.pins.iter().map(|p| p.0).collect() };
        let at: Vec<f64> = std::iter::once(0.0)
            .chain(sides(&self.points).scan(0.0, |sum, side| {
                *sum += side;
                Some(*sum)
            }))
            .collect();
        let whole = at[n];
        let mut spread = Vec::with_capacity(n);
        for (m, &first) in firsts.iter().enumerate() {
            let (from, mut to) = (at[first], at[firsts[(m + 1) % firsts.len()]]);
            if to <= from {
                to += whole;
            }
            let pieces = ((to - from) / self.wanted).round().max(if firsts.len() < 3 { 3.0 } else { 1.0 });
            if let Some(pin) = self.pins.get_mut(m) {
                pin.0 = spread.len();
            }
            for piece in 0..pieces as usize {
                spread
                    .push(self.along((from + (to - from) * piece as f64 / pieces) % whole.max(f64::MIN_POSITIVE), &at));
            }
        }
        self.points = spread;
    }

    /// Takes back what a Gaussian does to a curved edge: moves points outwards by `σ²/2` of the curvature,
    /// measured over σ to both sides; pinned ones stay.
    pub fn swell(&mut self, sigma: f64) {
        let n = self.points.len();
        let reach = ((sigma / self.apart()).round().max(1.0) as usize).min(n / 3);
        let side = self.area().signum();
        let moved = self.normals().into_iter().enumerate().map(|(at, normal)| {
            let (a, b, c) = (self.points[(at + n - reach) % n], self.points[at], self.points[(at + reach) % n]);
            // Menger's curvature: of the circle through the three.
            let cross = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);
            let product = distance(a, b) * distance(b, c) * distance(a, c);
            let curvature = if product > 1e-12 { side * 2.0 * cross / product } else { 0.0 };
            let pinned = self.pins.iter().any(|p| p.0 == at);
            let way = if pinned { 0.0 } else { (0.5 * sigma * sigma * curvature).clamp(-0.25 * sigma, 0.25 * sigma) };
            [b[0] + way * normal[0], b[1] + way * normal[1]]
        });
        self.points = moved.collect();
    }

    /// The place `s` mm along the curve; `at` is where each point lies.
    fn along(&self, s: f64, at: &[f64]) -> Point {
        let n = self.points.len();
        let a = (at.partition_point(|x| *x <= s).max(1) - 1).min(n - 1);
        let share = (s - at[a]) / (at[a + 1] - at[a]).max(f64::MIN_POSITIVE);
        let [p, q, r, t] = [a + n - 1, a, a + 1, a + 2].map(|m| self.points[m % n]);
        // Catmull and Rom's cubic; unlike a chord it does not cut corners.
        let cubic = |p: f64, q: f64, r: f64, t: f64| {
            let (b, c, d) = (r - p, 2.0 * p - 5.0 * q + 4.0 * r - t, t - p + 3.0 * (q - r));
            q + 0.5 * share * (b + share * (c + share * d))
        };
        [cubic(p[0], q[0], r[0], t[0]), cubic(p[1], q[1], r[1], t[1])]
    }
}

/// Lengths of the sides, that from the last point to the first at the end.
fn sides(points: &[Point]) -> impl Iterator<Item = f64> + '_ {
    points.iter().zip(points.iter().cycle().skip(1)).map(|(a, b)| distance(*a, *b))
}
