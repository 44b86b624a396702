//! Which runtime is in force, and whether it gives the same masks on real lesions.

use crate::support::isochrone_at;
use std::path::Path;

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What `model check` says on a line of its own.
fn line(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|l| l.strip_prefix(name)).map(|l| l.trim().to_owned())
}

#[test]
fn the_runtime_in_force_is_told() {
    let check = |device: &str| isochrone_at(&repository(), &["model", "check", "models/lesion-3", "--device", device]);
    if check("cpu").code != Some(0) {
        eprintln!("skipped: the network does not run here (make onnxruntime)");
        return;
    }
    let plain = check("cpu").good();
    let device = line(&plain, "device").unwrap();
    assert!(device.starts_with("cpu (") && device.contains("ONNX Runtime"), "{device}");
    assert!(line(&plain, "note").is_none(), "{plain}");
    let other = check("openvino").good();
    let device = line(&other, "device").unwrap();
    match line(&other, "note") {
        None => assert!(device.starts_with("openvino ("), "{device}"),
        Some(why) => assert!(device.starts_with("cpu (") && why.contains("openvino cannot be used here ("), "{why}"),
    }
}

#[test]
fn openvino_gives_the_same_masks_on_real_lesions() {
    if !repository().join("build/lesions/lung2_image.nrrd").is_file() {
        eprintln!("skipped: no lesions (make lesions)");
        return;
    }
    let compare = ["gpu-check", "--device", "openvino", "--only", "lung2", "--only", "brain1"];
    let text = isochrone_at(&repository(), &compare).good();
    if text.contains("nothing was compared") {
        assert!(text.contains("openvino cannot be used here ("), "{text}");
        eprintln!("skipped: {text}");
        return;
    }
    assert!(
        text.contains("openvino (") && text.contains("least Dice between the masks of 10 clicks: 1.00000"),
        "{text}"
    );
}
