//! Strokes, boxes and curves through the geodesic engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{balls, click, grid};
use isochrone_prompt::{Box3D, BoxAxes, Lasso, PlacedPrompt, Plane, Polarity, Prompt, Scribble};
use isochrone_segment::{Cancel, Channel, GeodesicEngine, RefineInput, Refined, Segmenter, refine};
use isochrone_volume::{DVec3, Mask, Volume, Voxels};
use std::sync::Arc;

use Polarity::{Negative, Positive};

fn two_balls() -> Arc<Volume> {
    balls(grid([80, 60, 30], [1.0, 1.0, 2.0]), &[([20, 30, 15], 10.0), ([50, 30, 15], 9.0)])
}

fn refined(volume: &Arc<Volume>, prompts: &[PlacedPrompt], mask: &Mask) -> Refined {
    let engine = GeodesicEngine::default();
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let input = RefineInput { prompts, newest: 1, mask, other_labels: &[] };
    refine(&engine, &prepared, &input, &Cancel::new()).unwrap()
}

fn truth(volume: &Volume) -> Mask {
    let Voxels::I16(voxels) = volume.voxels() else { panic!() };
    Mask::new(volume.grid().clone(), voxels.map(|&v| v > 50)).unwrap()
}

fn dice(a: &Mask, b: &Mask) -> f64 {
    let both = a.voxels().iter().zip(b.voxels()).filter(|(a, b)| **a && **b).count();
    2.0 * both as f64 / (a.count() + b.count()) as f64
}

fn stroke(volume: &Volume, from: [usize; 3], to: [usize; 3], polarity: Polarity) -> PlacedPrompt {
    let points_lps_mm = vec![volume.grid().centre_mm(from), volume.grid().centre_mm(to)];
    let plane = Some(Plane::with_normal(points_lps_mm[0], DVec3::Z).unwrap());
    Prompt::Scribble(Scribble { points_lps_mm, radius_mm: 1.0, plane, polarity }).place(volume, "").unwrap()
}

fn empty(volume: &Volume) -> Mask {
    Mask::empty(volume.grid().clone())
}

#[test]
fn a_stroke_through_two_lesions_takes_both_and_one_beside_takes_nothing_else() {
    let volume = two_balls();
    let through = stroke(&volume, [14, 30, 15], [56, 30, 15], Positive);
    let both = refined(&volume, std::slice::from_ref(&through), &empty(&volume));
    assert!(through.certain().all(|v| both.mask.contains(v)));
    assert!(both.mask.contains([20, 36, 15]) && both.mask.contains([50, 36, 15]));
    let one = refined(&volume, &[click(&volume, [20, 30, 15], Positive)], &empty(&volume));
    assert!(!one.mask.contains([50, 30, 15]));
}

#[test]
fn a_negative_stroke_clears_all_that_it_covers() {
    let volume = two_balls();
    let first = click(&volume, [20, 30, 15], Positive);
    let before = refined(&volume, std::slice::from_ref(&first), &empty(&volume)).mask;
    let cut = stroke(&volume, [14, 35, 15], [26, 35, 15], Negative);
    assert!(cut.certain().any(|v| before.contains(v)));
    let after = refined(&volume, &[first, cut.clone()], &before);
    assert!(cut.certain().all(|v| !after.mask.contains(v)));
    assert!(after.mask.contains([20, 30, 15]));
}

#[test]
fn a_box_and_a_lasso_round_a_lesion_find_it() {
    let volume = two_balls();
    let grid = volume.grid();
    let corners_lps_mm = [grid.centre_mm([8, 18, 9]), grid.centre_mm([32, 42, 21])];
    let around =
        Prompt::Box3D(Box3D { corners_lps_mm, axes: BoxAxes::Grid, polarity: Positive }).place(&volume, "").unwrap();
    let plane = Plane::with_normal(grid.centre_mm([20, 30, 15]), DVec3::new(0.2, 0.1, 1.0)).unwrap();
    let at = |x: f64, y: f64| plane.origin() + 11.0 * (x * plane.u() + y * plane.v());
    let points_lps_mm = vec![at(-1.0, -1.0), at(1.0, -1.0), at(1.0, 1.0), at(-1.0, 1.0)];
    let lasso = Prompt::Lasso(Lasso { points_lps_mm, plane, polarity: Positive }).place(&volume, "").unwrap();
    let mut expected = truth(&volume);
    expected.voxels_mut().slice_mut(ndarray::s![.., .., 35..]).fill(false);
    for prompt in [around, lasso] {
        let kind = prompt.prompt.kind();
        let found = refined(&volume, &[prompt], &empty(&volume));
        println!("{kind}: Dice {:.3}", dice(&found.mask, &expected));
        assert!(dice(&found.mask, &expected) > 0.8, "{kind}: {}", dice(&found.mask, &expected));
    }
}
