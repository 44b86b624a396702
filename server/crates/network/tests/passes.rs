//! Forward passes of toy graphs whose results can be worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{CLASSES, ERROR, FOREIGN, HEAD, SPLIT, bundle, runtime};
use isochrone_network::{Bundle, Device, Features, Network, NetworkError, NetworkInputs, Runtime, RuntimeOptions};
use ndarray::{Array3, Array4, Axis};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn open(text: &str) -> Network {
    Network::open(Bundle::load(bundle(text).path()).unwrap(), &runtime()).unwrap()
}

fn inputs() -> Arc<NetworkInputs> {
    let map = |seed: usize| {
        Array3::from_shape_fn((8, 8, 8), |(k, j, i)| ((k * 7 + j * 5 + i * 3 + seed) % 11) as f32 / 10.0 - 0.5)
    };
    Arc::new(NetworkInputs {
        image: map(0).insert_axis(Axis(0)),
        previous_mask: map(1),
        positive: map(2),
        negative: map(3),
        class: None,
    })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn near(a: &Array3<f32>, b: &Array3<f32>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
}

#[test]
fn split_graphs_give_what_they_should() {
    let network = open(&format!("{HEAD}{SPLIT}"));
    network.warm_up().unwrap();
    let x = inputs();
    let features = network.encode(x.clone()).unwrap();
    let f0 = &x.image.index_axis(Axis(0), 0) + &x.previous_mask + &x.positive - &x.negative;
    let probability = network.decode(&features).unwrap();
    assert!(near(&probability, &f0.mapv(sigmoid)));
    assert_eq!(probability, network.decode(&features).unwrap());
    // Every sample is the coarse logit times 0 or 2 (rate one half).
    let f1 = Array3::from_shape_fn((4, 4, 4), |(k, j, i)| {
        f0.slice(ndarray::s![2 * k..2 * k + 2, 2 * j..2 * j + 2, 2 * i..2 * i + 2]).mean().unwrap()
    });
    let samples = network.sample(&features, 16, 3, &|| false).unwrap();
    assert_eq!((samples.dim(), network.sample_stride()), ((16, 4, 4, 4), 2));
    let mut kept = 0;
    for sample in samples.outer_iter() {
        let on = near(&sample.to_owned(), &f1.mapv(|v| sigmoid(2.0 * v)));
        assert!(on || sample.iter().all(|p| *p == 0.5));
        kept += usize::from(on);
    }
    assert!((1..16).contains(&kept), "{kept}");
    assert_eq!(samples, network.sample(&features, 16, 3, &|| false).unwrap());
    assert_ne!(samples, network.sample(&features, 16, 4, &|| false).unwrap());
}

#[test]
fn a_class_is_a_channel() {
    let head = HEAD.replace("[[channel]]", "classes = [\"bright\", \"dark\", \"pointed at\"]\n[[channel]]");
    let network = open(&format!("{head}{CLASSES}"));
    network.warm_up().unwrap();
    let x = inputs();
    let answer = |class| {
        let features = network.encode(Arc::new(NetworkInputs { class, ..NetworkInputs::clone(&x) }))?;
        network.decode(&features)
    };
    let (image, points) = (x.image.index_axis(Axis(0), 0), &x.positive);
    let of = [image.mapv(|v| sigmoid(v - 0.5)), image.mapv(|v| sigmoid(0.5 - v)), points.mapv(|v| sigmoid(v - 0.5))];
    for (class, expected) in of.iter().enumerate() {
        assert!(near(&answer(Some(class)).unwrap(), expected), "class {class}");
    }
    let mut any = of[0].clone();
    of.iter().for_each(|one| any.zip_mut_with(one, |a, &b| *a = a.max(b)));
    assert!(near(&answer(None).unwrap(), &any));
    assert!(matches!(answer(Some(3)), Err(NetworkError::Input(_))));
    // A graph with another number of channels than the bundle has classes is found when it is opened.
    for classes in ["[\"one\"]", "[\"one\", \"two\"]"] {
        let head = HEAD.replace("[[channel]]", &format!("classes = {classes}\n[[channel]]"));
        assert!(matches!(open(&format!("{head}{CLASSES}")).warm_up(), Err(NetworkError::Graph { .. })));
    }
}

#[test]
fn a_foreign_graph_works_and_has_no_samples() {
    let network = open(&format!("{HEAD}{FOREIGN}"));
    network.warm_up().unwrap();
    let x = inputs();
    let features = network.encode(x.clone()).unwrap();
    // Two channels: background = points − scan, foreground = scan + points; so the difference is 2 · scan.
    let expected = x.image.index_axis(Axis(0), 0).mapv(|v| sigmoid(2.0 * v));
    assert!(near(&network.decode(&features).unwrap(), &expected));
    assert!(matches!(network.sample(&features, 2, 0, &|| false), Err(NetworkError::NoDropout(_))));
}

#[test]
fn an_error_graph_sees_features_and_answer() {
    let network = open(&format!("{HEAD}{SPLIT}{ERROR}"));
    network.warm_up().unwrap();
    let x = inputs();
    let features = network.encode(x.clone()).unwrap();
    let f0 = &x.image.index_axis(Axis(0), 0) + &x.previous_mask + &x.positive - &x.negative;
    let wrong = network.in_background().error(&features).unwrap();
    assert!(near(&wrong, &f0.mapv(|v| sigmoid(v - sigmoid(v)))));
    let without = open(&format!("{HEAD}{SPLIT}"));
    assert!(matches!(without.error(&features), Err(NetworkError::NoErrorGraph(_))));
}

#[test]
fn mirrored_answers_are_put_back() {
    let network = open(&format!("{HEAD}{SPLIT}"));
    let x = inputs();
    let answer = network.decode(&network.encode(x.clone()).unwrap()).unwrap();
    let answers = network.augmented(&x, 20, &|| false).unwrap();
    assert_eq!(answers.dim(), (8, 8, 8, 8));
    // The toy works voxel by voxel, so that every answer is the same one when it lies as the region does.
    for mirrored in answers.outer_iter() {
        assert_eq!(mirrored, answer);
    }
    assert_eq!(network.augmented(&x, 3, &|| false).unwrap().dim().0, 3);
    assert!(matches!(network.augmented(&x, 8, &|| true), Err(NetworkError::Cancelled)));
}

#[test]
fn the_temperature_is_of_what_is_told_and_not_of_the_mask() {
    let head = format!("{HEAD}{SPLIT}{ERROR}");
    let (plain, warm) = (open(&head), open(&format!("{head}\n[output]\ntemperature = 2.0\n")));
    let x = inputs();
    let features = warm.encode(x.clone()).unwrap();
    let answer = warm.decode(&features).unwrap();
    assert_eq!(answer, plain.decode(&plain.encode(x.clone()).unwrap()).unwrap());
    let f0 = &x.image.index_axis(Axis(0), 0) + &x.previous_mask + &x.positive - &x.negative;
    let told = warm.calibrated(answer.clone());
    assert!(near(&told, &f0.mapv(|v| sigmoid(v / 2.0))));
    assert_eq!(plain.calibrated(answer.clone()), answer);
    assert_eq!(warm.augmented(&x, 2, &|| false).unwrap().index_axis(Axis(0), 1), told);
    // The error graph sees the answer itself.
    assert!(near(&warm.error(&features).unwrap(), &f0.mapv(|v| sigmoid(v - sigmoid(v)))));
    // Samples are at the temperature: their logits are half of what they would be.
    let logits = |network: &Network| {
        let p = network.sample(&network.encode(x.clone()).unwrap(), 4, 3, &|| false).unwrap();
        p.mapv(|p| (p / (1.0 - p)).ln())
    };
    assert!(logits(&plain).iter().zip(&logits(&warm)).all(|(a, b)| (a - 2.0 * b).abs() < 1e-3));
}

#[test]
fn graphs_must_fit_their_description() {
    let good = format!("{HEAD}{SPLIT}");
    let changes = [
        ("image = \"image\"", "image = \"picture\""),
        (", negative = \"negative\"", ""),
        ("features = [\"f0\"]", "features = [\"f0\", \"f9\"]"),
        ("features = [\"f1\"]", "features = [\"f7\"]"),
        ("logits = \"logits\"", "logits = \"result\""),
    ];
    for (from, to) in changes {
        let folder = bundle(&good.replacen(from, to, 1));
        let error = Network::open(Bundle::load(folder.path()).unwrap(), &runtime()).err().expect(to);
        assert!(matches!(error, NetworkError::Graph { .. }), "{to}: {error}");
    }
    // A sampler that is not as coarse as it says shows at its first pass.
    let wrong = open(&good.replace("stride = 2", "stride = 4"));
    assert!(matches!(wrong.warm_up(), Err(NetworkError::Graph { role: "sampler", .. })));
}

#[test]
fn wrong_shapes_are_refused() {
    let network = open(&format!("{HEAD}{SPLIT}"));
    let x = inputs();
    let two_channels = NetworkInputs { image: Array4::zeros((2, 8, 8, 8)), ..NetworkInputs::clone(&x) };
    let odd = Array3::zeros((8, 8, 7));
    let odd = NetworkInputs {
        image: Array4::zeros((1, 8, 8, 7)),
        previous_mask: odd.clone(),
        positive: odd.clone(),
        negative: odd,
        class: None,
    };
    for bad in [two_channels, odd] {
        assert!(matches!(network.encode(Arc::new(bad)), Err(NetworkError::Input(_))));
    }
    assert!(network.sample(&network.encode(x).unwrap(), 0, 0, &|| false).is_err());
}

#[test]
fn sampling_stops_when_asked() {
    let network = open(&format!("{HEAD}{SPLIT}"));
    let features = network.encode(inputs()).unwrap();
    let asked = AtomicUsize::new(0);
    let result = network.sample(&features, 100, 0, &|| asked.fetch_add(1, Ordering::Relaxed) == 2);
    assert_eq!((result.unwrap_err(), asked.into_inner()), (NetworkError::Cancelled, 3));
}

#[test]
fn no_library_is_an_error_and_no_gpu_is_not() {
    let missing =
        RuntimeOptions { library: Some(PathBuf::from("/nowhere/libonnxruntime.so")), ..RuntimeOptions::default() };
    assert!(matches!(Runtime::load(&missing), Err(NetworkError::NoLibrary(_))));
    let cuda = RuntimeOptions { device: Device::Cuda(7), ..RuntimeOptions::default() };
    let report = Runtime::load(&cuda).unwrap().device().clone();
    if report.used == Device::Cpu {
        assert!(report.message.contains("cuda:7") && report.message.contains("CPU"), "{}", report.message);
    }
    let auto = Runtime::load(&RuntimeOptions::default()).unwrap();
    assert_ne!(auto.device().used, Device::Auto);
}

/// The shipped network: what sample `t` looks like does not depend on how many are drawn with it.
#[test]
fn batches_do_not_change_the_bits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-3");
    let network = Network::open(Bundle::load(&folder).unwrap(), &runtime()).unwrap();
    let map = |seed: u32| {
        Array3::from_shape_fn((32, 32, 32), |(k, j, i)| {
            ((k as u32 * 31 + j as u32 * 17 + i as u32 * seed) % 97) as f32 / 97.0
        })
    };
    let x = NetworkInputs {
        image: map(5).insert_axis(Axis(0)),
        previous_mask: map(7),
        positive: map(11),
        negative: map(13),
        class: None,
    };
    let features: Features = network.encode(Arc::new(x)).unwrap();
    let seven = network.sample(&features, 7, 42, &|| false).unwrap();
    let eight = network.sample(&features, 8, 42, &|| false).unwrap();
    assert!(seven == eight.slice(ndarray::s![..7, .., .., ..]));
    assert_ne!(eight.index_axis(Axis(0), 0), eight.index_axis(Axis(0), 1));
}
