//! Every map against brute force, on random arrays, spacings and points.

mod common;

use common::{bits, brute_euclidean, brute_geodesic, case, points_in};
use isochrone_guidance::{
    Geodesic, GuidanceError, MaskSide, disk, distance_transform, euclidean_distance, exponential_geodesic, gaussian,
    geodesic_distance, mask_distance,
};
use ndarray::{Array3, Zip};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn euclidean_is_the_minimum_over_points((shape, spacing, points, _) in case(40)) {
        let got = euclidean_distance(shape, &points, spacing).unwrap();
        let wanted = brute_euclidean(shape, &points, spacing);
        Zip::from(&got).and(&wanted).for_each(|g, w| assert!((f64::from(*g) - w).abs() <= 1e-5 * w.max(1.0), "{g} {w}"));
    }

    #[test]
    fn transform_is_the_distance_to_unset_voxels((shape, spacing, _, image) in case(1), level in -1.0f32..3.0, border in any::<bool>()) {
        let mask = image.mapv(|v| v < level);
        let got = distance_transform(mask.view(), spacing, border).unwrap();
        let pad = shape.map(|n| usize::from(border && n > 1));
        let background: Vec<[usize; 3]> = padded_background(&mask, pad);
        let big = [shape[0] + 2 * pad[0], shape[1] + 2 * pad[1], shape[2] + 2 * pad[2]];
        let wanted = brute_euclidean(big, &background, spacing);
        for ((k, j, i), &g) in got.indexed_iter() {
            let w = wanted[[k + pad[0], j + pad[1], i + pad[2]]];
            prop_assert!(f64::from(g) == w || (f64::from(g) - w).abs() <= 1e-5 * w, "{g} {w}");
        }
    }

    #[test]
    fn sides_of_a_mask((shape, spacing, _, image) in case(1), level in -1.0f32..5.0) {
        let mask = image.mapv(|v| v < level);
        let of = |wanted: bool| mask.indexed_iter().filter(|(_, set)| **set == wanted).map(|((k, j, i), _)| [k, j, i]).collect::<Vec<_>>();
        let (inside, outside) = (brute_euclidean(shape, &of(false), spacing), brute_euclidean(shape, &of(true), spacing));
        let map = |side| mask_distance(mask.view(), spacing, side).unwrap();
        let (i, o, s) = (map(MaskSide::Inside), map(MaskSide::Outside), map(MaskSide::Signed));
        let close = |g: f32, w: f64| f64::from(g) == w || (f64::from(g) - w).abs() <= 1e-5 * w.abs();
        for (at, set) in mask.indexed_iter() {
            prop_assert!(close(i[at], inside[at]) && close(o[at], outside[at]));
            prop_assert!(close(s[at], if *set { -inside[at] } else { outside[at] }), "{} {}", s[at], inside[at]);
        }
    }

    #[test]
    fn scribbles_are_exact((shape, spacing, _, _) in case(1), count in 17usize..200, planes in 1usize..9, axis in 0usize..3) {
        let mut points = points_in(shape, count);
        points.iter_mut().for_each(|p| p[axis] %= planes);
        let (got, wanted) = (euclidean_distance(shape, &points, spacing).unwrap(), brute_euclidean(shape, &points, spacing));
        Zip::from(&got).and(&wanted).for_each(|g, w| assert!((f64::from(*g) - w).abs() <= 1e-5 * w.max(1.0), "{g} {w}"));
    }

    #[test]
    fn geodesic_is_the_least_path((shape, spacing, points, image) in case(5), lambda in prop_oneof![Just(0.0f32), Just(0.5), Just(1.0), 0.0f32..1.0]) {
        let metric = Geodesic { spacing_mm: spacing, lambda, cutoff: None };
        let got = geodesic_distance(image.view(), &points, &metric).unwrap();
        prop_assert_eq!(bits(&got), bits(&brute_geodesic(&image, &points, &metric)));
        let near = geodesic_distance(image.view(), &points, &Geodesic { cutoff: Some(4.0), ..metric }).unwrap();
        prop_assert_eq!(bits(&near), bits(&got.mapv(|d| if d <= 4.0 { d } else { f32::INFINITY })));
        prop_assert_eq!(got.dim(), (shape[0], shape[1], shape[2]));
    }

    #[test]
    fn local_maps_follow_the_distance((shape, spacing, points, _) in case(6), size in 0.5f32..8.0) {
        let far = brute_euclidean(shape, &points, spacing);
        let (ball, bump) = (disk(shape, &points, spacing, size).unwrap(), gaussian(shape, &points, spacing, size).unwrap());
        Zip::from(&ball).and(&bump).and(&far).for_each(|&ball, &bump, &d| {
            let (d, size) = (d as f32, size);
            assert!((ball == 1.0) == (d <= size) || (d - size).abs() < 1e-4);
            let wanted = if d <= 5.0 * size { (-0.5 * (d / size).powi(2)).exp() } else { 0.0 };
            assert!((bump - wanted).abs() < 1e-5);
        });
    }
}

#[test]
fn thousands_of_points() {
    let (shape, spacing) = ([6, 40, 50], [3.0, 2.0, 1.0]);
    let points = points_in(shape, 3000);
    let (got, wanted) =
        (euclidean_distance(shape, &points, spacing).unwrap(), brute_euclidean(shape, &points, spacing));
    Zip::from(&got).and(&wanted).for_each(|g, w| assert!((f64::from(*g) - w).abs() <= 1e-5, "{g} {w}"));
}

/// So thick that columns go through their lower envelope, in places with no voxel of the other kind in reach.
#[test]
fn thick_masks() {
    let spacing = [3.0, 0.7, 1.3];
    for (shape, holes) in [([2, 400, 21], 3), ([300, 3, 18], 5), ([1, 333, 40], 1), ([4, 250, 7], 60)] {
        let mut mask = Array3::from_elem(shape, true);
        points_in(shape, holes).iter().for_each(|p| mask[*p] = false);
        let of = |wanted: bool| {
            mask.indexed_iter().filter(|(_, v)| **v == wanted).map(|((k, j, i), _)| [k, j, i]).collect::<Vec<_>>()
        };
        let inside = brute_euclidean(shape, &of(false), spacing);
        let close = |got: f32, wanted: f64| (f64::from(got) - wanted).abs() <= 1e-5 * wanted.abs();
        let got = distance_transform(mask.view(), spacing, false).unwrap();
        Zip::from(&got).and(&inside).for_each(|g, w| assert!(close(*g, *w), "{g} {w}"));
        let signed = mask_distance(mask.view(), spacing, MaskSide::Signed).unwrap();
        Zip::from(&signed).and(&inside).and(&mask).for_each(|g, w, set| assert!(!set || close(-g, *w), "{g} {w}"));
        let turned = mask_distance(mask.mapv(|v| !v).view(), spacing, MaskSide::Signed).unwrap();
        assert_eq!(bits(&turned), bits(&signed.mapv(|d| 0.0 - d)));
        let padded = distance_transform(mask.view(), spacing, true).unwrap();
        for ((k, j, i), got) in padded.indexed_iter() {
            // The border is a plane, so the nearest voxel of it lies straight ahead.
            let border = [(k, 0), (j, 1), (i, 2)].map(|(x, a)| {
                let n = shape[a];
                if n > 1 { (x + 1).min(n - x) as f64 * f64::from(spacing[a]) } else { f64::INFINITY }
            });
            let wanted = border.into_iter().fold(inside[[k, j, i]], f64::min);
            assert!(close(*got, wanted), "{got} {wanted}");
        }
    }
}

fn padded_background(mask: &Array3<bool>, pad: [usize; 3]) -> Vec<[usize; 3]> {
    let mut padded =
        Array3::from_elem((mask.dim().0 + 2 * pad[0], mask.dim().1 + 2 * pad[1], mask.dim().2 + 2 * pad[2]), false);
    for ((k, j, i), &set) in mask.indexed_iter() {
        padded[[k + pad[0], j + pad[1], i + pad[2]]] = set;
    }
    padded.indexed_iter().filter(|(_, set)| !**set).map(|((k, j, i), _)| [k, j, i]).collect()
}

#[test]
fn nothing_to_measure_from() {
    let image = Array3::<f32>::zeros((2, 3, 4));
    let metric = Geodesic::new([1.0; 3]);
    assert!(euclidean_distance([2, 3, 4], &[], [1.0; 3]).unwrap().iter().all(|d| *d == f32::INFINITY));
    assert!(geodesic_distance(image.view(), &[], &metric).unwrap().iter().all(|d| *d == f32::INFINITY));
    assert!(exponential_geodesic(image.view(), &[], &metric, 2.0).unwrap().iter().all(|d| *d == 0.0));
    assert!(gaussian([2, 3, 4], &[], [1.0; 3], 1.0).unwrap().iter().all(|d| *d == 0.0));
    let full = Array3::from_elem((2, 3, 4), true);
    assert!(distance_transform(full.view(), [1.0; 3], false).unwrap().iter().all(|d| *d == f32::INFINITY));
}

#[test]
fn refusals_name_the_fault() {
    let mut image = Array3::<f32>::zeros((2, 3, 4));
    let metric = Geodesic::new([1.0; 3]);
    let outside = geodesic_distance(image.view(), &[[0, 3, 0]], &metric);
    assert_eq!(outside, Err(GuidanceError::PointOutside { point: [0, 3, 0], shape: [2, 3, 4] }));
    for lambda in [-0.1, 1.1, f32::NAN] {
        let wrong = geodesic_distance(image.view(), &[], &Geodesic { lambda, ..metric });
        assert!(matches!(wrong, Err(GuidanceError::Parameter { name: "lambda", .. })));
    }
    for s in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(euclidean_distance([1, 1, 1], &[], [1.0, s, 1.0]), Err(GuidanceError::Spacing(_))));
    }
    assert!(matches!(euclidean_distance([1, 0, 1], &[], [1.0; 3]), Err(GuidanceError::Shape(_))));
    image[[1, 2, 3]] = f32::NAN;
    let nan = geodesic_distance(image.view(), &[], &metric);
    assert!(matches!(nan, Err(GuidanceError::Intensity { voxel: [1, 2, 3], .. })));
}

#[test]
fn points_may_repeat() {
    let points = points_in([3, 4, 5], 7);
    let twice = [points.clone(), points.clone()].concat();
    assert_eq!(euclidean_distance([3, 4, 5], &points, [1.0; 3]), euclidean_distance([3, 4, 5], &twice, [1.0; 3]));
}
