//! Toy bundles, written to a temporary folder.

use isochrone_network::{Device, Runtime, RuntimeOptions};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// ONNX Runtime on the CPU.
#[allow(dead_code)] // Not every test binary runs a graph.
pub fn runtime() -> Runtime {
    let options = RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() };
    Runtime::load(&options).expect("the tests need ONNX Runtime: run `make onnxruntime`")
}

/// Head of a bundle.toml with regions of 8³ voxels.
pub const HEAD: &str = r#"
format = 1
name = "toy"
version = "0.1"
licence = "Apache-2.0"
[[channel]]
modalities = ["CT", "PET"]
normalisation = { kind = "none" }
[region]
size = [8, 8, 8]
divisor = 2
first_spacing_mm = 1.0
min_spacing_mm = 0.5
max_spacing_mm = 4.0
[guidance.positive]
encoding = { kind = "disk", radius_voxels = 1.0 }
[guidance.negative]
encoding = { kind = "geodesic", lambda = 0.5, cutoff_mm = 20.0 }
"#;

/// The graphs of the split toy: f0 = image + previous_mask + positive − negative; logits = f0 · drop.
pub const SPLIT: &str = r#"
[dropout]
rate = 0.5
[[graph]]
role = "encoder"
file = "encoder.onnx"
sha256 = "@"
inputs = { image = "image", previous_mask = "previous_mask", positive = "positive", negative = "negative" }
[[graph]]
role = "decoder"
file = "decoder.onnx"
sha256 = "@"
inputs = { features = ["f0"], dropout = [{ name = "drop", channels = 1 }] }
outputs = { logits = "logits" }
[[graph]]
role = "sampler"
file = "sampler.onnx"
sha256 = "@"
inputs = { features = ["f1"], dropout = [{ name = "drop", channels = 1 }] }
outputs = { logits = "logits" }
stride = 2
"#;

/// Says where the split toy is wrong: sigmoid(f0 − answer).
#[allow(dead_code)] // Not every test binary runs it.
pub const ERROR: &str = r#"
[[graph]]
role = "error"
file = "error.onnx"
sha256 = "@"
inputs = { features = ["f0"], probability = "answer" }
outputs = { logits = "logits" }
"#;

/// Somebody else's network: one graph, other names, no previous mask, no negative guidance, no dropout.
#[allow(dead_code)] // Not every test binary runs it.
pub const FOREIGN: &str = r#"
[[graph]]
role = "network"
file = "foreign.onnx"
sha256 = "@"
inputs = { image = "scan", positive = "fg_points" }
outputs = { logits = "pred" }
"#;

/// Three classes: what is bright, what is dark, and what is pointed at. `classes` goes before the sections.
#[allow(dead_code)] // Not every test binary runs it.
pub const CLASSES: &str = r#"
[[graph]]
role = "network"
file = "classes.onnx"
sha256 = "@"
inputs = { image = "scan", positive = "fg_points" }
outputs = { logits = "pred" }
"#;

/// Writes a bundle; every `sha256 = "@"` becomes that of the file named before it.
pub fn bundle(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut toml = String::new();
    let mut digest = String::new();
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("file = ").map(|f| f.trim_matches('"')) {
            let bytes = fs::read(data.join(file)).unwrap_or_default();
            digest = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
            if !bytes.is_empty() {
                fs::write(folder.path().join(file), bytes).unwrap();
            }
        }
        toml += &line.replace('@', &digest);
        toml.push('\n');
    }
    fs::write(folder.path().join("bundle.toml"), toml).unwrap();
    folder
}
