//! The snake finds a disc's edge, and follows the reader's pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_classical::snake::{Pin, Snake, evolve, inside};
use ndarray::Array2;

fn circle(centre: [f64; 2], radius: [f64; 2], n: usize) -> Vec<[f64; 2]> {
    (0..n)
        .map(|p| std::f64::consts::TAU * p as f64 / n as f64)
        .map(|t| [centre[0] + radius[0] * t.sin(), centre[1] + radius[1] * t.cos()])
        .collect()
}

#[test]
fn rests_on_the_edge_of_a_disc_whatever_the_spacing() {
    // 20 mm radius at 1 mm by 2 mm.
    let image = Array2::from_shape_fn((100, 50), |(j, i)| {
        let r = (j as f64 - 50.0).hypot(2.0 * (i as f64 - 25.0));
        if r < 20.0 { 100.0 } else { 0.0f32 }
    });
    let found =
        evolve(image.view(), [1.0, 2.0], &circle([50.0, 25.0], [24.0, 12.0], 80), &[], &Snake::default()).unwrap();
    let off: Vec<f64> = found.curve.iter().map(|[j, i]| ((j - 50.0).hypot(2.0 * (i - 25.0)) - 20.0).abs()).collect();
    // Voxels are 2 mm wide, so the disc's own border is uneven by a millimetre.
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    assert!(mean < 1.0 && off.iter().all(|d| *d < 3.0), "{mean}: {off:?}");
    let mask = inside(&found.curve, [100, 50]);
    let both = mask.iter().zip(&image).filter(|(m, v)| **m && **v > 0.0).count();
    let all = mask.iter().filter(|m| **m).count() + image.iter().filter(|v| **v > 0.0).count();
    assert!(2.0 * both as f64 / all as f64 > 0.95);
}

#[test]
fn a_pin_drags_its_point_and_its_neighbours() {
    let image = Array2::zeros((64, 64));
    let snake = Snake { tension: 0.01, rigidity: 0.01, iterations: 20, ..Snake::default() };
    let start = circle([32.0, 32.0], [10.0, 10.0], 60);
    let pin = Pin { point: 0, target: [32.0, 52.0], stiffness: 10.0 };
    let free = evolve(image.view(), [1.0; 2], &start, &[], &snake).unwrap();
    let dragged = evolve(image.view(), [1.0; 2], &start, &[pin], &snake).unwrap();
    assert!((dragged.curve[0][1] - 52.0).abs() < 1.0, "{:?}", dragged.curve[0]);
    let shift = |p: usize| dragged.curve[p][1] - free.curve[p][1];
    assert!(shift(1) > 1.0 && shift(1) < shift(0) && shift(30).abs() < 0.5);
}

#[test]
fn refuses_what_is_no_curve() {
    let image = Array2::zeros((8, 8));
    let snake = Snake::default();
    let curve = circle([4.0, 4.0], [2.0, 2.0], 8);
    assert!(
        evolve(image.view(), [1.0; 2], &curve[..4], &[], &snake)
            .unwrap_err()
            .to_string()
            .contains("draw a longer curve")
    );
    let pin = Pin { point: 8, target: [0.0; 2], stiffness: 1.0 };
    assert!(evolve(image.view(), [1.0; 2], &curve, &[pin], &snake).is_err());
    assert!(evolve(image.view(), [0.0, 1.0], &curve, &[], &snake).is_err());
    let nowhere = Pin { point: 0, target: [f64::NAN; 2], stiffness: 1.0 };
    assert!(evolve(image.view(), [1.0; 2], &curve, &[nowhere], &snake).is_err());
}
