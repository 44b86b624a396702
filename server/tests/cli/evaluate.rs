//! The evaluation plays the engine that was asked for.

use crate::support::{ball, isochrone};
use crate::{read, values};
use isochrone_volume::{DAffine3, DVec3, Grid, Volume, Voxels};
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

/// The table of a file with one row, by column.
fn row(file: &Path) -> std::collections::HashMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    names.into_iter().zip(lines.next().unwrap()).collect()
}

#[test]
fn what_is_predicted_before_the_first_click_is_compared_with_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let cases = case(folder.path());
    let (model, out) = (folder.path().join("guessing"), folder.path().join("out"));
    // The shipped network, said to predict without a click: whatever it predicts, the figures must fit together.
    std::fs::create_dir(&model).unwrap();
    for file in std::fs::read_dir("../models/lesion-3").unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, model.join(file.file_name().unwrap())).unwrap();
    }
    let bundle = model.join("bundle.toml");
    let text = std::fs::read_to_string(&bundle).unwrap();
    assert!(!text.contains("[sweep]"));
    std::fs::write(&bundle, text + "\n[sweep]\nspacing_mm = 4.0\nzero_click = true\n").unwrap();
    let evaluate = |model: &str| {
        let out = out.display().to_string();
        isochrone(&[
            "evaluate",
            "--cases",
            &cases,
            "--model",
            model,
            "--clicks",
            "1",
            "--samples",
            "2",
            "--sweep",
            "--out",
            &out,
        ])
    };
    let printed = evaluate(&model.display().to_string()).good();
    assert!(printed.contains("Dice@0") && printed.contains("false positive mL"), "{printed}");
    let row = row(&out.join("sweep.csv"));
    let value = |name: &str| row[name].parse::<f64>().unwrap();
    let (dice, wrong, missed) = (value("dice"), value("false_positive_ml"), value("false_negative_ml"));
    let (predicted, truth) = (value("predicted_ml"), value("truth_ml"));
    assert!((truth - 7.24).abs() < 0.5, "{truth}");
    assert!(wrong <= predicted && missed <= truth && (0.0..=1.0).contains(&dice), "{row:?}");
    assert!(
        dice * (predicted + truth) / 2.0 <= predicted - wrong + 0.02,
        "what is found lies outside the false positives"
    );
    assert_eq!(dice > 0.0, missed == 0.0, "one part: found or not");
    assert_eq!(row["working_spacing_mm"], "4.000");
    let summary = std::fs::read_to_string(out.join("summary.json")).unwrap();
    assert!(summary.contains("\"predicted_ml\""));

    let refused = evaluate("../models/lesion-3").bad(1);
    assert!(refused.contains("no prediction without a click") && refused.contains("zero_click"), "{refused}");
}

#[test]
fn a_case_that_cannot_be_played_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cases = case(folder.path());
    let ball = Path::new(&cases).join("ball");
    let image = read(&ball.join("image.nii.gz"));
    let (grid, none) = (image.grid().as_ref().clone(), Voxels::U8(values(&image).map(|_| 0)));
    let beside = DAffine3::from_translation(DVec3::new(0.0, 7.0, 0.0)) * grid.world_from_voxel();
    let some = read(&ball.join("mask.nii.gz"));
    let some = Voxels::U8(values(&some).map(|v| u8::from(*v > 0.0)));
    let masks = [
        ("empty", Volume::new(grid.clone(), none, image.rescale(), image.origin().clone())),
        (
            "shifted",
            Volume::new(Grid::new(grid.size(), beside).unwrap(), some, image.rescale(), image.origin().clone()),
        ),
    ];
    for (name, mask) in masks {
        let other = Path::new(&cases).join(name);
        std::fs::create_dir(&other).unwrap();
        isochrone_export::write_volume(&other.join("image.nii.gz"), &image).unwrap();
        isochrone_export::write_volume(&other.join("mask.nii.gz"), &mask.unwrap()).unwrap();
    }
    std::fs::create_dir(Path::new(&cases).join("torn")).unwrap();
    for file in ["image.nii.gz", "mask.nii.gz"] {
        std::fs::write(Path::new(&cases).join("torn").join(file), b"not a volume").unwrap();
    }
    let out = folder.path().join("out");
    let told = isochrone(&[
        "evaluate",
        "--cases",
        &cases,
        "--engine",
        "geodesic",
        "--clicks",
        "1",
        "--jobs",
        "2",
        "--out",
        &out.display().to_string(),
    ])
    .bad(1);
    assert!(told.contains("2 of 4 cases could not be played"), "{told}");
    assert!(told.contains("shifted: the mask's voxels lie up to 7.0 mm beside the image's") && told.contains("torn: "));
    let table = std::fs::read_to_string(out.join("clicks.csv")).unwrap();
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains("\nball,"), "{table}");
}

/// Each label is a target, the split says which cases are played, and groups come from the description.
#[test]
fn labels_splits_and_groups() {
    let folder = tempfile::tempdir().unwrap();
    let cases = case(folder.path());
    let ball = Path::new(&cases).join("ball");
    let (image, mask) = (read(&ball.join("image.nii.gz")), read(&ball.join("mask.nii.gz")));
    // Two halves of the ball, and a crumb.
    let mut halves = values(&mask).map(|v| u8::from(*v > 0.0));
    let middle = halves.dim().2 / 2;
    halves.indexed_iter_mut().for_each(|((_, _, i), v)| *v *= if i < middle { 1 } else { 2 });
    halves[(0, 0, 0)] = 3;
    let mask =
        Volume::new(mask.grid().as_ref().clone(), Voxels::U8(halves), mask.rescale(), mask.origin().clone()).unwrap();
    for (name, patient) in [("left", "p1"), ("right", "p2"), ("apart", "p3")] {
        let other = Path::new(&cases).join(name);
        std::fs::create_dir(&other).unwrap();
        isochrone_export::write_volume(&other.join("image.nii.gz"), &image).unwrap();
        isochrone_export::write_volume(&other.join("mask.nii.gz"), &mask).unwrap();
        let about = format!(r#"{{"modality": "CT", "group": "halves", "patient": "{patient}"}}"#);
        std::fs::write(other.join("meta.json"), about).unwrap();
    }
    let split = folder.path().join("split.toml").display().to_string();
    std::fs::write(&split, "train = [\"apart\", \"ball\"]\nvalidate = [\"left\", \"right\"]\n").unwrap();
    let out = folder.path().join("out");
    let to = out.display().to_string();
    let common = ["evaluate", "--cases", &cases, "--engine", "geodesic", "--clicks", "3", "--out", &to];
    let evaluate = |more: &[&str]| isochrone(&[&common[..], more].concat());
    let printed = evaluate(&["--split", &split, "--part", "validate", "--each-label"]).good();
    assert!(printed.contains("CT halves") && printed.contains("over modalities"), "{printed}");
    let table = std::fs::read_to_string(out.join("clicks.csv")).unwrap();
    let names: std::collections::BTreeSet<&str> = table.lines().skip(1).map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["left/1", "left/2", "right/1", "right/2"]);
    let first: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(first[first.len() - 4..], ["halves", "p1", "left", "1"], "the first click is honoured");
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let groups = summary["by_group"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    let dice = &groups[0]["dice"]["3"];
    let [low, mean, high] = ["low", "mean", "high"].map(|n| dice[n].as_f64().unwrap());
    assert!(low <= mean && mean <= high, "{dice}");
    assert_eq!(summary["honoured_percent"], 100.0);

    let refused = evaluate(&["--split", &split, "--part", "test"]).bad(1);
    assert!(refused.contains("lists no \"test\"; it has train, validate"), "{refused}");
}
