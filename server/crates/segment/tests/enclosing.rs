//! Boxes hold the lesion, until the reader points beyond them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{balls, click, grid};
use isochrone_prompt::{Box2D, Box3D, BoxAxes, ExtremeBox, ExtremePoints, PlacedPrompt, Plane, Polarity, Prompt};
use isochrone_segment::{Cancel, Channel, GeodesicEngine, RefineInput, Segmenter, refine};
use isochrone_volume::{Mask, Volume};
use std::sync::Arc;

const MIDDLE: [usize; 3] = [20, 30, 15];

fn ball() -> Arc<Volume> {
    balls(grid([60, 60, 30], [1.0, 1.0, 2.0]), &[(MIDDLE, 10.0)])
}

fn after(volume: &Arc<Volume>, prompts: &[PlacedPrompt], before: &Mask) -> Mask {
    let engine = GeodesicEngine::default();
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let input = RefineInput { prompts, newest: 1, mask: before, other_labels: &[] };
    refine(&engine, &prepared, &input, &Cancel::new()).unwrap().mask
}

/// Set voxels for which `beyond` holds.
fn count(mask: &Mask, beyond: impl Fn([usize; 3]) -> bool) -> usize {
    mask.voxels().indexed_iter().filter(|((k, j, i), set)| **set && beyond([*i, *j, *k])).count()
}

#[test]
fn a_box_holds_the_lesion_until_a_click_beyond_it() {
    let volume = ball();
    let at = |v| volume.grid().centre_mm(v);
    // It cuts off a third of the ball: i > 24.
    let corners_lps_mm = [at([9, 19, 9]), at([24, 41, 21])];
    let cuboid = Prompt::Box3D(Box3D { corners_lps_mm, axes: BoxAxes::Grid, polarity: Polarity::Positive });
    let cuboid = cuboid.place(&volume, "").unwrap();
    let empty = Mask::empty(volume.grid().clone());
    let held = after(&volume, std::slice::from_ref(&cuboid), &empty);
    assert!(count(&held, |v| v[0] <= 24) > 800);
    assert_eq!(count(&held, |v| v[0] > 24), 0);
    // A click inside keeps to the box; one beyond lifts it.
    let inside = click(&volume, [22, 30, 15], Polarity::Positive);
    let still = after(&volume, &[cuboid.clone(), inside], &held);
    assert_eq!(count(&still, |v| v[0] > 24), 0);
    let beyond = click(&volume, [27, 30, 15], Polarity::Positive);
    let lifted = after(&volume, &[cuboid, beyond], &held);
    assert!(count(&lifted, |v| v[0] > 24) > 200);
}

#[test]
fn a_rectangle_holds_the_lesion_on_its_own_plane() {
    let volume = ball();
    let at = |v| volume.grid().centre_mm(v);
    let d = volume.grid().direction();
    let plane = Plane::new(at(MIDDLE), d.x_axis, d.y_axis).unwrap();
    let corners_lps_mm = [at([9, 19, 15]), at([24, 41, 15])];
    let rectangle = Prompt::Box2D(Box2D { corners_lps_mm, plane, polarity: Polarity::Positive });
    let rectangle = rectangle.place(&volume, "").unwrap();
    let held = after(&volume, std::slice::from_ref(&rectangle), &Mask::empty(volume.grid().clone()));
    assert!(count(&held, |v| v[2] == 15) > 150);
    assert_eq!(count(&held, |v| v[2] == 15 && v[0] > 24), 0);
    // Until the reader points there, other slices are not much wider; then they are free, and this one is not.
    let wider = |mask: &Mask, k| count(mask, |v| v[2] == k && v[0] > 24);
    let freed = after(&volume, &[rectangle, click(&volume, [26, 30, 12], Polarity::Positive)], &held);
    assert!(wider(&freed, 12) > wider(&held, 12), "{} {}", wider(&freed, 12), wider(&held, 12));
    assert_eq!(wider(&freed, 15), 0);
}

#[test]
fn extreme_points_hold_the_lesion_with_their_margin() {
    let volume = ball();
    let points = [[12, 30, 15], [23, 30, 15], [20, 20, 15], [20, 40, 15], [20, 30, 10], [20, 30, 20]];
    let points_lps_mm = points.map(|v| volume.grid().centre_mm(v)).to_vec();
    let within = ExtremeBox::Space(BoxAxes::Grid);
    let extreme = Prompt::ExtremePoints(ExtremePoints { points_lps_mm, within, margin_mm: 2.0 });
    let held = after(&volume, &[extreme.place(&volume, "").unwrap()], &Mask::empty(volume.grid().clone()));
    assert!(count(&held, |_| true) > 800);
    assert_eq!(count(&held, |v| v[0] > 25 || v[0] < 10), 0);
}
