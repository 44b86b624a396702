//! Masks of others, damaged at random: an answer, quickly, and never a panic.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../../intake/tests/fuzz/mutate.rs"]
mod mutate;

use isochrone_export::dicom::{Algorithm, Segment, Series, probability, segmentation, structure_set};
use isochrone_intake::dicom::{SeriesInfo, SourceSlice};
use isochrone_intake::{Limits, masks};
use isochrone_volume::{DAffine3, Grid, Mask};
use ndarray::Array3;
use std::path::Path;
use std::sync::Arc;

const FRAME: &str = "1.2.3.9";

/// A segmentation of two masks, a probability map, and a structure set, on 12×10×6 voxels.
fn objects(grid: &Arc<Grid>) -> Vec<Vec<u8>> {
    let slice = |k: u32| SourceSlice {
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance_uid: format!("1.2.3.{k}"),
        frame: None,
        position_lps_mm: [0.0, 0.0, f64::from(k)],
    };
    let info = SeriesInfo {
        study_uid: "1.2".to_owned(),
        series_uid: "1.3".to_owned(),
        frame_of_reference: FRAME.to_owned(),
        modality: "CT".to_owned(),
        attributes: Vec::new(),
        slices: (0..6).map(slice).collect(),
        suv: None,
    };
    let series = Series { info: Arc::new(info), grid: grid.clone() };
    let ball = |radius: f64| {
        let inside = |(k, j, i): (usize, usize, usize)| {
            let [x, y, z] = [i as f64 - 5.5, j as f64 - 4.5, k as f64 - 2.5];
            x * x + y * y + z * z < radius * radius
        };
        Mask::new(grid.clone(), Array3::from_shape_fn(grid.shape(), inside)).unwrap()
    };
    let (small, large) = (ball(1.8), ball(3.5));
    let named = |n: usize| Segment::lesion(n, "lesion", Algorithm::default());
    let both = [(named(0), &small), (named(1), &large)];
    let soft = large.voxels().map(|&set| if set { 0.8 } else { 0.1 });
    [
        segmentation(&series, &both).unwrap(),
        probability(&series, &named(0), grid, soft.view()).unwrap(),
        structure_set(&series, &both).unwrap(),
    ]
    .map(|object| object.bytes.clone())
    .to_vec()
}

#[test]
fn masks_of_others_for_a_while() {
    let grid = Arc::new(Grid::new([12, 10, 6], DAffine3::IDENTITY).unwrap());
    let good = objects(&grid);
    let read = |path: &Path| {
        let limits = Limits { max_voxel_bytes: 64 << 20, free_expansion_bytes: 16 << 20, ..Limits::default() };
        masks::read(&[path.to_owned()], &grid, FRAME, &limits)
    };
    let folder = tempfile::tempdir().unwrap();
    for (bytes, masks) in good.iter().zip([2, 1, 2]) {
        let path = folder.path().join("good");
        std::fs::write(&path, bytes).unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.masks.len(), masks);
        assert!(found.masks.iter().all(|m| m.mask.count() > 10));
    }
    let take = |_: &[u8], path: &Path| drop(read(path));
    mutate::run(&[mutate::Target { name: "masks", good, take: &take }]);
}
