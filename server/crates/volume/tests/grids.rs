//! Grids: what is refused, and where voxels are.

use glam::EulerRot;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, VolumeError, VoxelBox};
use proptest::prelude::*;

fn affine(columns: [[f64; 3]; 3], origin: [f64; 3]) -> DAffine3 {
    DAffine3 { matrix3: DMat3::from_cols_array_2d(&columns), translation: DVec3::from_array(origin) }
}

fn oblique(spacing: [f64; 3], angles: [f64; 3], flip: bool) -> DAffine3 {
    let rotation = DMat3::from_euler(EulerRot::XYZ, angles[0], angles[1], angles[2]);
    let mut scale = DVec3::from_array(spacing);
    if flip {
        scale.y = -scale.y;
    }
    DAffine3 { matrix3: rotation * DMat3::from_diagonal(scale), translation: DVec3::new(-120.0, 33.0, 900.0) }
}

#[test]
fn absurd_geometry_is_refused_with_its_cause() {
    let eye = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let cases = [
        ([0, 4, 4], affine(eye, [0.0; 3]), "every axis must hold"),
        ([4, 40_000, 4], affine(eye, [0.0; 3]), "every axis must hold"),
        ([4; 3], affine([[f64::NAN, 0.0, 0.0], eye[1], eye[2]], [0.0; 3]), "NaN"),
        ([4; 3], affine(eye, [f64::INFINITY, 0.0, 0.0]), "NaN"),
        ([4; 3], affine([[0.0; 3], eye[1], eye[2]], [0.0; 3]), "voxel side"),
        ([4; 3], affine([eye[1], eye[1], eye[2]], [0.0; 3]), "span space"),
        ([4; 3], affine(eye, [1e9, 0.0, 0.0]), "kilometre"),
        ([4; 3], affine([eye[0], [0.3, 1.0, 0.0], [0.0, 0.3, 1.0]], [0.0; 3]), "sheared"),
    ];
    for (size, world_from_voxel, cause) in cases {
        let error = Grid::new(size, world_from_voxel).unwrap_err().to_string();
        assert!(error.contains(cause), "{error:?} should name {cause:?}");
    }
}

#[test]
fn gantry_tilt_is_kept() {
    let tilt = affine([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.8, 2.0]], [0.0; 3]);
    let grid = Grid::new([8; 3], tilt).unwrap();
    assert!(!grid.is_orthogonal());
    let working = grid.working(DVec3::new(1.0, 2.0, 3.0), 1.5, [4; 3]).unwrap();
    assert!(working.is_orthogonal());
    assert!((working.direction().z_axis - DVec3::Z).length() < 1e-12);
}

#[test]
fn a_crop_keeps_its_place() {
    let grid = Grid::new([20, 30, 40], oblique([0.7, 0.8, 2.5], [0.2, -0.4, 1.1], true)).unwrap();
    let region = VoxelBox { min: [3, 4, 5], max: [9, 10, 11] };
    let crop = grid.crop(&region).unwrap();
    assert!((crop.centre_mm([1, 2, 3]) - grid.centre_mm([4, 6, 8])).length() < 1e-9);
    let outside = VoxelBox { min: [3, 4, 5], max: [21, 10, 11] };
    assert!(matches!(grid.crop(&outside), Err(VolumeError::Box(_))));
}

proptest! {
    #[test]
    fn a_voxel_centre_maps_back_to_its_voxel(
        spacing in prop::array::uniform3(0.2f64..6.0),
        angles in prop::array::uniform3(-3.0f64..3.0),
        flip: bool,
        voxel in (0usize..50, 0usize..60, 0usize..70),
    ) {
        let grid = Grid::new([50, 60, 70], oblique(spacing, angles, flip)).unwrap();
        let voxel = [voxel.0, voxel.1, voxel.2];
        prop_assert_eq!(grid.voxel_at(grid.centre_mm(voxel)), Some(voxel));
        prop_assert!((grid.voxel_volume_mm3() - spacing.iter().product::<f64>()).abs() < 1e-9);
        let (low, high) = grid.bounds_mm();
        prop_assert!(grid.centre_mm(voxel).cmpge(low).all() && grid.centre_mm(voxel).cmple(high).all());
    }

    #[test]
    fn a_working_grid_is_centred_isotropic_and_parallel(
        spacing in prop::array::uniform3(0.2f64..6.0),
        angles in prop::array::uniform3(-3.0f64..3.0),
        flip: bool,
        side in 1usize..70,
    ) {
        let grid = Grid::new([50, 60, 70], oblique(spacing, angles, flip)).unwrap();
        let centre = grid.centre_mm([20, 20, 20]);
        let working = grid.working(centre, 1.5, [side; 3]).unwrap();
        let mid = (side as f64 - 1.0) / 2.0;
        let middle = working.world_from_voxel().transform_point3(DVec3::splat(mid));
        prop_assert!((middle - centre).length() < 1e-9);
        for s in working.spacing_mm() {
            prop_assert!((s - 1.5).abs() < 1e-9);
        }
        let (d, w) = (grid.direction(), working.direction());
        prop_assert!((d.x_axis - w.x_axis).length() + (d.y_axis - w.y_axis).length() + (d.z_axis - w.z_axis).length() < 1e-9);
    }
}
