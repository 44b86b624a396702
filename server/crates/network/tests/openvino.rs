//! OpenVINO gives the answers of ONNX Runtime's own kernels, whatever the regions' sizes. Passed over where it is not there:
//! on other processors than x86-64, or where the library is another build.

mod common;

use common::{SPLIT, bundle, runtime};
use isochrone_network::{Bundle, Device, Features, Network, NetworkInputs, Runtime, RuntimeOptions};
use ndarray::{Array3, ArrayBase, Axis, Data, Dimension, Zip};
use std::path::Path;
use std::sync::Arc;

/// ONNX Runtime on OpenVINO.
fn openvino() -> Option<Runtime> {
    let options = RuntimeOptions { device: Device::OpenVino, ..RuntimeOptions::default() };
    let runtime = Runtime::load(&options).unwrap();
    let report = runtime.device();
    if report.used == Device::OpenVino {
        assert!(report.message.is_empty() && runtime.description().starts_with("openvino ("));
        return Some(runtime);
    }
    assert_eq!(report.used, Device::Cpu);
    assert!(report.message.contains("openvino") && report.message.contains("on the CPU instead"), "{}", report.message);
    assert!(runtime.description().starts_with("cpu ("));
    println!("passed over: {}", report.message);
    None
}

fn shipped(runtime: &Runtime) -> Network {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-3");
    Network::open(Bundle::load(&folder).unwrap(), runtime).unwrap()
}

/// A ball on a slope with a click in its middle.
fn ball([k, j, i]: [usize; 3]) -> Arc<NetworkInputs> {
    let from_centre = |(z, y, x): (usize, usize, usize)| {
        let side = |n: usize, all: usize| (n as f32 - all as f32 / 2.0).powi(2);
        (side(z, k) + side(y, j) + side(x, i)).sqrt()
    };
    let image = |at: (usize, usize, usize)| {
        let texture = ((at.0 * 31 + at.1 * 17 + at.2 * 7) % 97) as f32 / 97.0;
        let lump = if from_centre(at) < 7.0 { 1.5 } else { -0.5 };
        lump + 0.6 * texture + 0.02 * at.0 as f32
    };
    Arc::new(NetworkInputs {
        image: Array3::from_shape_fn((k, j, i), image).insert_axis(Axis(0)),
        previous_mask: Array3::zeros((k, j, i)),
        positive: Array3::from_shape_fn((k, j, i), |at| 1.0 - 2.0 * (-from_centre(at).powi(2) / 8.0).exp()),
        negative: Array3::ones((k, j, i)),
        class: None,
    })
}

fn difference<S: Data<Elem = f32>, D: Dimension>(a: &ArrayBase<S, D>, b: &ArrayBase<S, D>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    Zip::from(a).and(b).fold(0.0, |most, a, b| f32::max(most, (a - b).abs()))
}

#[test]
fn the_same_answers_in_regions_of_several_sizes() {
    let Some(openvino) = openvino() else { return };
    let (cpu, quick) = (shipped(&runtime()), shipped(&openvino));
    // More sizes than stay compiled, and the first once more.
    for shape in [[64; 3], [32; 3], [48, 32, 64], [16, 32, 48], [64, 48, 32], [64; 3]] {
        let (a, b): (Features, Features) = (cpu.encode(ball(shape)).unwrap(), quick.encode(ball(shape)).unwrap());
        let (mask, same) = (cpu.decode(&a).unwrap(), quick.decode(&b).unwrap());
        assert!(mask.iter().any(|p| *p > 0.9) || shape != [64; 3], "there is something to compare");
        assert!(difference(&mask, &same) < 1e-3, "{shape:?}");
        assert_eq!(mask.mapv(|p| p >= 0.5), same.mapv(|p| p >= 0.5), "{shape:?}: the masks are the same");
        assert_eq!(same, quick.decode(&quick.encode(ball(shape)).unwrap()).unwrap(), "{shape:?}: the same bits again");
        assert!(difference(&cpu.error(&a).unwrap(), &quick.error(&b).unwrap()) < 1e-3, "{shape:?}");
    }
}

#[test]
fn samples_of_any_number() {
    let Some(openvino) = openvino() else { return };
    let (cpu, quick) = (shipped(&runtime()), shipped(&openvino));
    let (a, b) = (cpu.encode(ball([32; 3])).unwrap(), quick.encode(ball([32; 3])).unwrap());
    let eight = quick.sample(&b, 8, 42, &|| false).unwrap();
    assert!(difference(&cpu.sample(&a, 8, 42, &|| false).unwrap(), &eight) < 1e-3);
    let seven = quick.sample(&b, 7, 42, &|| false).unwrap();
    assert!(seven == eight.slice(ndarray::s![..7, .., .., ..]), "a sample's bits do not depend on how many are drawn");
}

/// Graphs whose dimensions have other names, and of which a part is left to ONNX Runtime's own kernels if need be.
#[test]
fn a_toy_bundle() {
    let Some(openvino) = openvino() else { return };
    let folder = bundle(&format!("{}{SPLIT}", common::HEAD));
    let open = |runtime: &Runtime| Network::open(Bundle::load(folder.path()).unwrap(), runtime).unwrap();
    let (cpu, quick) = (open(&runtime()), open(&openvino));
    quick.warm_up().unwrap();
    for shape in [[8; 3], [8, 6, 4]] {
        let (a, b) = (cpu.encode(ball(shape)).unwrap(), quick.encode(ball(shape)).unwrap());
        assert!(difference(&cpu.decode(&a).unwrap(), &quick.decode(&b).unwrap()) < 1e-5);
        assert_eq!(quick.sample(&b, 3, 1, &|| false).unwrap().shape(), [3, shape[0] / 2, shape[1] / 2, shape[2] / 2]);
    }
    assert!(quick.encode(ball([7; 3])).is_err(), "sides are multiples of the divisor, as ever");
}
