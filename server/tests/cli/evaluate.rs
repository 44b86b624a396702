//! The evaluation plays the engine that was asked for.

use crate::support::{ball, isochrone};
use crate::{read, values};
use isochrone_volume::{Volume, Voxels};
use std::path::Path;

/// A case of the ball, with the truth about it.
fn case(folder: &Path) -> String {
    let image = read(Path::new(&ball(folder)));
    let truth = Voxels::U8(values(&image).map(|v| u8::from(*v > 0.0)));
    let mask = Volume::new(image.grid().as_ref().clone(), truth, image.rescale(), image.origin().clone()).unwrap();
    let cases = folder.join("cases");
    std::fs::create_dir_all(cases.join("ball")).unwrap();
    isochrone_export::write_volume(&cases.join("ball/image.nii.gz"), &image).unwrap();
    isochrone_export::write_volume(&cases.join("ball/mask.nii.gz"), &mask).unwrap();
    cases.display().to_string()
}

#[test]
fn parameters_reach_the_engine_that_is_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let cases = case(folder.path());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let evaluate = |out: &str, more: &[&str]| {
        let common = ["evaluate", "--cases", &cases, "--engine", "geodesic", "--clicks", "1", "--out", out];
        isochrone(&[&common[..], more].concat())
    };
    // Voxel (i, j, k) of the first click, and Dice after it.
    let first = |out: &str| {
        let table = std::fs::read_to_string(Path::new(out).join("clicks.csv")).unwrap();
        let (names, row) = (table.lines().next().unwrap().to_owned(), table.lines().nth(1).unwrap().to_owned());
        let column = |name: &str| names.split(',').zip(row.split(',')).find(|(n, _)| *n == name).unwrap().1.to_owned();
        (["i", "j", "k"].map(|n| column(n).parse::<f64>().unwrap()), column("dice").parse::<f64>().unwrap())
    };
    let (usual, tight) = (at("usual"), at("tight"));
    evaluate(&usual, &[]).good();
    evaluate(&tight, &["--set", "cutoff=6"]).good();
    let ((clicked, before), (again, after)) = (first(&usual), first(&tight));
    assert!(clicked == again && before > after + 0.1, "{before} {after}");

    // The same click through the same engine, the other way.
    let (image, mask) = (at("ball.nii.gz"), at("mask.nii.gz"));
    let [x, y, z] = [0, 1, 2].map(|n| clicked[n] * 2.0 + [-40.0, -40.0, 0.0][n]);
    let click = format!("--click={x},{y},{z}");
    isochrone(&["segment", &image, "--engine", "geodesic", "--set", "cutoff=6", &click, "-o", &mask]).good();
    let truth = values(&read(Path::new(&image))).map(|v| *v > 0.0);
    let ours = values(&read(Path::new(&mask))).map(|v| *v > 0.0);
    let both = truth.iter().zip(&ours).filter(|(a, b)| **a && **b).count();
    let sizes = truth.iter().chain(&ours).filter(|v| **v).count();
    assert!((2.0 * both as f64 / sizes as f64 - after).abs() < 1e-4, "{after}");

    let refused = evaluate(&at("never"), &["--set", "colour=1"]).bad(1);
    assert!(refused.contains("\"colour\"") && refused.contains("cutoff"), "{refused}");
}
