//! Volumes come back as they were kept, or not at all.

use isochrone_journal::{JournalError, VolumeStore};
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::Array3;

fn volume(voxels: Voxels) -> Volume {
    let turned = DMat3::from_rotation_y(0.3) * DMat3::from_diagonal(DVec3::new(0.7, 0.9, 3.0));
    let grid =
        Grid::new([5, 4, 3], DAffine3 { matrix3: turned, translation: DVec3::new(-1.0 / 3.0, 2.5, 1e-3) }).unwrap();
    let origin = VolumeOrigin {
        modality: Modality::Pt,
        quantity: Quantity::SuvBw,
        inferred: true,
        frame_of_reference: Some("1.2.3".to_owned()),
        warnings: vec!["one".to_owned(), "two \"quoted\"\n".to_owned()],
    };
    Volume::new(grid, voxels, Rescale { slope: 0.1, intercept: -1024.0 }, origin).unwrap()
}

#[test]
fn every_scalar_type() {
    let folder = tempfile::tempdir().unwrap();
    let store = VolumeStore::open(folder.path()).unwrap();
    let n = |(k, j, i): (usize, usize, usize)| k * 20 + j * 5 + i;
    let shape = (3, 4, 5);
    let all = [
        Voxels::U8(Array3::from_shape_fn(shape, |at| n(at) as u8)),
        Voxels::I8(Array3::from_shape_fn(shape, |at| n(at) as i8 - 30)),
        Voxels::U16(Array3::from_shape_fn(shape, |at| 65_000 - n(at) as u16)),
        Voxels::I16(Array3::from_shape_fn(shape, |at| n(at) as i16 - 1000)),
        Voxels::U32(Array3::from_shape_fn(shape, |at| u32::MAX - n(at) as u32)),
        Voxels::I32(Array3::from_shape_fn(shape, |at| i32::MIN + n(at) as i32)),
        Voxels::U64(Array3::from_shape_fn(shape, |at| u64::MAX - n(at) as u64)),
        Voxels::I64(Array3::from_shape_fn(shape, |at| i64::MIN + n(at) as i64)),
        Voxels::F32(Array3::from_shape_fn(shape, |at| n(at) as f32 / 3.0)),
        Voxels::F64(Array3::from_shape_fn(shape, |at| n(at) as f64 / 7.0)),
    ];
    let mut hashes = Vec::new();
    for voxels in all {
        let volume = volume(voxels);
        store.keep(&volume).unwrap();
        store.keep(&volume).unwrap();
        let back = store.get(&volume.content_hash()).unwrap();
        assert_eq!(back.voxels(), volume.voxels());
        assert_eq!(back.origin(), volume.origin());
        assert_eq!(back.grid().world_from_voxel(), volume.grid().world_from_voxel());
        assert_eq!(back.frame_of_reference(), volume.frame_of_reference());
        hashes.push(volume.content_hash());
    }
    assert_eq!(store.sweep(&hashes[..4]).unwrap(), 6);
    store.get(&hashes[3]).unwrap();
    assert!(matches!(store.get(&hashes[4]), Err(JournalError::NoVolume)));
}

#[test]
fn every_byte_counts() {
    let folder = tempfile::tempdir().unwrap();
    let store = VolumeStore::open(folder.path()).unwrap();
    let volume = volume(Voxels::I16(Array3::from_shape_fn((3, 4, 5), |(k, j, i)| (k * j * i) as i16)));
    store.keep(&volume).unwrap();
    let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&path).unwrap();
    for n in 0..good.len() {
        let mut bad = good.clone();
        bad[n] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(store.get(&volume.content_hash()), Err(JournalError::Volume)), "byte {n}");
        std::fs::write(&path, &good[..n]).unwrap();
        assert!(store.get(&volume.content_hash()).is_err(), "cut at {n}");
    }
    std::fs::write(&path, [good.as_slice(), b"x"].concat()).unwrap();
    assert!(store.get(&volume.content_hash()).is_err());
}
