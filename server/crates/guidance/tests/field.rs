//! A field that follows its points equals the full computation in every bit, whatever the order.

mod common;

use common::{Random, bits};
use isochrone_guidance::{Geodesic, GeodesicField, GuidanceError, geodesic_distance_channels};
use ndarray::{Array3, ArrayView3};

fn random_image(random: &mut Random, shape: [usize; 3], kind: usize) -> Array3<f32> {
    Array3::from_shape_simple_fn(shape, || {
        let v = random.below(4000) as f32 / 1000.0;
        match kind {
            0 => v,
            1 => v.floor(),
            2 => 0.0,
            _ => {
                if v < 1.0 {
                    50.0
                } else {
                    0.0
                }
            }
        }
    })
}

/// Runs one random sequence of inserts and removes, comparing after each.
fn sequence(seed: u64) {
    let mut random = Random(seed);
    let shape =
        [1 + random.below(7), 1 + random.below(9), 1 + random.below(if seed.is_multiple_of(10) { 90 } else { 14 })];
    let side = |r: &mut Random| [1.0, 2.0, 0.5 + r.below(100) as f32 / 20.0][r.below(3)];
    let spacing_mm = [side(&mut random), side(&mut random), side(&mut random)];
    let lambda = [0.0, 0.5, 1.0, random.below(1000) as f32 / 1000.0][random.below(4)];
    let cutoff = [None, Some(random.below(100) as f32 / 10.0)][random.below(2)];
    let metric = Geodesic { spacing_mm, lambda, cutoff };
    let channels: Vec<_> = (0..1 + random.below(2))
        .map(|_| {
            let kind = random.below(4);
            random_image(&mut random, shape, kind)
        })
        .collect();
    let image: Vec<ArrayView3<'_, f32>> = channels.iter().map(|c| c.view()).collect();
    let mut field = GeodesicField::new(&image, metric).unwrap();
    let mut points: Vec<[usize; 3]> = Vec::new();
    for _ in 0..8 {
        let before = field.map().to_owned();
        let touched = if !points.is_empty() && random.below(5) < 2 {
            let point = points.swap_remove(random.below(points.len()));
            field.remove(&image, point).unwrap()
        } else {
            let point = shape.map(|n| random.below(n));
            points.push(point);
            field.insert(&image, point).unwrap()
        };
        let wanted = geodesic_distance_channels(&image, &points, &metric).unwrap();
        assert_eq!(bits(&field.map().to_owned()), bits(&wanted), "seed {seed}, points {points:?}");
        for ((k, j, i), d) in wanted.indexed_iter() {
            let inside = touched[0].contains(&k) && touched[1].contains(&j) && touched[2].contains(&i);
            assert!(inside || *d == before[[k, j, i]], "seed {seed}: change outside the touched box");
        }
    }
}

#[test]
fn two_thousand_random_sequences() {
    (0..2000).for_each(sequence);
}

#[test]
fn points_are_counted() {
    let image = Array3::<f32>::zeros((3, 4, 5));
    let mut field = GeodesicField::new(&[image.view()], Geodesic::new([1.0; 3])).unwrap();
    field.insert(&[image.view()], [1, 1, 1]).unwrap();
    field.insert(&[image.view()], [1, 1, 1]).unwrap();
    field.remove(&[image.view()], [1, 1, 1]).unwrap();
    assert_eq!(field.points().collect::<Vec<_>>(), [[1, 1, 1]]);
    assert_eq!(field.map()[[1, 1, 1]], 0.0);
    field.remove(&[image.view()], [1, 1, 1]).unwrap();
    assert_eq!(field.remove(&[image.view()], [1, 1, 1]), Err(GuidanceError::PointUnknown([1, 1, 1])));
    assert!(field.map().iter().all(|d| d.is_infinite()));
}

#[test]
fn misuse_is_named() {
    let image = Array3::<f32>::zeros((3, 4, 5));
    let other = Array3::<f32>::zeros((3, 4, 6));
    let metric = Geodesic::new([1.0; 3]);
    let mut field = GeodesicField::new(&[image.view()], metric).unwrap();
    assert!(matches!(field.insert(&[image.view()], [3, 0, 0]), Err(GuidanceError::PointOutside { .. })));
    assert!(matches!(field.insert(&[other.view()], [0, 0, 0]), Err(GuidanceError::ShapesDiffer { .. })));
    assert!(matches!(field.insert(&[image.view(), image.view()], [0, 0, 0]), Err(GuidanceError::Channels { .. })));
    assert!(matches!(GeodesicField::new(&[image.t()], metric), Err(GuidanceError::Layout)));
    assert!(matches!(GeodesicField::new(&[], metric), Err(GuidanceError::NoChannel)));
}
