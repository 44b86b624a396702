//! Regions, zooming and merging, with an engine whose answer is known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{Threshold, balls, click, grid};
use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_segment::{Cancel, Channel, Prepared, RefineInput, Refined, SegmentError, Segmenter, refine};
use isochrone_volume::{Mask, Volume};
use std::sync::Arc;

use Polarity::{Negative, Positive};

struct Bench {
    engine: Threshold,
    volume: Arc<Volume>,
    prepared: Arc<Prepared>,
}

impl Bench {
    fn new(volume: Arc<Volume>) -> Self {
        let engine = Threshold::default();
        let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
        Self { engine, volume, prepared }
    }

    fn with(volume: Arc<Volume>, engine: Threshold) -> Self {
        Self { engine, ..Self::new(volume) }
    }

    fn refine(&self, prompts: &[PlacedPrompt], mask: &Mask, other_labels: &[&Mask]) -> Result<Refined, SegmentError> {
        let input = RefineInput { prompts, newest: 1, mask, other_labels };
        refine(&self.engine, &self.prepared, &input, &Cancel::new())
    }

    fn empty(&self) -> Mask {
        Mask::empty(self.volume.grid().clone())
    }

    fn truth(&self) -> Mask {
        let isochrone_volume::Voxels::I16(voxels) = self.volume.voxels() else { panic!() };
        Mask::new(self.volume.grid().clone(), voxels.map(|&v| v > 50)).unwrap()
    }
}

fn dice(a: &Mask, b: &Mask) -> f64 {
    let both = a.voxels().iter().zip(b.voxels()).filter(|(a, b)| **a && **b).count();
    2.0 * both as f64 / (a.count() + b.count()) as f64
}

fn differing(a: &Mask, b: &Mask) -> usize {
    a.voxels().iter().zip(b.voxels()).filter(|(a, b)| a != b).count()
}

#[test]
fn one_click_one_ball() {
    let bench = Bench::new(balls(grid([80, 80, 40], [1.0, 1.0, 2.0]), &[([40, 40, 20], 14.0)]));
    let refined = bench.refine(&[click(&bench.volume, [38, 42, 21], Positive)], &bench.empty(), &[]).unwrap();
    assert!(dice(&refined.mask, &bench.truth()) > 0.97, "{}", dice(&refined.mask, &bench.truth()));
    assert_eq!((refined.forwards, refined.spacing_mm), (1, 2.0));
    assert_eq!(refined.changed, refined.mask.bounding_box());
    assert_eq!(refined.changed, refined.mask.changed_box(&bench.empty()));
    assert_eq!(refined.task.previous.count(), 0);
}

#[test]
fn small_lesions_are_run_finer() {
    let bench = Bench::new(balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 6.0)]));
    let refined = bench.refine(&[click(&bench.volume, [40, 40, 40], Positive)], &bench.empty(), &[]).unwrap();
    assert_eq!((refined.forwards, refined.spacing_mm), (2, 1.0));
    assert!(dice(&refined.mask, &bench.truth()) > 0.97);
}

/// A first look that finds a small part of a large lesion: the closer look is filled, and so taken for what it is.
#[test]
fn what_fills_the_closer_look_is_not_small() {
    let engine = Threshold { coarse_sight_mm: 5.0, ..Threshold::default() };
    let bench = Bench::with(balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 18.0)]), engine);
    let refined = bench.refine(&[click(&bench.volume, [40, 40, 40], Positive)], &bench.empty(), &[]).unwrap();
    assert_eq!((refined.forwards, refined.spacing_mm), (3, 1.5));
    assert!(dice(&refined.mask, &bench.truth()) > 0.95, "{}", dice(&refined.mask, &bench.truth()));
}

#[test]
fn zooms_out_until_the_lesion_fits() {
    let bench = Bench::new(balls(grid([100, 100, 100], [2.0; 3]), &[([50, 50, 50], 60.0)]));
    let refined = bench.refine(&[click(&bench.volume, [60, 50, 45], Positive)], &bench.empty(), &[]).unwrap();
    assert!(dice(&refined.mask, &bench.truth()) > 0.97, "{}", dice(&refined.mask, &bench.truth()));
    assert!(refined.spacing_mm > 120.0 / 32.0 && refined.spacing_mm <= 8.0, "{}", refined.spacing_mm);
    let spacings: Vec<f64> = bench.engine.asked.lock().unwrap().iter().map(|a| a.0).collect();
    assert!(spacings.is_sorted() && spacings.len() == refined.forwards, "{spacings:?}");
    // The next prompt starts where this one ended: one pass.
    let prompts = [click(&bench.volume, [60, 50, 45], Positive), click(&bench.volume, [40, 50, 50], Positive)];
    let again = bench.refine(&prompts, &refined.mask, &[]).unwrap();
    assert_eq!(again.forwards, 1);
    assert!(again.task.previous.count() > 0);
}

#[test]
fn a_border_of_the_volume_is_no_reason_to_zoom() {
    let bench = Bench::new(balls(grid([60, 60, 20], [1.0, 1.0, 1.0]), &[([30, 30, 0], 18.0)]));
    let refined = bench.refine(&[click(&bench.volume, [30, 30, 2], Positive)], &bench.empty(), &[]).unwrap();
    assert_eq!((refined.forwards, refined.spacing_mm), (1, 2.0));
}

/// Two lesions half a metre apart under one label: they know nothing of each other.
#[test]
fn distant_lesions_do_not_touch() {
    let lesions = [([40, 40, 20], 14.0), ([40, 40, 270], 14.0)];
    let bench = Bench::new(balls(grid([80, 80, 300], [1.0, 1.0, 2.0]), &lesions));
    let clicks = [click(&bench.volume, [40, 40, 20], Positive), click(&bench.volume, [40, 40, 270], Positive)];
    let first = bench.refine(&clicks[..1], &bench.empty(), &[]).unwrap();
    let second = bench.refine(&clicks, &first.mask, &[]).unwrap();
    assert_eq!((second.spacing_mm, second.forwards), (first.spacing_mm, first.forwards));
    assert!(second.changed.min[2] > 200);
    assert_eq!(second.mask.count(), 2 * first.mask.count());
    assert!(dice(&second.mask, &bench.truth()) > 0.97);
    // Both at once, as one step: two groups, the same masks.
    let input = RefineInput { prompts: &clicks, newest: 2, mask: &bench.empty(), other_labels: &[] };
    let both = refine(&bench.engine, &bench.prepared, &input, &Cancel::new()).unwrap();
    assert_eq!(both.mask, second.mask);
    assert_eq!(both.forwards, 2);
    assert_eq!(both.changed, both.mask.bounding_box());
}

/// A neighbour inside the same region keeps every voxel, even where the engine would change it.
#[test]
fn other_components_stay() {
    let bench = Bench::new(balls(grid([80, 80, 80], [1.0; 3]), &[([25, 40, 40], 8.0), ([60, 40, 40], 8.0)]));
    let mut mask = bench.empty();
    mask.voxels_mut()[[40, 40, 60]] = true; // One voxel of the second ball, by hand.
    let refined = bench
        .refine(
            &[click(&bench.volume, [60, 40, 40], Positive), click(&bench.volume, [25, 40, 40], Positive)],
            &mask,
            &[],
        )
        .unwrap();
    assert!(refined.mask.contains([60, 40, 40]) && refined.mask.contains([25, 46, 40]));
    assert!(!refined.mask.contains([60, 46, 40]), "the second ball was filled");
    assert!(refined.changed.max[0] < 40);
    assert_eq!(refined.task.previous.count(), 0);
}

#[test]
fn other_labels_are_never_taken() {
    let bench = Bench::new(balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 14.0)]));
    let mut other = bench.empty();
    other.voxels_mut().slice_mut(ndarray::s![.., .., 40..]).fill(true);
    let positive = click(&bench.volume, [35, 40, 40], Positive);
    let refined = bench.refine(std::slice::from_ref(&positive), &bench.empty(), &[&other]).unwrap();
    assert!(refined.mask.count() > 1000);
    assert!(refined.mask.voxels().slice(ndarray::s![.., .., 40..]).iter().all(|v| !v));
    // Not even the clicked voxel.
    let inside_other = click(&bench.volume, [45, 40, 40], Positive);
    let refined = bench.refine(&[positive, inside_other], &refined.mask, &[&other]).unwrap();
    assert!(!refined.mask.contains([45, 40, 40]));
}

#[test]
fn every_click_has_an_effect() {
    let bench = Bench::new(balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 14.0)]));
    let mut prompts = vec![click(&bench.volume, [40, 40, 40], Positive)];
    let first = bench.refine(&prompts, &bench.empty(), &[]).unwrap();
    prompts.push(click(&bench.volume, [45, 40, 40], Negative));
    let second = bench.refine(&prompts, &first.mask, &[]).unwrap();
    assert!(second.mask.contains([40, 40, 40]) && !second.mask.contains([45, 40, 40]));
    assert!(second.changed.contains([45, 40, 40]));
    prompts.push(click(&bench.volume, [40, 40, 57], Positive)); // 3 mm outside the ball.
    let third = bench.refine(&prompts, &second.mask, &[]).unwrap();
    assert!(third.mask.contains([40, 40, 57]) && !third.mask.contains([45, 40, 40]));
    // On one voxel the newest wins.
    prompts.push(click(&bench.volume, [45, 40, 40], Positive));
    assert!(bench.refine(&prompts, &third.mask, &[]).unwrap().mask.contains([45, 40, 40]));
}

#[test]
fn the_active_component_is_replaced_and_what_it_was_is_shown_to_the_engine() {
    let bench = Bench::new(balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 14.0)]));
    let mut mask = bench.empty();
    mask.voxels_mut().slice_mut(ndarray::s![38..43, 38..43, 20..60]).fill(true); // A bar, too long.
    let before = mask.count();
    let refined = bench.refine(&[click(&bench.volume, [56, 40, 40], Negative)], &mask, &[]).unwrap();
    assert_eq!(bench.engine.asked.lock().unwrap()[0].1, before);
    assert!(dice(&refined.mask, &bench.truth()) > 0.97);
    assert!(!refined.mask.contains([56, 40, 40]));
    assert_eq!(refined.task.previous_box, mask.bounding_box());
}

#[test]
fn a_mask_larger_than_the_region_keeps_its_far_end() {
    let bench = Bench::new(balls(grid([400, 40, 40], [1.0; 3]), &[([20, 20, 20], 10.0)]));
    let mut mask = bench.empty();
    mask.voxels_mut().slice_mut(ndarray::s![18..23, 18..23, 10..390]).fill(true);
    let refined = bench.refine(&[click(&bench.volume, [12, 20, 20], Positive)], &mask, &[]).unwrap();
    assert_eq!(refined.spacing_mm, 8.0);
    assert!(refined.task.region.voxel_at(bench.volume.grid().centre_mm([12, 20, 20])).is_some());
    assert!(refined.mask.contains([385, 20, 20]) && !refined.mask.contains([100, 20, 20]));
}

#[test]
fn nothing_to_start_from() {
    let bench = Bench::new(balls(grid([40, 40, 40], [1.0; 3]), &[]));
    let negative = [click(&bench.volume, [20, 20, 20], Negative)];
    assert!(matches!(bench.refine(&negative, &bench.empty(), &[]), Err(SegmentError::NoPositivePrompt)));
    assert!(matches!(bench.refine(&[], &bench.empty(), &[]), Err(SegmentError::NoPositivePrompt)));
    let cancel = Cancel::new();
    cancel.cancel();
    let prompts = [click(&bench.volume, [20, 20, 20], Positive)];
    let input = RefineInput { prompts: &prompts, newest: 1, mask: &bench.empty(), other_labels: &[] };
    assert!(matches!(refine(&bench.engine, &bench.prepared, &input, &cancel), Err(SegmentError::Cancelled)));
    // Where the engine finds nothing, the click itself remains.
    let refined = bench.refine(&prompts, &bench.empty(), &[]).unwrap();
    assert_eq!((refined.mask.count(), refined.mask.contains([20, 20, 20])), (1, true));
    assert_eq!(differing(&refined.mask, &bench.empty()), 1);
}

#[test]
fn a_late_correction_leaves_the_rest_as_it_is() {
    let volume = balls(grid([80, 80, 80], [1.0; 3]), &[([40, 40, 40], 20.0)]);
    for (local_from, restored) in [(0, 2), (3, 2), (2, 1), (1, 1)] {
        let bench = Bench::with(volume.clone(), Threshold { local_from, ..Threshold::default() });
        // Both ends along i are missing.
        let truth = bench.truth();
        let mut wrong = truth.clone();
        for ((_, _, i), voxel) in wrong.voxels_mut().indexed_iter_mut() {
            *voxel &= (28..53).contains(&i);
        }
        let prompts = [click(&volume, [40, 40, 40], Positive), click(&volume, [24, 40, 40], Positive)];
        let refined = bench.refine(&prompts, &wrong, &[]).unwrap();
        let set = |mask: &Mask, i: usize| mask.contains([i, 40, 40]);
        assert!(set(&refined.mask, 22) && set(&refined.mask, 26), "from {local_from}");
        assert_eq!(set(&refined.mask, 56), restored == 2, "from {local_from}");
        let changed = refined.mask.changed_box(&wrong);
        assert_eq!(refined.changed.intersection(&changed), changed);
        // The other way: a negative prompt adds nothing.
        let prompts = [click(&volume, [40, 40, 40], Positive), click(&volume, [40, 70, 40], Negative)];
        let refined = bench.refine(&prompts, &wrong, &[]).unwrap();
        assert_eq!(set(&refined.mask, 22), restored == 2, "from {local_from}");
    }
}

#[test]
fn a_coarse_volume_begins_with_a_coarse_region() {
    let volume = balls(grid([60, 60, 60], [4.0, 4.0, 4.0]), &[([30, 30, 30], 30.0)]);
    let bench = Bench::with(volume.clone(), Threshold { first_spacing_voxels: 0.75, ..Threshold::default() });
    let refined = bench.refine(&[click(&volume, [30, 30, 30], Positive)], &bench.empty(), &[]).unwrap();
    assert_eq!((refined.forwards, refined.spacing_mm), (1, 3.0));
}
