//! The command line as a reader uses it: exit codes, messages, files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod demo;
mod device;
mod evaluate;
mod measure;
mod support;

use isochrone_volume::{Volume, VoxelBox};
use std::path::Path;
use support::{Outcome, ball, isochrone};

fn read(path: &Path) -> Volume {
    isochrone_intake::read(path, &isochrone_intake::ReadOptions::default()).unwrap()
}

fn values(volume: &Volume) -> ndarray::Array3<f32> {
    volume.values(&VoxelBox::whole(volume.grid().size()))
}

#[test]
fn info_says_where_an_image_lies() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let found = isochrone(&["info", &image, "--json", "--at", "-20,-30,10", "--at=5,5,500"]).good();
    let report: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(report["size"], serde_json::json!([32, 28, 20]));
    assert_eq!(report["orientation"], "LPS");
    assert_eq!(report["modality"], "CT");
    assert_eq!(report["inferred"], true);
    assert_eq!(report["at"][0]["voxel"], serde_json::json!([10, 5, 5]));
    assert_eq!(report["at"][0]["value"], -800.0);
    assert!(report["at"][1]["voxel"].is_null());
    let text = isochrone(&["info", &image, "--modality", "MR"]).good();
    assert!(text.contains("32 × 28 × 20 voxels") && text.contains("MR, arbitrary units"), "{text}");
}

#[test]
fn segment_writes_the_ball_from_either_way_of_writing_a_click() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let mask = folder.path().join("mask.nii.gz").display().to_string();
    let common = ["segment", &image, "--engine", "geodesic", "-o", &mask];
    let apart = isochrone(&[&common[..], &["--click", "-8,-12,20", "--click", "-36,-36,2,-"]].concat()).good();
    assert!(apart.contains("mL"), "{apart}");
    let first = values(&read(Path::new(&mask)));
    let cube = first.iter().filter(|v| **v > 0.0).count() as f64 * 2.0 * 2.0 * 2.0;
    // A ball of 12 mm radius; the baseline is no better than this.
    assert!((cube / 7238.0 - 1.0).abs() < 0.35, "{cube} mm³");

    let refused = isochrone(&[&common[..], &["--click=-8,-12,20"]].concat()).bad(64);
    assert!(refused.contains("--force"), "{refused}");
    isochrone(&[&common[..], &["--click=-8,-12,20", "--click=-36,-36,2,-", "--force"]].concat()).good();
    assert_eq!(values(&read(Path::new(&mask))), first);
}

#[test]
fn segment_takes_every_kind_of_prompt_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let mask = folder.path().join("mask.nii.gz").display().to_string();
    let gaze = folder.path().join("gaze.csv");
    let samples: String = (0..30).map(|n| format!("{},-8,-12,{}\n", f64::from(n) * 16.7, 20 + n % 2)).collect();
    std::fs::write(&gaze, samples + "600\ndispersion=10\n").unwrap();
    let lasso = folder.path().join("lasso.txt");
    // Drawn round the ball, as readers draw them: what lies outside a lasso is background.
    let octagon = "-20,-17,20; -13,-24,20; -3,-24,20; 4,-17,20; 4,-7,20; -3,0,20; -13,0,20; -20,-7,20";
    std::fs::write(&lasso, octagon).unwrap();
    let lasso = format!("@{}", lasso.display());
    let kinds = [
        ["--click", "-8,-12,20"],
        ["--scribble", "-12,-12,20; -4,-12,20; radius=2; normal=0,0,1"],
        ["--box", "-20,-24,8; 4,0,32"],
        ["--box", "-20,-24,20; 4,0,20; u=1,0,0; v=0,1,0"],
        ["--extreme", "-20,-12,20; 4,-12,20; -8,-24,20; -8,0,20; -8,-12,8; -8,-12,32; margin=1"],
        ["--lasso", &lasso],
        ["--polygon", &format!("{octagon}; drag=4,-7,20,3,-6,20")],
        ["--gaze", gaze.to_str().unwrap()],
    ];
    let run = |prompts: &[&str]| {
        isochrone(&[&["segment", &image, "--engine", "geodesic", "-o", &mask, "--force"], prompts].concat())
    };
    for [option, value] in kinds {
        let text = run(&[option, value]).good();
        let found = values(&read(Path::new(&mask))).iter().filter(|v| **v > 0.0).count() as f64 * 8.0;
        assert!((found / 7238.0 - 1.0).abs() < 0.5, "{option} {value}: {found} mm³\n{text}");
    }
    // A mask to start from is taken as it is; what follows it, in the order written, changes it.
    let start = folder.path().join("start.nii.gz");
    std::fs::copy(&mask, &start).unwrap();
    let start = start.to_str().unwrap();
    run(&["--initial", start]).good();
    let before = values(&read(Path::new(&mask)));
    assert_eq!(before, values(&read(Path::new(start))));
    let text = run(&["--initial", start, "--click", "-8,-12,30,-"]).good();
    assert!(text.find("initial mask").unwrap() < text.find("click").unwrap(), "{text}");
    assert_ne!(values(&read(Path::new(&mask))), before);

    assert!(run(&["--name", "liver"]).bad(1).contains("knows no names"));
    assert!(run(&["--scribble", "1,2"]).bad(64).contains("radius=2"));
    assert!(run(&["--gaze", "no-such-file"]).bad(64).contains("no-such-file"));
    assert!(run(&[]).bad(64).contains("--click"));
    let help = isochrone(&["segment", "--help"]).good();
    for option in ["--click", "--scribble", "--box", "--extreme", "--lasso", "--polygon", "--gaze", "--initial"] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn a_wrong_request_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let out = folder.path().join("mask.nii.gz").display().to_string();
    let outside = isochrone(&["segment", &image, "--engine", "geodesic", "-o", &out, "--click", "0,0,900"]).bad(1);
    assert!(outside.contains("outside the volume"), "{outside}");
    let ending = isochrone(&["segment", &image, "-o", "mask.png", "--click", "0,0,9"]).bad(64);
    assert!(ending.contains(".nii.gz"), "{ending}");
    let click = isochrone(&["segment", &image, "-o", &out, "--click", "1,2"]).bad(64);
    assert!(click.contains("x,y,z"), "{click}");
    let modality = isochrone(&["info", &image, "--modality", "X"]).bad(64);
    assert!(modality.contains("CT, MR, PT"), "{modality}");
    let missing = isochrone(&["info", "no-such-file.nii.gz"]).bad(1);
    assert!(missing.contains("no-such-file.nii.gz"), "{missing}");
    let bundle = isochrone(&["model", "check", &folder.path().display().to_string()]).bad(1);
    assert!(bundle.contains("bundle.toml"), "{bundle}");
    assert!(!Path::new(&out).exists());
}

#[test]
fn guidance_is_a_map_on_the_images_grid() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let out = folder.path().join("map.nii.gz").display().to_string();
    let common = ["guidance", &image, "-o", &out, "--force", "--click", "-8,-12,20", "--click", "0,0,0,-"];
    let map = |more: &[&str]| {
        isochrone(&[&common[..], more].concat()).good();
        let volume = read(Path::new(&out));
        assert_eq!(volume.grid().size(), read(Path::new(&image)).grid().size());
        values(&volume)
    };
    let click = [10, 14, 16];
    for kind in ["euclidean", "geodesic"] {
        let distance = map(&["--kind", kind]);
        assert_eq!(distance[click], 0.0, "{kind}");
        assert!(distance.iter().all(|d| *d >= 0.0));
        let cut = map(&["--kind", kind, "--cutoff-mm", "8"]);
        assert_eq!(cut.iter().fold(0.0f32, |a, b| a.max(*b)), 8.0, "{kind}");
    }
    assert_eq!(map(&["--kind", "euclidean"])[[10, 14, 21]], 10.0);
    for kind in ["exponential-geodesic", "gaussian", "disk"] {
        let bump = map(&["--kind", kind]);
        assert_eq!(bump[click], 1.0, "{kind}");
        assert!(bump[[0, 0, 0]] < 0.1, "{kind}");
    }
    let negative = map(&["--kind", "disk", "--negative"]);
    assert_eq!((negative[click], negative[[0, 20, 20]]), (0.0, 1.0));
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let image = ball(folder.path());
    let Outcome { code, stderr, .. } = support::with_closed_stdout(&["info", &image]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}
