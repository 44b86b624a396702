//! Graph cuts against every possible segmentation of small grids.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_classical::graph_cut::{Histogram, Links, Neighbours, energy, graph_cut};
use ndarray::Array3;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

#[test]
fn no_segmentation_is_cheaper() {
    let mut random = Random(7);
    for case in 0..30 {
        let shape = [(2, 2, 4), (1, 4, 4), (3, 2, 2), (1, 1, 9), (16, 1, 1)][case % 5];
        let image = Array3::from_shape_simple_fn(shape, || random.next() * 3.0);
        let mut unary = Array3::from_shape_simple_fn(shape, || (random.next() - 0.5) * 2.0);
        unary[[0, 0, 0]] = f32::INFINITY;
        unary[[shape.0 - 1, shape.1 - 1, shape.2 - 1]] = f32::NEG_INFINITY;
        let neighbours = if case % 2 == 0 { Neighbours::Six } else { Neighbours::TwentySix };
        let links = Links { neighbours, scale: 0.7, sigma: 0.8, spacing_mm: [2.5, 1.0, 0.8] };
        let cost = |object: &Array3<bool>| energy(object.view(), image.view(), unary.view(), &links).unwrap();
        let found = graph_cut(image.view(), unary.view(), &links, &|| false).unwrap().unwrap();
        let bits = |n: u32| Array3::from_shape_vec(shape, (0..image.len()).map(|b| n >> b & 1 == 1).collect()).unwrap();
        let best = (0..1u32 << image.len()).map(|n| cost(&bits(n))).fold(f64::INFINITY, f64::min);
        let ours = cost(&found);
        assert!((ours - best).abs() <= 1e-6 * best, "{case}: {ours} {best}");
    }
}

#[test]
fn an_edge_stops_what_seeds_alone_start() {
    let image =
        Array3::from_shape_fn(
            (24, 24, 24),
            |(k, j, i)| if [k, j, i].iter().all(|x| (6..15).contains(x)) { 5.0 } else { 0.0 },
        );
    let mut unary = Array3::zeros(image.dim());
    unary[[10, 10, 10]] = f32::INFINITY;
    unary.index_axis_mut(ndarray::Axis(0), 0).fill(f32::NEG_INFINITY);
    for neighbours in [Neighbours::Six, Neighbours::TwentySix] {
        let links = Links { neighbours, scale: 1.0, sigma: 0.5, spacing_mm: [1.0; 3] };
        let found = graph_cut(image.view(), unary.view(), &links, &|| false).unwrap().unwrap();
        assert_eq!(found, image.map(|v| *v > 2.0));
    }
    let links = Links { neighbours: Neighbours::Six, scale: 1.0, sigma: 0.5, spacing_mm: [1.0; 3] };
    assert!(graph_cut(image.view(), unary.view(), &links, &|| true).unwrap().is_none());
}

#[test]
fn odd_input() {
    let image = Array3::from_elem((3, 3, 3), f32::NAN);
    let unary = Array3::from_elem((3, 3, 3), f32::NAN);
    let links = Links { neighbours: Neighbours::Six, scale: 1.0, sigma: 1.0, spacing_mm: [1.0; 3] };
    let found = graph_cut(image.view(), unary.view(), &links, &|| false).unwrap().unwrap();
    assert!(found.iter().all(|o| !o));
    assert!(graph_cut(image.view(), Array3::zeros((3, 3, 2)).view(), &links, &|| false).is_err());
    let nowhere = Array3::zeros((0, 3, 3));
    assert!(graph_cut(nowhere.view(), nowhere.view(), &links, &|| false).is_err());
    for wrong in [
        Links { sigma: 0.0, ..links },
        Links { scale: -1.0, ..links },
        Links { spacing_mm: [1.0, f32::NAN, 1.0], ..links },
    ] {
        assert!(graph_cut(image.view(), unary.view(), &wrong, &|| false).is_err());
    }
    let none = Links { scale: 0.0, ..links };
    let gain = Array3::from_shape_fn((3, 3, 3), |(k, _, _)| k as f32 - 1.0);
    let found = graph_cut(Array3::zeros((3, 3, 3)).view(), gain.view(), &none, &|| false).unwrap().unwrap();
    assert_eq!(found, gain.map(|g| *g > 0.0));
}

#[test]
fn histograms_tell_kinds_apart() {
    let dark = Histogram::new((0..100).map(|n| n as f32 / 100.0), [0.0, 4.0], 64, 2.0, 0.05);
    let bright = Histogram::new((0..100).map(|n| 3.0 + n as f32 / 100.0), [0.0, 4.0], 64, 2.0, 0.05);
    for (value, more) in [(0.5, true), (3.5, false), (-10.0, true), (10.0, false)] {
        assert_eq!(dark.log_density(value) > bright.log_density(value), more, "{value}");
    }
    assert_eq!(dark.log_density(f32::NAN), 0.0);
    let unknown = Histogram::new(std::iter::empty(), [0.0, 1.0], 8, 1.0, 0.1);
    assert_eq!(unknown.log_density(0.3), 0.0);
}
