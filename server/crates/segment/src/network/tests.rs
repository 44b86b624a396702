//! The network engine on the shipped bundle.

use super::*;
use crate::{RefineInput, refine};
use isochrone_network::{Device, RuntimeOptions};
use isochrone_prompt::{Click, PlacedPrompt, Prompt};
use isochrone_volume::{DMat3, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};

fn engine() -> NetworkEngine {
    let runtime = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() }).unwrap();
    NetworkEngine::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-3"), &runtime).unwrap()
}

fn volume(modality: Modality) -> Arc<Volume> {
    let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::new(1.5, 1.5, 3.0)), translation: DVec3::ZERO };
    let grid = Grid::new([60, 50, 30], affine).unwrap();
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let ball = (3 * k as i64 - 45).pow(2) + (j as i64 - 25).pow(2) + (i as i64 - 30).pow(2) < 150;
        ((k * 31 + j * 17 + i * 7) % 23) as i16 + if ball { 100 } else { 0 }
    });
    let origin = VolumeOrigin {
        modality,
        quantity: Quantity::Arbitrary,
        inferred: false,
        frame_of_reference: None,
        warnings: vec![],
    };
    Arc::new(Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap())
}

fn positive(volume: &Volume, voxel: [usize; 3]) -> PlacedPrompt {
    let click = Click { position_lps_mm: volume.grid().centre_mm(voxel), polarity: Polarity::Positive };
    Prompt::Click(click).place(volume, "").unwrap()
}

#[test]
fn samples_reuse_the_masks_features_and_bits_repeat() {
    let (engine, volume) = (engine(), volume(Modality::Ct));
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let (prompts, mask) = ([positive(&volume, [30, 25, 15])], Mask::empty(volume.grid().clone()));
    let input = RefineInput { prompts: &prompts, newest: 1, mask: &mask, other_labels: &[] };
    let refined = refine(&engine, &prepared, &input, &Cancel::new()).unwrap();
    let task = refined.task.task(&[]);
    // The accepted pass need not be the last one; after this it is.
    engine.segment(&prepared, &task, &Cancel::new()).unwrap();
    let known = || prepared.cache.downcast_ref::<Memory>().unwrap().last.lock().unwrap().clone().unwrap().inputs;
    let before = known();
    let draw = Draw { t: 3, seed: 9, by: Estimator::Dropout };
    let samples = engine.sample(&prepared, &task, draw, &Cancel::new()).unwrap();
    assert!(Arc::ptr_eq(&before, &known()));
    assert_eq!((samples.probability.dim(), &samples.grid), ((3, 64, 64, 64), task.region));
    // A session that has forgotten gets the same bits.
    let fresh = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    assert_eq!(samples.probability, engine.sample(&fresh, &task, draw, &Cancel::new()).unwrap().probability);
    assert_eq!(refined.mask, refine(&engine, &fresh, &input, &Cancel::new()).unwrap().mask);
    let cancelled = Cancel::new();
    cancelled.cancel();
    assert!(matches!(engine.sample(&prepared, &task, draw, &cancelled), Err(SegmentError::Cancelled)));
}

#[test]
fn the_first_mirrored_answer_is_the_answer() {
    let (engine, volume) = (engine(), volume(Modality::Mr));
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let (prompts, mask) = ([positive(&volume, [30, 25, 15])], Mask::empty(volume.grid().clone()));
    let region = volume.grid().working(volume.grid().centre_mm([30, 25, 15]), 1.5, [32; 3]).unwrap();
    let previous_box = VoxelBox { min: [0; 3], max: [0; 3] };
    let task = Task { prompts: &prompts, previous: &mask, previous_box, other_labels: &[], region: &region };
    let raw = engine.segment(&prepared, &task, &Cancel::new()).unwrap().remove(0).probability;
    let answer = engine.calibrated(raw.clone());
    let draw = Draw { t: 20, seed: 0, by: Estimator::Augmentation };
    let samples = engine.sample(&prepared, &task, draw, &Cancel::new()).unwrap();
    assert_eq!((samples.probability.dim(), &samples.grid), ((8, 32, 32, 32), &region));
    assert_eq!(samples.probability.index_axis(Axis(0), 0), answer);
    // The bundle's temperature makes it less sure of itself, without another mask.
    assert!(engine.network().bundle().temperature > 1.0);
    assert!(raw.iter().zip(&answer).all(|(raw, told)| (raw - 0.5).abs() >= (told - 0.5).abs() - 1e-6));
    assert_eq!(raw.map(|&p| p >= 0.5), answer.map(|&p| p >= 0.5));
    // The other answers are about the same place: they differ a little, and agree about the ball.
    let ball = answer.map(|&p| p >= 0.5);
    assert!(ball.iter().filter(|v| **v).count() > 20);
    for other in samples.probability.outer_iter().skip(1) {
        assert!(other != answer);
        let both = other.iter().zip(&ball).filter(|(p, b)| **p >= 0.5 && **b).count();
        let either = other.iter().zip(&ball).filter(|(p, b)| **p >= 0.5 || **b).count();
        assert!(10 * both > 6 * either, "{both} of {either}");
    }
    // The error head's answer is a probability too, and but one.
    let draw = Draw { by: Estimator::ErrorHead, ..draw };
    let sample = engine.sample(&prepared, &task, draw, &Cancel::new()).unwrap().probability;
    assert_eq!(sample.dim(), (1, 32, 32, 32));
    assert!(sample.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn coarse_voxels_cover_what_they_stand_for() {
    let region = volume(Modality::Ct).grid().working(DVec3::new(40.0, 30.0, 20.0), 1.5, [16; 3]).unwrap();
    let coarse = coarser(&region, 4).unwrap();
    assert_eq!((coarse.size(), coarse.spacing_mm()[0]), ([4; 3], 6.0));
    let middle = (region.centre_mm([4, 8, 12]) + region.centre_mm([7, 11, 15])) / 2.0;
    assert!(coarse.centre_mm([1, 2, 3]).distance(middle) < 1e-9);
}

#[test]
fn encodings() {
    let region = volume(Modality::Ct).grid().working(DVec3::ZERO, 2.0, [8; 3]).unwrap();
    let image = Array3::zeros((8, 8, 8));
    let map = |encoding, points: &[[usize; 3]]| {
        encoded(&encoding, &mut state(&encoding, &region).unwrap(), image.view(), points).unwrap()
    };
    // Three working voxels of 2 mm away from the prompt; without prompts.
    let e = |x: f32| x.exp();
    let expected = [
        (Encoding::Gaussian { sigma_voxels: 2.0 }, e(-9.0 / 8.0), 0.0),
        (Encoding::Disk { radius_voxels: 3.0 }, 1.0, 0.0),
        (Encoding::Disk { radius_voxels: 2.9 }, 0.0, 0.0),
        (Encoding::Euclidean { cutoff_mm: 24.0 }, 0.25, 1.0),
        (Encoding::Euclidean { cutoff_mm: 3.0 }, 1.0, 1.0),
        (Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 0.0 }, 0.25, 1.0),
        (Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 2.0 }, 0.25 - e(-9.0 / 8.0), 1.0),
        (Encoding::ExponentialGeodesic { lambda: 0.5, tau_mm: 3.0 }, e(-1.0), 0.0),
    ];
    for (encoding, away, without) in expected {
        let value = map(encoding, &[[4, 4, 4]])[[4, 1, 4]];
        assert!((value - away).abs() < 1e-5, "{encoding:?}: {value}");
        assert!(map(encoding, &[]).iter().all(|v| *v == without), "{encoding:?}");
    }
}

#[test]
fn a_known_region_follows_its_prompts_bit_for_bit() {
    let region = volume(Modality::Ct).grid().working(DVec3::ZERO, 2.0, [16; 3]).unwrap();
    let image = Array3::from_shape_fn((16, 16, 16), |(k, j, i)| ((k * 7 + j * 5 + i * 3) % 11) as f32);
    let prompts: [&[[usize; 3]]; 6] =
        [&[[4, 4, 4]], &[[4, 4, 4], [9, 9, 2]], &[[9, 9, 2]], &[], &[[1, 2, 3], [1, 2, 4]], &[[1, 2, 4], [15, 0, 0]]];
    for encoding in [
        Encoding::Gaussian { sigma_voxels: 2.0 },
        Encoding::Euclidean { cutoff_mm: 24.0 },
        Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 2.0 },
        Encoding::ExponentialGeodesic { lambda: 0.5, tau_mm: 3.0 },
    ] {
        let mut kept = state(&encoding, &region).unwrap();
        for points in prompts {
            let fresh = encoded(&encoding, &mut state(&encoding, &region).unwrap(), image.view(), points).unwrap();
            assert_eq!(encoded(&encoding, &mut kept, image.view(), points).unwrap(), fresh, "{encoding:?} {points:?}");
        }
    }
}
