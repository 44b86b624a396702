//! What must hold of measures whatever the image.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use isochrone_measure::{MeasureError, measure, total};
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::Array3;
use std::sync::Arc;

fn volume(spacing: [f64; 3], values: Array3<f32>, quantity: Quantity) -> Volume {
    let (k, j, i) = values.dim();
    let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::from_array(spacing)), translation: DVec3::ZERO };
    let origin = VolumeOrigin {
        modality: Modality::Pt,
        quantity,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    Volume::new(Grid::new([i, j, k], affine).unwrap(), Voxels::F32(values), Rescale::IDENTITY, origin).unwrap()
}

fn mask(volume: &Volume, set: impl Fn(usize, usize, usize) -> bool) -> Mask {
    let shape = volume.grid().shape();
    Mask::new(volume.grid().clone(), Array3::from_shape_fn(shape, |(k, j, i)| set(i, j, k))).unwrap()
}

#[test]
fn the_peak_of_a_flat_image_is_its_value_even_at_the_border() {
    let image = volume([4.0, 4.0, 3.0], Array3::from_elem([9, 8, 7], 2.5), Quantity::SuvBw);
    for at in [[0, 0, 0], [6, 7, 8], [3, 4, 4]] {
        let one = mask(&image, |i, j, k| [i, j, k] == at);
        let found = measure(&image, &one).unwrap().unwrap();
        assert!((found.peak.unwrap() - 2.5).abs() < 1e-12);
        assert_eq!((found.voxels, found.lesions), (1, 1));
        assert!((found.volume_ml - 0.048).abs() < 1e-12);
        assert!((found.glycolysis.unwrap() - 0.12).abs() < 1e-9);
    }
}

#[test]
fn the_sphere_reaches_beyond_the_outline() {
    // A hot voxel beside the mask: the peak sees it, maximum and mean do not.
    let mut values = Array3::from_elem([11, 11, 11], 1.0f32);
    values[[5, 5, 6]] = 101.0;
    let image = volume([4.0; 3], values, Quantity::SuvBw);
    let found = measure(&image, &mask(&image, |i, j, k| [i, j, k] == [5, 5, 5])).unwrap().unwrap();
    assert_eq!((found.max, found.mean), (1.0, 1.0));
    // The neighbour at 4 mm lies partly in the sphere of 6.2 mm: 0.064 mL of 1 mL, nearly all of it inside.
    let peak = found.peak.unwrap();
    assert!(peak > 1.0 + 100.0 * 0.055 && peak < 1.0 + 100.0 * 0.064, "{peak}");
}

#[test]
fn values_that_are_not_finite_are_passed_over() {
    let mut values = Array3::from_elem([5, 5, 5], 3.0f32);
    values[[2, 2, 2]] = f32::NAN;
    values[[2, 2, 3]] = f32::INFINITY;
    let image = volume([4.0; 3], values, Quantity::SuvBw);
    let found = measure(&image, &mask(&image, |_, _, _| true)).unwrap().unwrap();
    assert_eq!((found.min, found.max, found.mean, found.deviation), (3.0, 3.0, 3.0, 0.0));
    assert!((found.peak.unwrap() - 3.0).abs() < 1e-12);
    let lost = measure(&image, &mask(&image, |i, j, k| [i, j, k] == [2, 2, 2])).unwrap();
    assert!(lost.is_none());
}

#[test]
fn the_total_counts_every_voxel_once() {
    let image = volume([2.0; 3], Array3::from_shape_fn([6, 6, 6], |(k, _, _)| k as f32), Quantity::SuvBw);
    let (a, b) = (mask(&image, |_, _, k| k <= 2), mask(&image, |_, _, k| k == 2 || k == 5));
    let all = total(&image, &[&a, &b]).unwrap().unwrap();
    assert_eq!((all.voxels, all.lesions, all.max), (36 * 4, 2, 5.0));
    assert!((all.mean - 2.0).abs() < 1e-12);
    assert!(total(&image, &[]).unwrap().is_none());
}

#[test]
fn what_is_not_suv_has_no_peak_and_another_grid_is_refused() {
    let image = volume([2.0; 3], Array3::from_elem([4, 4, 4], 7.0), Quantity::Hounsfield);
    let found = measure(&image, &mask(&image, |_, _, _| true)).unwrap().unwrap();
    assert_eq!((found.peak, found.glycolysis, found.mean), (None, None, 7.0));
    let other = Grid::new([4, 4, 4], DAffine3::IDENTITY).unwrap();
    assert_eq!(measure(&image, &Mask::empty(Arc::new(other))), Err(MeasureError::Grid));
}
