//! `isochrone demo` on the synthetic body: two processes, one protocol.

use crate::support::isochrone_at;
use std::path::Path;

#[test]
fn the_demo_plays_without_data() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bundle = ["model", "check", "models/lesion-3"];
    if isochrone_at(&repository, &bundle).code != Some(0) {
        eprintln!("skipped: the network does not run here (make onnxruntime)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let nothing = folder.path().join("nothing").display().to_string();
    let args = ["demo", "--data", &nothing, "--out", &out, "--clicks", "2", "--samples", "2", "--random-readers", "1"];
    let text = isochrone_at(&repository, &args).good();
    assert!(text.contains("a synthetic body is played"), "{text}");
    assert_eq!(text.matches("equal to the assembled mask").count(), 3, "{text}");
    let clicks = std::fs::read_to_string(folder.path().join("clicks.csv")).unwrap();
    let columns = clicks.lines().next().unwrap().split(',').count();
    assert!(clicks.lines().all(|line| line.split(',').count() == columns));
    for reader in ["network,proposed", "network,random", "network,anywhere", "geodesic,anywhere"] {
        assert!(clicks.contains(reader), "{reader}");
    }
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("demo.json")).unwrap()).unwrap();
    assert_eq!(document["synthetic"], true);
    for case in document["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        assert!(folder.path().join(name).join("click_01_uncertainty.nii.gz").is_file(), "{name}");
        assert!(folder.path().join(format!("{name}_mask.nii.gz")).is_file(), "{name}");
    }
}
