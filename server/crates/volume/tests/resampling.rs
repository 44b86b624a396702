//! Resampling between grids.

use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels, resample,
};
use ndarray::Array3;

fn scaled(size: [usize; 3], spacing: [f64; 3], origin: [f64; 3]) -> Grid {
    let matrix3 = DMat3::from_diagonal(DVec3::from_array(spacing));
    Grid::new(size, DAffine3 { matrix3, translation: DVec3::from_array(origin) }).unwrap()
}

/// A function that is linear in world coordinates survives linear resampling exactly.
fn ramp(grid: &Grid) -> Array3<f32> {
    Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let p = grid.centre_mm([i, j, k]);
        (2.0 * p.x - 0.5 * p.y + 0.25 * p.z) as f32
    })
}

#[test]
fn a_ramp_survives_refinement_and_coarsening() {
    let src = scaled([40, 30, 20], [1.0, 1.5, 3.0], [-10.0, 5.0, 7.0]);
    for spacing in [0.7, 1.5, 4.0] {
        let dst = scaled([6, 5, 4], [spacing; 3], [2.0, 18.0, 22.0]);
        let got = resample::to_grid(ramp(&src).view(), &src, &dst, f32::NAN);
        for (g, e) in got.iter().zip(&ramp(&dst)) {
            assert!((g - e).abs() < 2e-3, "spacing {spacing}: {g} against {e}");
        }
    }
}

#[test]
fn flipped_and_rotated_grids_agree_with_the_ramp() {
    let src = scaled([40, 40, 40], [1.0, 1.0, 1.0], [-20.0; 3]);
    let flipped = DAffine3 {
        matrix3: DMat3::from_diagonal(DVec3::new(-1.3, 1.3, -1.3)),
        translation: DVec3::new(6.0, -6.0, 6.0),
    };
    let rotated = DAffine3 {
        matrix3: DMat3::from_rotation_z(0.4) * DMat3::from_diagonal(DVec3::splat(0.9)),
        translation: DVec3::new(0.0, -5.0, -5.0),
    };
    for affine in [flipped, rotated] {
        let dst = Grid::new([9, 9, 9], affine).unwrap();
        let got = resample::to_grid(ramp(&src).view(), &src, &dst, f32::NAN);
        for (g, e) in got.iter().zip(&ramp(&dst)) {
            assert!((g - e).abs() < 2e-3, "{g} against {e}");
        }
    }
}

#[test]
fn coarsening_averages_instead_of_aliasing() {
    let src = scaled([64, 64, 64], [1.0; 3], [0.0; 3]);
    let checker = Array3::from_shape_fn(src.shape(), |(k, j, i)| if (i + j + k) % 2 == 0 { 1.0 } else { 0.0 });
    let dst = scaled([8, 8, 8], [4.0; 3], [16.0; 3]);
    let got = resample::to_grid(checker.view(), &src, &dst, 0.0);
    assert!(got.iter().all(|v| (v - 0.5).abs() < 0.02), "{got}");
}

#[test]
fn outside_is_filled_and_the_footprint_is_enough() {
    let src = scaled([30, 20, 10], [0.8, 0.8, 4.0], [0.0; 3]);
    let stored = ramp(&src).mapv(|v| (v * 10.0).round() as i16);
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    let volume = Volume::new(src.clone(), Voxels::I16(stored), Rescale { slope: 0.1, intercept: 0.0 }, origin).unwrap();
    for (spacing, origin) in [(1.5, [-6.0, 2.0, 3.0]), (3.0, [10.0, -9.0, 12.0]), (0.6, [5.0, 4.0, 30.0])] {
        let dst = scaled([16, 16, 16], [spacing; 3], origin);
        let whole =
            resample::to_grid(volume.values(&isochrone_volume::VoxelBox::whole(src.size())).view(), &src, &dst, -7.0);
        let cropped = resample::volume_to_grid(&volume, &dst, -7.0);
        assert_eq!(whole, cropped);
        let outside = dst.shape().iter().product::<usize>() - whole.iter().filter(|v| **v != -7.0).count();
        assert!(outside > 0, "this case should leave the volume");
    }
    assert!(volume.frame_of_reference().starts_with("2.25."));
}
