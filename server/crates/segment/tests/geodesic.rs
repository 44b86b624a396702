//! The naive baseline on balls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.
mod common;

use common::{balls, click, grid};
use isochrone_prompt::Polarity::{Negative, Positive};
use isochrone_segment::{Cancel, Channel, GeodesicEngine, RefineInput, SegmentError, Segmenter, refine};
use isochrone_volume::Mask;

#[test]
fn fills_the_ball_and_obeys_negative_clicks() {
    let engine = GeodesicEngine::default();
    let volume = balls(grid([70, 70, 50], [1.0, 1.0, 1.5]), &[([30, 35, 25], 11.0), ([52, 35, 25], 8.0)]);
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let go = |prompts: &[_], mask: &Mask| {
        let input = RefineInput { prompts, newest: 1, mask, other_labels: &[] };
        refine(&engine, &prepared, &input, &Cancel::new())
    };
    let mut prompts = vec![click(&volume, [30, 35, 25], Positive)];
    let first = go(&prompts, &Mask::empty(volume.grid().clone())).unwrap();
    // The ball holds about 5580 mm³, a voxel 1.5.
    let ml = first.mask.volume_ml();
    assert!((4.5..7.0).contains(&ml), "{ml}");
    assert!(!first.mask.contains([52, 35, 25]));
    prompts.push(click(&volume, [37, 35, 25], Negative));
    let second = go(&prompts, &first.mask).unwrap();
    assert!(second.mask.count() < first.mask.count() && second.mask.contains([28, 35, 25]));
    assert!(!second.mask.contains([38, 35, 25]));
    assert_eq!(second.mask, go(&prompts, &first.mask).unwrap().mask);
}

#[test]
fn says_what_it_cannot_do() {
    let engine = GeodesicEngine::default();
    assert!(matches!(engine.prepare(&[]), Err(SegmentError::Unsupported(_))));
    assert!(!engine.describe().samples);
}
