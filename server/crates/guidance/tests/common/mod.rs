//! Slow, obvious references and random cases for the tests.
#![allow(dead_code)] // Each test file uses its part.

use isochrone_guidance::Geodesic;
use ndarray::Array3;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub type Case = ([usize; 3], [f32; 3], Vec<[usize; 3]>, Array3<f32>);

/// Shapes with and without thin axes, odd spacings, points, an image full of ties.
pub fn case(max_points: usize) -> impl Strategy<Value = Case> {
    let axis = prop_oneof![Just(1usize), 2..6usize, 6..20usize];
    let side = prop_oneof![Just(1.0f32), Just(2.5), 0.3f32..6.0];
    let shape = (prop_oneof![Just(1usize), 2..7usize], prop_oneof![Just(1usize), 2..9usize], axis);
    (shape, [side.clone(), side.clone(), side], 1..=max_points, any::<u64>()).prop_map(
        |((k, j, i), spacing, count, seed)| {
            let shape = [k, j, i];
            let mut random = Random(seed);
            let points = (0..count).map(|_| shape.map(|n| random.below(n))).collect();
            let tied = random.below(2) == 0;
            let image = Array3::from_shape_simple_fn((k, j, i), || {
                let v = random.below(4000) as f32 / 1000.0;
                if tied { v.floor() } else { v }
            });
            (shape, spacing, points, image)
        },
    )
}

/// SplitMix64: enough for tests, and the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

pub fn points_in(shape: [usize; 3], count: usize) -> Vec<[usize; 3]> {
    let mut random = Random(count as u64);
    (0..count).map(|_| shape.map(|n| random.below(n))).collect()
}

pub fn bits(map: &Array3<f32>) -> Vec<u32> {
    map.iter().map(|v| v.to_bits()).collect()
}

pub fn brute_euclidean(shape: [usize; 3], points: &[[usize; 3]], spacing: [f32; 3]) -> Array3<f64> {
    Array3::from_shape_fn(shape, |(k, j, i)| {
        let far = |p: &[usize; 3]| {
            let d: f64 = [k, j, i]
                .iter()
                .zip(p)
                .zip(spacing)
                .map(|((a, b), s)| ((*a as f64 - *b as f64) * f64::from(s)).powi(2))
                .sum();
            d.sqrt()
        };
        points.iter().map(far).fold(f64::INFINITY, f64::min)
    })
}

/// Bellman-Ford until nothing changes: shares no code and no order with the kernels.
pub fn brute_geodesic(image: &Array3<f32>, points: &[[usize; 3]], metric: &Geodesic) -> Array3<f32> {
    let mut far = Array3::from_elem(image.raw_dim(), f32::INFINITY);
    for &p in points {
        far[p] = 0.0;
    }
    let [sk, sj, si] = metric.spacing_mm;
    loop {
        let before = far.clone();
        for ((k, j, i), &d) in before.indexed_iter() {
            for (q, &v) in image.indexed_iter() {
                let step = [q.0.abs_diff(k), q.1.abs_diff(j), q.2.abs_diff(i)];
                if step == [0; 3] || step.iter().any(|&s| s > 1) {
                    continue;
                }
                let [x, y, z] = [step[0] as f32 * sk, step[1] as f32 * sj, step[2] as f32 * si];
                let length = (1.0 - metric.lambda) * (x * x + y * y + z * z).sqrt();
                let through = d + (length + metric.lambda * (image[[k, j, i]] - v).abs());
                far[q] = far[q].min(through);
            }
        }
        if far == before {
            return far;
        }
    }
}

/// Dijkstra's algorithm, for arrays too large for [`brute_geodesic`].
pub fn dijkstra(image: &Array3<f32>, points: &[[usize; 3]], metric: &Geodesic) -> Array3<f32> {
    let mut far = Array3::from_elem(image.raw_dim(), f32::INFINITY);
    let mut heap = BinaryHeap::new();
    for &p in points {
        far[p] = 0.0;
        heap.push((Reverse(0u32), p));
    }
    let [sk, sj, si] = metric.spacing_mm;
    // Bits of floats that are not negative sort as they do.
    while let Some((Reverse(d), [k, j, i])) = heap.pop() {
        if d > far[[k, j, i]].to_bits() {
            continue;
        }
        for n in 0..27usize {
            let q = [k + n / 9, j + n / 3 % 3, i + n % 3].map(|x| x.wrapping_sub(1));
            let Some(&v) = image.get(q) else { continue };
            let step = [q[0].abs_diff(k), q[1].abs_diff(j), q[2].abs_diff(i)];
            let [x, y, z] = [step[0] as f32 * sk, step[1] as f32 * sj, step[2] as f32 * si];
            let length = (1.0 - metric.lambda) * (x * x + y * y + z * z).sqrt();
            let through = f32::from_bits(d) + (length + metric.lambda * (image[[k, j, i]] - v).abs());
            if through < far[q] {
                far[q] = through;
                heap.push((Reverse(through.to_bits()), q));
            }
        }
    }
    far
}
