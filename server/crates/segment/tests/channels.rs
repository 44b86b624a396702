//! Several images in one session: a toy bundle whose logits are PET − CT + positive prompts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_network::{Device, Runtime, RuntimeOptions};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_segment::{Cancel, Channel, NetworkEngine, Segmenter, Task, check_together};
use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels,
};
use ndarray::Array3;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

const BUNDLE: &str = r#"
format = 1
name = "pet-ct"
version = "0.1"
licence = "Apache-2.0"
[[channel]]
modalities = ["PT"]
normalisation = { kind = "none" }
[[channel]]
modalities = ["CT", "MR"]
normalisation = { kind = "none" }
missing = 0.25
[region]
size = [16, 16, 16]
first_spacing_mm = 2.0
min_spacing_mm = 1.0
max_spacing_mm = 4.0
[guidance.positive]
encoding = { kind = "disk", radius_voxels = 0.0 }
[guidance.negative]
encoding = { kind = "disk", radius_voxels = 0.0 }
[[graph]]
role = "network"
file = "two_channels.onnx"
sha256 = "@"
inputs = { image = "image", positive = "positive" }
outputs = { logits = "logits" }
"#;

fn engine() -> NetworkEngine {
    let folder = tempfile::tempdir().unwrap();
    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network/tests/data/two_channels.onnx");
    let bytes = std::fs::read(graph).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(folder.path().join("two_channels.onnx"), bytes).unwrap();
    std::fs::write(folder.path().join("bundle.toml"), BUNDLE.replace('@', &digest)).unwrap();
    let runtime = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() }).unwrap();
    NetworkEngine::load(folder.path(), &runtime).unwrap()
}

/// An image whose value is `slope · x` (LPS mm), on a grid of its own.
fn ramp(modality: Modality, slope: f64, spacing_mm: f64, origin: DVec3, frame: Option<&str>) -> Channel {
    let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::splat(spacing_mm)), translation: origin };
    let n = (96.0 / spacing_mm) as usize;
    let grid = Grid::new([n; 3], affine).unwrap();
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| (slope * grid.centre_mm([i, j, k]).x) as f32);
    let origin = VolumeOrigin {
        modality,
        quantity: Quantity::Arbitrary,
        inferred: false,
        frame_of_reference: frame.map(str::to_owned),
        warnings: vec![],
    };
    Channel { volume: Arc::new(Volume::new(grid, Voxels::F32(voxels), Rescale::IDENTITY, origin).unwrap()) }
}

/// The largest difference between the engine's answer and `logit(x, clicked)`, away from the volumes' borders.
fn off(engine: &NetworkEngine, channels: &[Channel], logit: impl Fn(f64, bool) -> f64) -> f64 {
    let prepared = engine.prepare(channels).unwrap();
    let volume = channels[0].volume.clone();
    let region = volume.grid().working(DVec3::new(40.0, 41.0, 42.0), 2.0, [16; 3]).unwrap();
    let at = region.centre_mm([8, 8, 8]);
    let click = Prompt::Click(Click { position_lps_mm: at, polarity: Polarity::Positive });
    let prompts = [click.place(&volume, "").unwrap()];
    let previous = Mask::empty(volume.grid().clone());
    let task = Task {
        prompts: &prompts,
        previous: &previous,
        previous_box: VoxelBox { min: [0; 3], max: [0; 3] },
        other_labels: &[],
        region: &region,
    };
    let clicked = task.points(Polarity::Positive)[0];
    let answer = engine.segment(&prepared, &task, &Cancel::new()).unwrap().remove(0).probability;
    let mut worst = 0.0f64;
    for ((k, j, i), &p) in answer.indexed_iter() {
        let x = region.centre_mm([i, j, k]).x;
        let expected = 1.0 / (1.0 + (-logit(x, [k, j, i] == clicked)).exp());
        worst = worst.max((f64::from(p) - expected).abs());
    }
    worst
}

#[test]
fn a_companion_lies_where_its_patient_lies() {
    let engine = engine();
    let pet = ramp(Modality::Pt, 0.10, 4.0, DVec3::new(-2.0, 1.0, 0.0), None);
    let ct = ramp(Modality::Ct, 0.06, 1.5, DVec3::new(3.0, -4.0, 5.5), None);
    let bump = |clicked: bool| if clicked { 1.0 } else { 0.0 };
    let both = |x: f64, clicked| 0.10 * x - 0.06 * x + bump(clicked);
    assert!(off(&engine, &[pet.clone(), ct.clone()], both) < 1e-4);
    // The order in a session says whose grid carries the masks, not which channel an image is.
    assert!(off(&engine, &[ct.clone(), pet.clone()], both) < 1e-4);
    // Without CT its channel is what the bundle says.
    assert!(off(&engine, std::slice::from_ref(&pet), |x, clicked| 0.10 * x - 0.25 + bump(clicked)) < 1e-4);

    let refused = |channels: &[Channel]| engine.prepare(channels).err().unwrap().to_string();
    assert!(refused(std::slice::from_ref(&ct)).contains("needs an image of PT"));
    assert!(refused(&[pet.clone(), pet.clone()]).contains("Image 2 is PT"));
    let mr = ramp(Modality::Mr, 0.06, 1.5, DVec3::ZERO, None);
    assert!(refused(&[pet.clone(), ct.clone(), mr]).contains("Image 3 is MR"));
    assert!(refused(&[]).contains("PT"));
}

#[test]
fn images_of_another_space_are_refused() {
    let place = DVec3::ZERO;
    let pet = |frame| ramp(Modality::Pt, 0.1, 4.0, place, frame);
    let ct = |frame, place| ramp(Modality::Ct, 0.1, 4.0, place, frame);
    assert!(check_together(&[pet(Some("1.2")), ct(Some("1.2"), place)]).is_ok());
    assert!(check_together(&[pet(None), ct(Some("1.2"), place)]).is_ok());
    let error = check_together(&[pet(Some("1.2")), ct(Some("1.3"), place)]).unwrap_err().to_string();
    assert!(error.contains("frames of reference"), "{error}");
    let error = check_together(&[pet(None), ct(None, DVec3::splat(500.0))]).unwrap_err().to_string();
    assert!(error.contains("Image 2"), "{error}");
}
