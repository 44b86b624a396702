//! Measures, and the commands that talk to a PACS.

use crate::support::{ball, isochrone};
use isochrone_volume::{Mask, VoxelBox};
use ndarray::s;
use serde_json::Value;
use std::path::Path;

#[test]
fn measures_of_two_labels_and_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let volume = super::read(Path::new(&image));
    let grid = volume.grid();
    let mut one = Mask::empty(grid.clone());
    one.voxels_mut().slice_mut(s![8..12, 12..16, 14..18]).fill(true);
    let mut two = Mask::empty(grid.clone());
    two.voxels_mut().slice_mut(s![0..2, 0..2, 0..2]).fill(true);
    two.voxels_mut().slice_mut(s![18..20, 0..2, 0..2]).fill(true);
    let mask = folder.path().join("mask.nrrd");
    isochrone_export::write_labels(&mask, grid, &[(3, &one), (7, &two)]).unwrap();
    let mask = mask.display().to_string();
    let said = isochrone(&["measure", &image, "--mask", &mask, "--json"]).good();
    let found: Value = serde_json::from_str(&said).unwrap();
    let values = volume.values(&VoxelBox::whole(grid.size()));
    for (n, label, mask, lesions) in [(0, 3, &one, 1), (1, 7, &two, 2)] {
        let inside: Vec<f64> =
            values.iter().zip(mask.voxels()).filter(|(_, set)| **set).map(|(v, _)| f64::from(*v)).collect();
        let mean = inside.iter().sum::<f64>() / inside.len() as f64;
        let row = &found["labels"][n];
        assert_eq!((row["label"].as_u64(), row["lesions"].as_u64()), (Some(label), Some(lesions)));
        assert!((row["volume_ml"].as_f64().unwrap() - inside.len() as f64 * 0.008).abs() < 1e-9);
        assert!((row["mean"].as_f64().unwrap() - mean).abs() < 1e-6);
        // Not SUV: no peak, no lesion glycolysis.
        assert!(row["peak"].is_null() && row["tlg_g"].is_null());
    }
    assert_eq!((found["total"]["voxels"].as_u64(), found["total"]["lesions"].as_u64()), (Some(64 + 16), Some(3)));
    let text = isochrone(&["measure", &image, "--mask", &mask]).good();
    assert!(text.contains("Hounsfield") && text.lines().last().unwrap().starts_with("all"), "{text}");
    let other = isochrone(&["measure", &image, "--mask", &image]).bad(1);
    assert!(other.contains("no label"), "{other}");
}

#[test]
fn a_pacs_is_named_or_nothing_is_asked() {
    let none = isochrone(&["find"]).bad(64);
    assert!(none.contains("--pacs NAME=https://"), "{none}");
    let plain = isochrone(&["find", "--pacs", "main=http://pacs.example/dicom-web"]).bad(64);
    assert!(plain.contains("in the clear"), "{plain}");
    let file = isochrone(&["find", "--pacs", "main=file:///etc/passwd"]).bad(64);
    assert!(file.contains("https"), "{file}");
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "reader:open sesame").unwrap();
    let auth = format!("other={}", secret.display());
    let unknown = isochrone(&["find", "--pacs", "main=http://127.0.0.1:9/x", "--pacs-auth", &auth]).bad(64);
    assert!(unknown.contains("no --pacs other") && !unknown.contains("sesame"), "{unknown}");
    let image = ball(folder.path());
    let nothing = isochrone(&["push", "--pacs", "main=http://127.0.0.1:9/x", &image]).bad(1);
    assert!(nothing.contains("not a DICOM file"), "{nothing}");
}
