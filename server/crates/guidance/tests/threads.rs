//! Noise, plateaus and a maze against Dijkstra's algorithm, on any number of threads: the same bits, also where rows
//! are shared out among them.

mod common;

use common::{Random, bits, dijkstra, points_in};
use isochrone_guidance::{Geodesic, GeodesicField, MaskSide, euclidean_distance, geodesic_distance, mask_distance};
use ndarray::Array3;

const SHAPE: [usize; 3] = [19, 220, 33];

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Rows enough for several threads; noise, plateaus full of ties, and a wall with gaps.
fn images() -> Vec<Array3<f32>> {
    let mut random = Random(8);
    let noise = Array3::from_shape_simple_fn(SHAPE, || random.below(4000) as f32 / 500.0);
    let steps = noise.mapv(f32::floor);
    let walls =
        Array3::from_shape_fn(
            SHAPE,
            |(k, j, i)| {
                if j % 25 == 24 && (i + k) % 33 != (j / 25 * 7) % 33 { 90.0 } else { 0.0 }
            },
        );
    let flat = Array3::zeros(SHAPE);
    vec![noise, steps, walls, flat]
}

#[test]
fn whole_maps() {
    for image in images() {
        for lambda in [0.0, 0.5, 1.0] {
            let metric = Geodesic { spacing_mm: [3.0, 2.0, 1.5], lambda, cutoff: None };
            let points = points_in(SHAPE, 3);
            let wanted = bits(&dijkstra(&image, &points, &metric));
            for threads in [1, 2, 3, 5] {
                let got = on(threads, || geodesic_distance(image.view(), &points, &metric)).unwrap();
                assert!(bits(&got) == wanted, "{threads} threads, λ = {lambda}");
            }
        }
        let mask = image.mapv(|v| v > 4.0);
        let signed = |threads| on(threads, || mask_distance(mask.view(), [3.0, 2.0, 1.5], MaskSide::Signed)).unwrap();
        let far = |threads| on(threads, || euclidean_distance(SHAPE, &points_in(SHAPE, 9), [3.0, 2.0, 1.5])).unwrap();
        assert_eq!(bits(&signed(1)), bits(&signed(3)));
        assert_eq!(bits(&far(1)), bits(&far(3)));
    }
}

#[test]
fn fields_that_follow() {
    for (image, cutoff) in images().iter().zip([None, Some(60.0), None, Some(40.0)]) {
        let metric = Geodesic { spacing_mm: [3.0, 2.0, 1.5], lambda: 0.6, cutoff };
        for threads in [1, 2, 4] {
            on(threads, || {
                let mut random = Random(threads as u64);
                let mut field = GeodesicField::new(&[image.view()], metric).unwrap();
                let mut points = Vec::new();
                for turn in 0..9 {
                    if turn % 3 == 2 {
                        field.remove(&[image.view()], points.swap_remove(random.below(points.len()))).unwrap();
                    } else {
                        points.push(SHAPE.map(|n| random.below(n)));
                        field.insert(&[image.view()], points[points.len() - 1]).unwrap();
                    }
                    let wanted = on(1, || geodesic_distance(image.view(), &points, &metric)).unwrap();
                    assert!(bits(&field.map().to_owned()) == bits(&wanted), "{threads} threads, turn {turn}");
                }
            });
        }
    }
}
