//! The morphological contour finds a ball's surface and keeps its pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_classical::morphological::{GeodesicContour, Pinned, geodesic_active_contour, inverse_gaussian_gradient};
use ndarray::Array3;

fn ball(shape: [usize; 3], radius: f64) -> Array3<bool> {
    let centre = shape.map(|n| (n / 2) as f64);
    Array3::from_shape_fn(shape, |(k, j, i)| {
        let d: f64 = [k, j, i].iter().zip(centre).map(|(&x, c)| (x as f64 - c).powi(2)).sum();
        d < radius * radius
    })
}

fn dice(a: &Array3<bool>, b: &Array3<bool>) -> f64 {
    let count = |m: &Array3<bool>| m.iter().filter(|v| **v).count() as f64;
    2.0 * a.iter().zip(b).filter(|(a, b)| **a && **b).count() as f64 / (count(a) + count(b))
}

const OPTIONS: GeodesicContour = GeodesicContour { iterations: 60, smoothing: 1, balloon: 1.0, threshold: Some(0.5) };

#[test]
fn swells_or_shrinks_to_a_ball() {
    // Rows longer than a word, and not a multiple of one.
    let shape = [40, 44, 70];
    let truth = ball(shape, 12.0);
    let image = truth.map(|&v| if v { 10.0 } else { 0.0 });
    let edges = inverse_gaussian_gradient(image.view(), 10.0, 1.0).unwrap();
    for (start, balloon) in [(5.0, 1.0), (18.0, -1.0)] {
        let options = GeodesicContour { balloon, ..OPTIONS };
        let found = geodesic_active_contour(edges.view(), ball(shape, start).view(), None, &options, &|| false)
            .unwrap()
            .unwrap();
        assert!(dice(&found, &truth) > 0.9, "{balloon}: {}", dice(&found, &truth));
    }
}

#[test]
fn pins_hold_and_stopping_stops() {
    let shape = [20, 20, 20];
    let edges = Array3::from_elem(shape, 1.0f32);
    let start = ball(shape, 5.0);
    let nothing = Array3::from_elem(shape, false);
    let wall = Array3::from_shape_fn(shape, |(_, _, i)| i >= 14);
    let pinned = Pinned { inside: nothing.view(), outside: wall.view() };
    let found =
        geodesic_active_contour(edges.view(), start.view(), Some(pinned), &OPTIONS, &|| false).unwrap().unwrap();
    assert!(found[[10, 10, 13]] && !found[[10, 10, 14]]);
    let pinned = Pinned { inside: start.view(), outside: nothing.view() };
    let shrink = GeodesicContour { balloon: -1.0, ..OPTIONS };
    let found = geodesic_active_contour(edges.view(), start.view(), Some(pinned), &shrink, &|| false).unwrap().unwrap();
    assert!(found.iter().zip(&start).all(|(f, s)| *f || !*s));
    assert!(geodesic_active_contour(edges.view(), start.view(), None, &OPTIONS, &|| true).unwrap().is_none());
}

#[test]
fn early_rest_is_the_same_as_going_on() {
    let shape = [24, 24, 24];
    let image = ball(shape, 7.0).map(|&v| if v { 10.0 } else { 0.0 });
    let edges = inverse_gaussian_gradient(image.view(), 10.0, 1.0).unwrap();
    let run = |iterations| {
        let options = GeodesicContour { iterations, ..OPTIONS };
        geodesic_active_contour(edges.view(), ball(shape, 3.0).view(), None, &options, &|| false).unwrap().unwrap()
    };
    assert_eq!(run(1000), run(1002));
    assert_eq!(run(1001), run(1003));
}

#[test]
fn odd_input() {
    let one = Array3::from_elem((1, 1, 1), 1.0f32);
    let set = Array3::from_elem((1, 1, 1), true);
    assert!(geodesic_active_contour(one.view(), set.view(), None, &OPTIONS, &|| false).unwrap().is_some());
    assert!(
        geodesic_active_contour(one.view(), Array3::from_elem((1, 1, 2), true).view(), None, &OPTIONS, &|| false)
            .is_err()
    );
    assert!(inverse_gaussian_gradient(one.view(), 1.0, 0.0).is_err());
    assert!(inverse_gaussian_gradient(Array3::zeros((0, 1, 1)).view(), 1.0, 1.0).is_err());
}
