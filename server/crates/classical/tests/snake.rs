//! The snake rests on edges that are known exactly, and follows the reader's pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_classical::snake::{Evolved, Pin, Snake, evolve};
use ndarray::Array2;

const SPACING: [f32; 2] = [1.0, 2.0];
const SHAPE: (usize, usize) = (101, 51);
const CENTRE: [f64; 2] = [50.3, 50.7];

/// Half-axes in mm, along y and x.
type Axes = [f64; 2];

/// Share of every voxel that an ellipse about [`CENTRE`] (mm) covers, as a scanner would see it.
fn covered(axes: Axes) -> Array2<f32> {
    const FINE: usize = 10;
    Array2::from_shape_fn(SHAPE, |(j, i)| {
        let part = |n: usize| (n as f64 + 0.5) / FINE as f64 - 0.5;
        let inside = (0..FINE * FINE).filter(|n| {
            let (y, x) = (j as f64 + part(n / FINE), 2.0 * (i as f64 + part(n % FINE)));
            ((y - CENTRE[0]) / axes[0]).hypot((x - CENTRE[1]) / axes[1]) < 1.0
        });
        100.0 * inside.count() as f32 / (FINE * FINE) as f32
    })
}

/// An ellipse about the centre, in fractional voxels.
fn ellipse(axes: Axes, n: usize) -> Vec<[f64; 2]> {
    let at = |p| std::f64::consts::TAU * p as f64 / n as f64;
    (0..n).map(|p| [CENTRE[0] + axes[0] * at(p).sin(), (CENTRE[1] + axes[1] * at(p).cos()) / 2.0]).collect()
}

/// Distances in mm from the curve's points to the ellipse: positive outside.
fn off(curve: &[[f64; 2]], axes: Axes) -> Vec<f64> {
    let border: Vec<[f64; 2]> = ellipse(axes, 4000).into_iter().map(|[j, i]| [j, 2.0 * i]).collect();
    let distance = |&[j, i]: &[f64; 2]| {
        let nearest = border.iter().map(|b| (b[0] - j).hypot(b[1] - 2.0 * i)).fold(f64::INFINITY, f64::min);
        let inside = ((j - CENTRE[0]) / axes[0]).hypot((2.0 * i - CENTRE[1]) / axes[1]) < 1.0;
        if inside { -nearest } else { nearest }
    };
    curve.iter().map(distance).collect()
}

fn rest(image: &Array2<f32>, start: &[[f64; 2]], pins: &[Pin], snake: &Snake) -> Evolved {
    evolve(image.view(), SPACING, start, pins, snake, &|| false).unwrap().unwrap()
}

fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    let mut even = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    // Twelve even ones make a normal one.
    move || (0..12).map(|_| even()).sum::<f32>() - 6.0
}

#[test]
fn rests_within_half_a_voxel_of_a_disc_and_an_ellipse() {
    let snake = Snake { sigma_mm: 2.0, ..Snake::default() };
    for edge in [[20.0, 20.0], [10.0, 10.0], [12.0, 30.0], [30.0, 14.0]] {
        let image = covered(edge);
        for start in [[edge[0] + 4.0, edge[1] + 4.0], [edge[0] - 3.0, edge[1] - 3.0], [edge[0] + 2.0, edge[1] - 3.0]] {
            let found = rest(&image, &ellipse(start, 24), &[], &snake);
            let off = off(&found.curve, edge);
            let (low, high) = off.iter().fold((0.0f64, 0.0f64), |(l, h), d| (l.min(*d), h.max(*d)));
            let mean = off.iter().sum::<f64>() / off.len() as f64;
            println!("{edge:?} from {start:?}: {mean:.3} mm, {low:.3} to {high:.3}, {} steps", found.steps);
            assert!(low > -0.5 && high < 0.5 && mean.abs() < 0.25, "{edge:?} from {start:?}: {mean} {low} {high}");
        }
    }
}

#[test]
fn noise_moves_it_little() {
    let snake = Snake { sigma_mm: 2.0, ..Snake::default() };
    let mut normal = noise(5);
    let edge = [18.0, 25.0];
    let image = covered(edge).mapv(|v| v + 20.0 * normal());
    let found = rest(&image, &ellipse([21.0, 28.0], 30), &[], &snake);
    let off = off(&found.curve, edge);
    let rms = (off.iter().map(|d| d * d).sum::<f64>() / off.len() as f64).sqrt();
    println!("noise of a fifth of the contrast: {rms:.3} mm");
    assert!(rms < 0.5 && off.iter().all(|d| d.abs() < 2.0), "{rms} {off:?}");
}

#[test]
fn stays_where_there_is_nothing_to_slide_to() {
    let start = ellipse([15.0, 15.0], 40);
    let found = rest(&Array2::from_elem(SHAPE, 7.0), &start, &[], &Snake::default());
    assert!(off(&found.curve, [15.0, 15.0]).iter().all(|d| d.abs() < 0.1), "{:?}", off(&found.curve, [15.0, 15.0]));
}

#[test]
fn pins_are_honoured_and_the_rest_slides_on() {
    let snake = Snake { sigma_mm: 2.0, ..Snake::default() };
    let edge = [20.0, 20.0];
    let image = covered(edge);
    let mut start = ellipse([22.0, 22.0], 24);
    let target = [CENTRE[0] + 27.0, CENTRE[1] / 2.0];
    start[6] = target;
    let pin = Pin { point: 6, target };
    let mm = |[j, i]: [f64; 2], [y, x]: [f64; 2]| (j - y).hypot(2.0 * (i - x));
    let nearest = |found: &Evolved| found.curve.iter().map(|p| mm(*p, target)).fold(f64::INFINITY, f64::min);
    let (pinned, free) = (rest(&image, &start, &[pin], &snake), rest(&image, &start, &[], &snake));
    println!("pin 7 mm off the edge: {:.3} mm, without it {:.3} mm", nearest(&pinned), nearest(&free));
    assert!(nearest(&pinned) < 0.5 && nearest(&free) > 5.0);
    let far: Vec<[f64; 2]> = pinned.curve.iter().copied().filter(|p| mm(*p, target) > 15.0).collect();
    assert!(far.len() > 60 && off(&far, edge).iter().all(|d| d.abs() < 0.5));
}

#[test]
fn the_same_again_and_either_way_round() {
    let image = covered([20.0, 25.0]);
    let start = ellipse([23.0, 23.0], 20);
    let found = rest(&image, &start, &[], &Snake::default());
    assert_eq!(found, rest(&image, &start, &[], &Snake::default()));
    let back: Vec<_> = start.into_iter().rev().collect();
    let other = rest(&image, &back, &[], &Snake::default());
    assert!(off(&other.curve, [20.0, 25.0]).iter().all(|d| d.abs() < 0.5));
    assert_eq!(evolve(image.view(), SPACING, &back, &[], &Snake::default(), &|| true), Ok(None));
}

#[test]
fn refuses_what_is_no_curve() {
    let image = Array2::zeros((8, 8));
    let snake = Snake::default();
    let curve = [[2.0, 2.0], [2.0, 6.0], [6.0, 6.0], [6.0, 2.0]];
    let go = |curve: &[[f64; 2]], pins: &[Pin], spacing| evolve(image.view(), spacing, curve, pins, &snake, &|| false);
    assert!(go(&curve[..2], &[], [1.0; 2]).unwrap_err().to_string().contains("draw a longer curve"));
    assert!(go(&curve, &[Pin { point: 4, target: [0.0; 2] }], [1.0; 2]).is_err());
    assert!(go(&curve, &[Pin { point: 0, target: [f64::NAN; 2] }], [1.0; 2]).is_err());
    assert!(go(&curve, &[], [0.0, 1.0]).is_err());
    // All points on one spot, or on one line, is a poor curve but no reason to fall over.
    for poor in [[[3.0, 3.0]; 5], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0], [1.0, 1.0]]] {
        let found = go(&poor, &[], [1.0; 2]).unwrap().unwrap();
        assert!(found.curve.iter().flatten().all(|v| v.is_finite()));
    }
}
