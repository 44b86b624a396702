//! What is written here is what intake reads back.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use isochrone_export::{ExportError, write_labels, write_map, write_volume};
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::{
    DAffine3, DMat3, DQuat, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels,
};
use ndarray::Array3;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

const NAMES: [&str; 3] = ["a.nii", "a.nii.gz", "a.nrrd"];

/// Turned, anisotropic, and mirrored on request; `tilt` shears `k` along `j` as a gantry does.
fn grid(size: [usize; 3], turn: [f64; 3], spacing: [f64; 3], mirror: bool, tilt: f64) -> Grid {
    let rotation = DMat3::from_quat(DQuat::from_scaled_axis(DVec3::from_array(turn)));
    let mut m = rotation
        * DMat3::from_cols(DVec3::X, DVec3::Y, DVec3::new(0.0, tilt, 1.0))
        * DMat3::from_diagonal(DVec3::from_array(spacing));
    if mirror {
        m.x_axis = -m.x_axis;
    }
    Grid::new(size, DAffine3::from_mat3_translation(m, DVec3::new(-120.5, 33.25, -900.0))).unwrap()
}

fn apart_mm(a: &Grid, b: &Grid) -> f64 {
    let [i, j, k] = a.size().map(|n| n - 1);
    [[0, 0, 0], [i, 0, 0], [0, j, 0], [0, 0, k], [i, j, k]]
        .map(|v| a.centre_mm(v).distance(b.centre_mm(v)))
        .into_iter()
        .fold(0.0, f64::max)
}

fn origin() -> VolumeOrigin {
    VolumeOrigin {
        modality: Modality::Other,
        quantity: Quantity::Arbitrary,
        inferred: false,
        frame_of_reference: None,
        warnings: vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn geometry_and_voxels_survive(
        size in [1usize..14, 1usize..14, 1usize..14],
        turn in [-3.0f64..3.0, -3.0f64..3.0, -3.0f64..3.0],
        spacing in [0.3f64..6.0, 0.3f64..6.0, 0.3f64..6.0],
        mirror: bool,
        tilt in prop_oneof![Just(0.0), -0.4f64..0.4],
        which in 0usize..10,
        seed: u64,
    ) {
        let grid = grid(size, turn, spacing, mirror, tilt);
        let number = |k: usize, j: usize, i: usize| seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add((k * 400 + j * 20 + i) as u64).rotate_left(17);
        macro_rules! voxels {
            ($($variant:ident $scalar:ty),*) => {
                [$(Voxels::$variant(Array3::from_shape_fn(grid.shape(), |(k, j, i)| number(k, j, i) as $scalar)),)*]
            };
        }
        let voxels = voxels!(U8 u8, I8 i8, U16 u16, I16 i16, U32 u32, I32 i32, U64 u64, I64 i64, F32 f32, F64 f64)[which].clone();
        let volume = Volume::new(grid, voxels, Rescale::IDENTITY, origin()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in NAMES {
            let path = folder.path().join(name);
            write_volume(&path, &volume).unwrap();
            let back = read(&path, &ReadOptions::default()).unwrap();
            prop_assert_eq!(back.voxels(), volume.voxels());
            prop_assert!(apart_mm(back.grid(), volume.grid()) < 1e-3, "{}: {}", name, apart_mm(back.grid(), volume.grid()));
            prop_assert!(back.origin().warnings.is_empty(), "{:?}", back.origin().warnings);
        }
    }
}

fn ball(grid: &Arc<Grid>, centre: [f64; 3], radius: f64) -> Mask {
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let d = [i as f64 - centre[0], j as f64 - centre[1], k as f64 - centre[2]];
        d.iter().map(|x| x * x).sum::<f64>() < radius * radius
    });
    Mask::new(grid.clone(), voxels).unwrap()
}

#[test]
fn labels_and_maps() {
    let grid = Arc::new(grid([30, 25, 20], [0.1, 0.2, 0.3], [1.0, 1.0, 3.0], false, 0.0));
    let (a, b) = (ball(&grid, [10.0, 10.0, 10.0], 6.0), ball(&grid, [15.0, 12.0, 10.0], 5.0));
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        for second in [2u16, 300] {
            let path = folder.path().join(name);
            write_labels(&path, &grid, &[(1, &a), (second, &b)]).unwrap();
            let back = read(&path, &ReadOptions::default()).unwrap();
            assert_eq!(back.voxels().scalar_name(), if second > 255 { "uint16" } else { "uint8" });
            for k in 0..20 {
                for j in 0..25 {
                    for i in 0..30 {
                        let v = [i, j, k];
                        let expected =
                            if b.contains(v) { f32::from(second) } else { f32::from(u8::from(a.contains(v))) };
                        assert_eq!(back.value(v), Some(expected));
                    }
                }
            }
        }
        let map = Array3::from_shape_fn(grid.shape(), |(k, j, i)| (k * 7 + j * 3 + i) as f32 / 311.0);
        let path = folder.path().join(name);
        write_map(&path, &grid, map.view()).unwrap();
        let back = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(back.voxels(), &Voxels::F32(map));
    }
    write_labels(&folder.path().join("none.nii"), &grid, &[]).unwrap();
}

#[test]
fn rescaling_survives_or_is_applied() {
    let grid = grid([4, 4, 4], [0.0; 3], [1.0; 3], false, 0.0);
    let stored = Array3::from_shape_fn([4, 4, 4], |(k, j, i)| (k * 16 + j * 4 + i) as i16);
    let volume = Volume::new(grid, Voxels::I16(stored), Rescale { slope: 0.5, intercept: -8.0 }, origin()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, scalar) in NAMES.into_iter().zip(["int16", "int16", "float32"]) {
        let path = folder.path().join(name);
        write_volume(&path, &volume).unwrap();
        let back = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(back.voxels().scalar_name(), scalar);
        assert_eq!(back.value([3, 2, 1]), volume.value([3, 2, 1]));
    }
}

#[test]
fn refusals_leave_nothing_behind() {
    let grid = Arc::new(grid([5, 5, 5], [0.0; 3], [1.0; 3], false, 0.0));
    let mask = Mask::empty(grid.clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii.gz");
    assert_eq!(write_labels(&folder.path().join("a.png"), &grid, &[(1, &mask)]), Err(ExportError::Format));
    assert_eq!(write_labels(&path, &grid, &[(0, &mask)]), Err(ExportError::Label(0)));
    assert_eq!(write_labels(&path, &grid, &[(3, &mask), (3, &mask)]), Err(ExportError::Label(3)));
    let other = Mask::empty(Arc::new(self::grid([5, 5, 6], [0.0; 3], [1.0; 3], false, 0.0)));
    assert_eq!(write_labels(&path, &grid, &[(1, &other)]), Err(ExportError::Grid));
    assert_eq!(write_map(&path, &grid, Array3::zeros([5, 5, 6]).view()), Err(ExportError::Grid));
    let long = self::grid([32768, 1, 1], [0.0; 3], [1.0; 3], false, 0.0);
    assert_eq!(write_map(&path, &long, Array3::zeros(long.shape()).view()), Err(ExportError::Size(32768)));
    let absent = write_labels(Path::new("/absent-folder/a.nii"), &grid, &[(1, &mask)]).unwrap_err();
    assert!(matches!(absent, ExportError::Write(_)) && !absent.to_string().contains("absent-folder"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_old_file_stays_whole_when_the_name_is_taken_by_a_folder() {
    let grid = Arc::new(grid([5, 5, 5], [0.0; 3], [1.0; 3], false, 0.0));
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("a.nii");
    std::fs::create_dir(&taken).unwrap();
    assert!(write_labels(&taken, &grid, &[]).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn files_have_ordinary_permissions_and_equal_images_equal_bytes() {
    use std::os::unix::fs::PermissionsExt;
    let grid = Arc::new(grid([5, 5, 5], [0.0; 3], [1.0; 3], false, 0.0));
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.nii.gz"), folder.path().join("b.nii.gz"));
    write_labels(&a, &grid, &[]).unwrap();
    write_labels(&b, &grid, &[]).unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    let mode = std::fs::metadata(&a).unwrap().permissions().mode() & 0o777;
    std::fs::write(folder.path().join("plain"), b"x").unwrap();
    let plain = std::fs::metadata(folder.path().join("plain")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, plain);
}
