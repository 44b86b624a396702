//! A state hands out, for any box, what the one-shot function computes for its points.

mod common;

use common::{Random, bits};
use isochrone_guidance::{
    Adaptive, Geodesic, GuidanceError, GuidanceState, Layer, Signal, adaptive_gaussian, attraction_field, disk,
    euclidean_distance, exponential_geodesic, gaussian, geodesic_distance, location_prior,
};
use ndarray::{Array3, ArrayView3, s};

const SHAPE: [usize; 3] = [9, 14, 21];
const SPACING: [f32; 3] = [3.0, 1.5, 2.0];

fn image() -> Array3<f32> {
    let mut random = Random(5);
    Array3::from_shape_simple_fn(SHAPE, || (random.below(30) as f32 / 10.0).floor())
}

fn signals() -> Vec<Signal> {
    vec![
        Signal::Gaussian { sigma_mm: 2.0 },
        Signal::Disk { radius_mm: 5.0 },
        Signal::Euclidean,
        Signal::Geodesic { lambda: 0.5, cutoff: None },
        Signal::Geodesic { lambda: 0.8, cutoff: Some(6.0) },
        Signal::ExponentialGeodesic { lambda: 0.5, cutoff: None, tau: 4.0 },
        Signal::AdaptiveGaussian { lambda: 0.5, adaptive: Adaptive::default() },
        Signal::LocationPrior,
        Signal::Attraction { epsilon_mm2: 1.0 },
    ]
}

fn one_shot(signal: Signal, image: ArrayView3<'_, f32>, points: &[[usize; 3]]) -> Array3<f32> {
    let metric = |lambda, cutoff| Geodesic { spacing_mm: SPACING, lambda, cutoff };
    match signal {
        Signal::Gaussian { sigma_mm } => gaussian(SHAPE, points, SPACING, sigma_mm),
        Signal::Disk { radius_mm } => disk(SHAPE, points, SPACING, radius_mm),
        Signal::Euclidean => euclidean_distance(SHAPE, points, SPACING),
        Signal::Geodesic { lambda, cutoff } => geodesic_distance(image, points, &metric(lambda, cutoff)),
        Signal::ExponentialGeodesic { lambda, cutoff, tau } => {
            exponential_geodesic(image, points, &metric(lambda, cutoff), tau)
        }
        Signal::AdaptiveGaussian { lambda, adaptive } => {
            adaptive_gaussian(&[image], points, &metric(lambda, None), &adaptive)
        }
        Signal::LocationPrior => location_prior(image.mapv(|v| v != 0.0).view(), points),
        Signal::Attraction { epsilon_mm2 } => attraction_field(SHAPE, points, &[], SPACING, epsilon_mm2),
    }
    .unwrap()
}

#[test]
fn every_signal_follows_its_layers() {
    let image = image();
    for signal in signals() {
        let mut random = Random(9);
        let mut state = GuidanceState::new(SHAPE, SPACING, signal).unwrap();
        let layers = [(1, true), (1, false), (2, true)].map(|(label, positive)| Layer { label, positive });
        let mut points = [const { Vec::<[usize; 3]>::new() }; 3];
        for _ in 0..30 {
            let n = random.below(3);
            let (layer, mine) = (layers[n], &mut points[n]);
            match random.below(4) {
                0 if !mine.is_empty() => {
                    let gone = mine.remove(random.below(mine.len()));
                    state.remove(&[image.view()], layer, &[gone]).unwrap();
                }
                1 => {
                    mine.retain(|_| random.below(3) > 0);
                    mine.extend((0..random.below(3)).map(|_| SHAPE.map(|n| random.below(n))));
                    state.replace(&[image.view()], layer, mine).unwrap();
                }
                _ => {
                    let new: Vec<_> = (0..1 + random.below(3)).map(|_| SHAPE.map(|n| random.below(n))).collect();
                    state.insert(&[image.view()], layer, &new).unwrap();
                    mine.extend(new);
                }
            }
            for (layer, mine) in layers.into_iter().zip(&points) {
                let mut held: Vec<_> = state.points(layer).collect();
                let mut wanted = mine.clone();
                held.sort_unstable();
                wanted.sort_unstable();
                assert_eq!(held, wanted);
                let order: Vec<_> = state.points(layer).collect();
                let whole = one_shot(signal, image.view(), &order);
                assert_eq!(bits(&state.whole(&[image.view()], layer).unwrap()), bits(&whole), "{signal:?}");
                let cut = SHAPE.map(|n| {
                    let start = random.below(n);
                    start..start + 1 + random.below(n - start)
                });
                let part = whole.slice(s![cut[0].clone(), cut[1].clone(), cut[2].clone()]).to_owned();
                assert_eq!(bits(&state.region(&[image.view()], layer, cut).unwrap()), bits(&part), "{signal:?}");
            }
        }
    }
}

#[test]
fn misuse_is_named() {
    let (image, layer) = (image(), Layer { label: 1, positive: true });
    let geodesic = Signal::Geodesic { lambda: 0.5, cutoff: None };
    assert!(matches!(GuidanceState::new([0, 1, 1], SPACING, geodesic), Err(GuidanceError::Shape(_))));
    assert!(matches!(GuidanceState::new(SHAPE, [0.0; 3], geodesic), Err(GuidanceError::Spacing(_))));
    for wrong in [
        Signal::Gaussian { sigma_mm: 0.0 },
        Signal::Disk { radius_mm: f32::NAN },
        Signal::Geodesic { lambda: 2.0, cutoff: None },
        Signal::ExponentialGeodesic { lambda: 0.5, cutoff: None, tau: 0.0 },
        Signal::Attraction { epsilon_mm2: -1.0 },
        Signal::AdaptiveGaussian { lambda: 0.5, adaptive: Adaptive { window: 2, ..Adaptive::default() } },
    ] {
        assert!(matches!(GuidanceState::new(SHAPE, SPACING, wrong), Err(GuidanceError::Parameter { .. })), "{wrong:?}");
    }
    let mut state = GuidanceState::new(SHAPE, SPACING, geodesic).unwrap();
    assert!(matches!(state.insert(&[image.view()], layer, &[[9, 0, 0]]), Err(GuidanceError::PointOutside { .. })));
    assert!(matches!(state.insert(&[], layer, &[[0, 0, 0]]), Err(GuidanceError::NoChannel)));
    let other = Array3::zeros((1, 2, 3));
    assert!(matches!(state.insert(&[other.view()], layer, &[[0, 0, 0]]), Err(GuidanceError::ShapesDiffer { .. })));
    assert!(matches!(state.remove(&[image.view()], layer, &[[0, 0, 0]]), Err(GuidanceError::PointUnknown(_))));
    assert_eq!(state.points(layer).count(), 0);
    assert!(matches!(state.region(&[], layer, [0..10, 0..1, 0..1]), Err(GuidanceError::ShapesDiffer { .. })));
    assert!(matches!(state.region(&[], layer, [0..0, 0..1, 0..1]), Err(GuidanceError::Shape(_))));
}

/// Every voxel of a region is a point, as a brush wider than the region makes it.
#[test]
fn a_region_full_of_points_is_drawn_in_time() {
    let shape = [64, 64, 64];
    let image = Array3::from_shape_fn(shape, |(k, j, i)| ((k * 7 + j * 5 + i * 3) % 11) as f32);
    let all: Vec<[usize; 3]> = ndarray::indices(shape).into_iter().map(|(k, j, i)| [k, j, i]).collect();
    let layer = Layer { label: 1, positive: true };
    for signal in [Signal::Geodesic { lambda: 0.9, cutoff: Some(5.0) }, Signal::Gaussian { sigma_mm: 2.0 }] {
        let mut state = GuidanceState::new(shape, [1.0; 3], signal).unwrap();
        let begun = std::time::Instant::now();
        for points in [&all[..200_000], &all, &all[..150_000], &all[100..]] {
            state.replace(&[image.view()], layer, points).unwrap();
        }
        let map = state.whole(&[image.view()], layer).unwrap();
        let took = begun.elapsed();
        println!("{signal:?}: {took:?}");
        assert!(took.as_secs_f64() < 10.0, "{signal:?} took {took:?}");
        assert_eq!(map[[40, 40, 40]], if matches!(signal, Signal::Gaussian { .. }) { 1.0 } else { 0.0 });
    }
}

/// What is drawn of a solid body's points equals what each of them draws, in every bit.
#[test]
fn points_inside_of_a_body_change_nothing() {
    let shape = [20, 24, 28];
    let body = |k: usize, j: usize, i: usize| {
        let d = [k.abs_diff(6) * 2, j.abs_diff(12), i.abs_diff(20)].map(|n| n * n).iter().sum::<usize>();
        d <= 100 || (k > 14 && !(j + i).is_multiple_of(3))
    };
    let points: Vec<[usize; 3]> =
        ndarray::indices(shape).into_iter().filter(|&(k, j, i)| body(k, j, i)).map(|(k, j, i)| [k, j, i]).collect();
    assert!(points.len() > 2000);
    for span in [[0..20, 0..24, 0..28], [3..9, 8..20, 10..28], [8..20, 0..5, 0..9]] {
        let mut state = GuidanceState::new(shape, [2.0, 1.0, 1.5], Signal::Gaussian { sigma_mm: 2.5 }).unwrap();
        let layer = Layer { label: 1, positive: true };
        state.replace(&[], layer, &points).unwrap();
        let drawn = state.region(&[], layer, span.clone()).unwrap();
        let mut one_by_one = Array3::zeros(shape);
        for part in points.chunks(100) {
            isochrone_guidance::add_gaussian(one_by_one.view_mut(), part, [2.0, 1.0, 1.5], 2.5).unwrap();
        }
        let cut = one_by_one.slice(s![span[0].clone(), span[1].clone(), span[2].clone()]).to_owned();
        assert_eq!(bits(&drawn), bits(&cut));
    }
}
