//! What a bundle may say, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{ERROR, FOREIGN, HEAD, SPLIT, bundle};
use isochrone_network::{Bundle, Encoding, Graphs, NetworkError};
use isochrone_volume::Modality;
use std::fs;

fn load(text: &str) -> Result<Bundle, NetworkError> {
    Bundle::load(bundle(text).path())
}

#[test]
fn reads_both_kinds() {
    let split = load(&format!("{HEAD}{SPLIT}")).unwrap();
    assert_eq!(split.title(), "toy 0.1");
    assert_eq!(split.channels[0].modalities, [Modality::Ct, Modality::Pt]);
    assert_eq!(split.positive, Encoding::Disk { radius_voxels: 1.0 });
    assert_eq!((split.threshold, split.temperature, split.dropout_rate), (0.5, 1.0, Some(0.5)));
    assert_eq!(split.graphs.for_samples().stride, 2);
    let foreign = load(&format!("{HEAD}{FOREIGN}")).unwrap();
    assert!(matches!(foreign.graphs, Graphs::Single(_)) && foreign.dropout_rate.is_none());
    assert_ne!(foreign.digest(), split.digest());
    assert_eq!(foreign.digest().len(), 64);
}

#[test]
fn channels_sweep_and_error_graph() {
    let plain = load(&format!("{HEAD}{SPLIT}")).unwrap();
    assert_eq!((plain.sweep.spacing_mm, plain.sweep.zero_click, plain.channels[0].missing), (4.0, false, None));
    assert!(plain.graphs.error().is_none());
    let head = HEAD.replace("{ kind = \"none\" }", "{ kind = \"none\" }\nmissing = -1.5");
    let text = format!("{head}{SPLIT}{ERROR}[sweep]\nspacing_mm = 3.0\nzero_click = true\n");
    let full = load(&text).unwrap();
    assert_eq!((full.sweep.spacing_mm, full.sweep.zero_click, full.channels[0].missing), (3.0, true, Some(-1.5)));
    assert_eq!(full.graphs.error().unwrap().probability.as_deref(), Some("answer"));
    let changes = [
        ("spacing_mm = 3.0", "spacing_mm = 30.0"),
        ("missing = -1.5", "missing = nan"),
        ("probability = \"answer\"", "dropout = [{ name = \"drop\", channels = 1 }]"),
    ];
    for (from, to) in changes {
        let error = load(&text.replacen(from, to, 1)).expect_err(to);
        assert!(matches!(error, NetworkError::Description(_)), "{to}: {error}");
    }
}

#[test]
fn classes_are_names_that_differ() {
    let with = |classes: &str| {
        load(&format!("{HEAD}{SPLIT}").replace("[[channel]]", &format!("classes = {classes}\n[[channel]]")))
    };
    assert_eq!(with("[\"liver\", \"Left adrenal_gland\"]").unwrap().classes, ["liver", "Left adrenal_gland"]);
    for wrong in ["[\"\"]", "[\" liver\"]", "[\"left kidney\", \"Left-kidney\"]", "[\"a\\tb\"]"] {
        assert!(matches!(with(wrong), Err(NetworkError::Description(_))), "{wrong}");
    }
    let text = format!("{HEAD}{SPLIT}{ERROR}").replace("[[channel]]", "classes = [\"liver\"]\n[[channel]]");
    assert!(matches!(load(&text), Err(NetworkError::Description(_))), "an error graph knows no class");
}

#[test]
fn the_shipped_bundle_loads() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-3");
    let bundle = Bundle::load(&folder).unwrap();
    assert_eq!(bundle.graphs.all().len(), 4);
}

#[test]
fn absurd_descriptions_are_refused() {
    let good = format!("{HEAD}{SPLIT}");
    let changes = [
        ("format = 1", "format = 2"),
        ("name = \"toy\"", "name = \"\""),
        ("size = [8, 8, 8]", "size = [9, 8, 8]"),
        ("size = [8, 8, 8]", "size = [8, 8, 100000]"),
        ("size = [8, 8, 8]", "size = [8, 8]"),
        ("min_spacing_mm = 0.5", "min_spacing_mm = 2.0"),
        ("max_spacing_mm = 4.0", "max_spacing_mm = nan"),
        ("max_spacing_mm = 4.0", "max_spacing_mm = 4.0\nzoom_out = 1.0"),
        ("[\"CT\", \"PET\"]", "[\"XX\"]"),
        ("[\"CT\", \"PET\"]", "[]"),
        ("kind = \"none\"", "kind = \"magic\""),
        ("kind = \"none\"", "kind = \"window\", low = 5.0, high = 5.0"),
        ("kind = \"none\"", "kind = \"percentile-z-score\", low = 99.0, high = 1.0"),
        ("radius_voxels = 1.0", "radius_voxels = -1.0"),
        ("lambda = 0.5", "lambda = 1.5"),
        ("rate = 0.5", "rate = 1.0"),
        ("[dropout]\nrate = 0.5\n", ""),
        ("stride = 2", "stride = 0"),
        ("stride = 2", "stride = 3"),
        ("channels = 1", "channels = 0"),
        ("role = \"encoder\"", "role = \"decoder\""),
        ("role = \"encoder\"", "role = \"oracle\""),
        ("image = \"image\", ", ""),
        ("features = [\"f0\"], ", ""),
        ("outputs = { logits = \"logits\" }\n[[", "[["),
        ("sha256 = \"@\"", "sha256 = \"abc\""),
        ("licence = \"Apache-2.0\"", "licence = \"Apache-2.0\"\nfavourite_colour = \"blue\""),
    ];
    for (from, to) in changes {
        assert!(good.contains(from), "{from}");
        let error = load(&good.replacen(from, to, 1)).expect_err(to);
        assert!(matches!(error, NetworkError::Description(_)), "{to}: {error}");
    }
}

#[test]
fn damaged_or_foreign_files_are_refused() {
    let folder = bundle(&format!("{HEAD}{SPLIT}"));
    fs::write(folder.path().join("decoder.onnx"), b"something else").unwrap();
    let error = Bundle::load(folder.path()).unwrap_err();
    assert_eq!(error, NetworkError::Checksum { role: "decoder" });
    assert!(error.to_string().contains("decoder"));

    fs::remove_file(folder.path().join("decoder.onnx")).unwrap();
    assert!(matches!(Bundle::load(folder.path()), Err(NetworkError::File { role: "decoder", .. })));

    for outside in ["../decoder.onnx", "/etc/hostname", "", "."] {
        let text = format!("{HEAD}{SPLIT}").replacen("encoder.onnx", outside, 1);
        assert!(matches!(load(&text), Err(NetworkError::File { role: "encoder", .. })), "{outside}");
    }
    assert!(matches!(Bundle::load(&folder.path().join("none")), Err(NetworkError::NoBundle(_))));
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_refused() {
    let folder = bundle(&format!("{HEAD}{SPLIT}"));
    let elsewhere = tempfile::tempdir().unwrap();
    let file = folder.path().join("sampler.onnx");
    fs::rename(&file, elsewhere.path().join("sampler.onnx")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("sampler.onnx"), &file).unwrap();
    let error = Bundle::load(folder.path()).unwrap_err();
    assert!(matches!(error, NetworkError::File { role: "sampler", .. }), "{error}");
}
