//! Iso-contours of blobs whose answer is known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_classical::iso_contour::{Contoured, IsoContour, Rule, flood, iso_contour, split};
use isochrone_volume::components;
use ndarray::Array3;

fn blobs(shape: [usize; 3], blobs: &[([f32; 3], f32, f32)], background: f32) -> Array3<f32> {
    Array3::from_shape_fn(shape, |(k, j, i)| {
        let bell = |(c, height, sigma): &([f32; 3], f32, f32)| {
            let d: f32 = [k, j, i].iter().zip(c).map(|(&x, c)| (x as f32 - c).powi(2)).sum();
            height * (-d / (2.0 * sigma * sigma)).exp()
        };
        background + blobs.iter().map(bell).sum::<f32>()
    })
}

fn draw(image: &Array3<f32>, click: [usize; 3], rule: Rule) -> Contoured {
    iso_contour(&image.view(), &[click], &IsoContour { rule, search_mm: 10.0, spacing_mm: [4.0; 3] }).unwrap()
}

fn whole(found: &Contoured, image: &Array3<f32>) -> Array3<bool> {
    let mut mask = Array3::from_elem(image.dim(), false);
    mask.slice_mut(found.region.slice()).assign(&found.mask);
    mask
}

#[test]
fn the_component_is_the_labelled_one() {
    let image = blobs([40, 50, 60], &[([20.0, 20.0, 20.0], 10.0, 3.0), ([20.0, 35.0, 45.0], 20.0, 4.0)], 0.5);
    for (click, maximum) in [([20, 21, 20], 10.5), ([20, 35, 44], 20.5)] {
        let found = draw(&image, click, Rule::default());
        assert!((found.maximum - maximum).abs() < 0.01 && (found.threshold - 0.41 * maximum).abs() < 0.01, "{found:?}");
        let (labels, _) = components::label(image.map(|v| *v >= found.threshold).view());
        assert_eq!(whole(&found, &image), labels.map(|l| *l == labels[click]));
        assert!(found.region.voxel_count() < image.len(), "the region stays small");
    }
}

#[test]
fn a_large_component_makes_the_region_grow() {
    let image = Array3::from_elem((30, 90, 80), 3.0f32);
    let found = draw(&image, [15, 45, 40], Rule::Fixed(2.5));
    assert_eq!(found.mask.iter().filter(|m| **m).count(), image.len());
}

#[test]
fn a_hot_neighbour_does_not_swallow_the_lesion() {
    // The neighbour's summit is in the component at 41 % of the lesion's own; taking it would lose the lesion.
    let image = blobs([40, 40, 60], &[([20.0, 20.0, 20.0], 6.0, 3.0), ([20.0, 20.0, 34.0], 40.0, 3.5)], 0.2);
    let found = draw(&image, [20, 20, 20], Rule::default());
    assert!(found.maximum < 7.0, "{}", found.maximum);
    // Within one uneven lesion the higher summit counts.
    let image = blobs([40, 40, 60], &[([20.0, 20.0, 20.0], 8.0, 3.0), ([20.0, 20.0, 26.0], 10.0, 3.0)], 0.2);
    let found = draw(&image, [20, 20, 19], Rule::default());
    assert!(found.maximum > 10.0, "{}", found.maximum);
}

#[test]
fn adaptive_sees_the_background() {
    let image = blobs([40, 40, 40], &[([20.0; 3], 10.0, 3.0)], 4.0);
    let found = draw(&image, [20; 3], Rule::Adaptive(0.41));
    assert!((found.background - 4.0).abs() < 0.5, "{}", found.background);
    assert!((found.threshold - (4.0 + 0.41 * 10.0)).abs() < 0.3, "{}", found.threshold);
    // Without correction the background is above the threshold's share of it.
    assert!(draw(&image, [20; 3], Rule::default()).threshold < found.threshold);
}

#[test]
fn reference_rules() {
    let liver = |times| Rule::Reference { mean: 2.0, sd: 0.25, times, sds: 2.0 };
    let image = blobs([20, 20, 20], &[([10.0; 3], 8.0, 2.0)], 0.0);
    assert_eq!(draw(&image, [10; 3], liver(1.0)).threshold, 2.5);
    assert_eq!(draw(&image, [10; 3], liver(1.5)).threshold, 3.5);
}

#[test]
fn a_click_below_the_threshold_reaches_the_summit_only_by_the_maximum() {
    let image = blobs([20, 20, 20], &[([10.0; 3], 8.0, 2.0)], 0.0);
    assert!(draw(&image, [10, 10, 14], Rule::Fixed(4.0)).mask.iter().all(|m| !m));
    assert!(draw(&image, [10, 10, 12], Rule::default()).mask.iter().any(|m| *m));
}

#[test]
fn split_parts_two_spots_along_their_valley() {
    let image = blobs([20, 20, 40], &[([10.0, 10.0, 12.0], 10.0, 3.5), ([10.0, 10.0, 26.0], 12.0, 3.5)], 0.0);
    let all = flood(image.view(), &[[10, 10, 12]], 1.5).mask;
    assert!(all[[10, 10, 26]]);
    let part = split(image.view(), all.view(), &[[10, 10, 11]], &[[10, 10, 27]]);
    assert!(part[[10, 10, 12]] && part[[10, 10, 17]] && !part[[10, 10, 21]] && !part[[10, 10, 26]]);
    assert_eq!(split(image.view(), all.view(), &[[10, 10, 11]], &[]), all);
}

#[test]
fn refuses_what_makes_no_sense() {
    let image = Array3::zeros((5, 5, 5));
    let options = |rule| IsoContour { rule, search_mm: 5.0, spacing_mm: [1.0; 3] };
    let draw = |click, rule| iso_contour(&image.view(), &[click], &options(rule)).map(|_| ()).unwrap_err().to_string();
    assert!(draw([5, 0, 0], Rule::default()).contains("outside the array"));
    assert!(draw([0, 0, 0], Rule::OfMaximum(1.5)).contains("between 0 and 1"));
    assert!(draw([0, 0, 0], Rule::Fixed(f32::NAN)).contains("finite"));
    let nan = Array3::from_elem((3, 3, 3), f32::NAN);
    let found = iso_contour(&nan.view(), &[[1, 1, 1]], &options(Rule::default())).unwrap();
    assert!(found.mask.iter().all(|m| !m));
    let none = iso_contour(&image.view(), &[], &options(Rule::default())).unwrap();
    assert!(none.mask.is_empty());
}
