//! The active contour: on balls, on a slice where the reader draws, and beside a finished label.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

#[path = "common/classical.rs"]
mod classical;

use common::{balls, click, grid};
use isochrone_prompt::{Drag, Follow, PlacedPrompt, Plane, Polarity, Polygon, Prompt};
use isochrone_segment::{ActiveContourEngine, Cancel, Channel, RefineInput, Refined, Segmenter, refine};
use isochrone_volume::{DVec3, Mask, Volume};
use std::f64::consts::TAU;
use std::sync::Arc;

const CENTRE: [usize; 3] = [30, 35, 25];
const RADIUS_MM: f64 = 11.0;

fn ball() -> Arc<Volume> {
    balls(grid([70, 70, 50], [1.0, 1.0, 1.5]), &[(CENTRE, RADIUS_MM)])
}

/// A circle on the ball's middle slice.
fn circle(volume: &Volume, radius_mm: f64) -> Polygon {
    let centre = volume.grid().centre_mm(CENTRE);
    let at = |n: u8| TAU * f64::from(n) / 16.0;
    let vertices_lps_mm = (0..16).map(|n| centre + radius_mm * DVec3::new(at(n).cos(), at(n).sin(), 0.0)).collect();
    let plane = Plane::with_normal(centre, DVec3::Z).unwrap();
    Polygon { vertices_lps_mm, plane, polarity: Polarity::Positive, pinned: Vec::new() }
}

fn placed(volume: &Volume, polygon: Polygon) -> PlacedPrompt {
    Prompt::Polygon(polygon).place(volume, "").unwrap()
}

fn refined(volume: &Arc<Volume>, engine: &ActiveContourEngine, prompts: &[PlacedPrompt], others: &[&Mask]) -> Refined {
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let mask = Mask::empty(volume.grid().clone());
    let input = RefineInput { prompts, newest: 1, mask: &mask, other_labels: others };
    refine(engine, &prepared, &input, &Cancel::new()).unwrap()
}

/// Distances of set voxels of the middle slice from its centre, mm.
fn on_slice(mask: &Mask) -> Vec<f64> {
    let slice = mask.voxels().index_axis(ndarray::Axis(0), CENTRE[2]);
    let set = slice.indexed_iter().filter(|(_, v)| **v);
    set.map(|((j, i), _)| (j as f64 - CENTRE[1] as f64).hypot(i as f64 - CENTRE[0] as f64)).collect()
}

#[test]
fn fills_the_ball_and_obeys_negative_clicks() {
    classical::fills_the_ball_and_obeys(&ActiveContourEngine::default());
}

#[test]
fn a_border_drawn_beside_the_edge_slides_to_it_and_the_surface_follows() {
    let volume = ball();
    let area = std::f64::consts::PI * RADIUS_MM * RADIUS_MM;
    for drawn in [14.0, 8.5] {
        let prompt = placed(&volume, circle(&volume, drawn));
        let found = refined(&volume, &ActiveContourEngine::default(), std::slice::from_ref(&prompt), &[]);
        let on = on_slice(&found.mask);
        let farthest = on.iter().copied().fold(0.0, f64::max);
        println!("drawn at {drawn}: {} pixels of {area:.0}, out to {farthest:.2} mm", on.len());
        // Half a voxel all round.
        assert!((on.len() as f64 - area).abs() < TAU * RADIUS_MM * 0.5, "{drawn}: {} pixels", on.len());
        assert!(farthest < RADIUS_MM + 0.75, "{drawn}: {farthest}");
        // Above and below, 8 mm away, the ball is 7.5 mm wide.
        for k in [20, 30] {
            assert!(found.mask.contains([30, 35, k]), "{drawn}: slice {k}");
        }
        assert!(!found.mask.contains([30, 35, 40]));
        let drawn_as_is = ActiveContourEngine {
            snake: isochrone_classical::snake::Snake { iterations: 0, ..Default::default() },
            ..ActiveContourEngine::default()
        };
        let still = refined(&volume, &drawn_as_is, std::slice::from_ref(&prompt), &[]);
        let on = on_slice(&still.mask);
        let polygon = 8.0 * (TAU / 16.0).sin() * drawn * drawn;
        println!("as drawn: {} pixels of {polygon:.0}", on.len());
        assert!((on.len() as f64 - polygon).abs() < TAU * drawn * 0.5);
    }
}

#[test]
fn a_dragged_vertex_holds_the_border() {
    let volume = ball();
    let mut polygon = circle(&volume, 12.0);
    let from = polygon.vertices_lps_mm[4];
    let to = from + DVec3::new(0.0, 5.0, 0.0);
    polygon.drag(&Drag { from_lps_mm: from, to_lps_mm: to }, Follow::default()).unwrap();
    let loose = Polygon { pinned: Vec::new(), ..polygon.clone() };
    let engine = ActiveContourEngine::default();
    let farthest = |p: Polygon| {
        let found = refined(&volume, &engine, &[placed(&volume, p)], &[]);
        on_slice(&found.mask).into_iter().fold(0.0, f64::max)
    };
    let (held, free) = (farthest(polygon), farthest(loose));
    println!("held {held:.2} mm, free {free:.2} mm");
    assert!(held > 15.5 && free < RADIUS_MM + 1.0, "{held} {free}");
}

#[test]
fn finished_labels_are_background() {
    let volume = ball();
    let mut finished = Mask::empty(volume.grid().clone());
    finished.voxels_mut().slice_mut(ndarray::s![.., 38.., ..]).fill(true);
    let prompts = [click(&volume, CENTRE, Polarity::Positive)];
    let engines: [&dyn Segmenter; 4] = [
        &ActiveContourEngine::default(),
        &isochrone_segment::GraphCutEngine::default(),
        &isochrone_segment::IsoContourEngine::default(),
        &isochrone_segment::GeodesicEngine::default(),
    ];
    for engine in engines {
        let name = engine.describe().name;
        let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
        let mask = Mask::empty(volume.grid().clone());
        let input = RefineInput { prompts: &prompts, newest: 1, mask: &mask, other_labels: &[&finished] };
        let found = refine(engine, &prepared, &input, &Cancel::new()).unwrap();
        // The engine itself knows, not only the merging: its probability is low there.
        let region = &found.task.region;
        let there = region.voxel_at(volume.grid().centre_mm([30, 42, 25])).unwrap();
        let [i, j, k] = there;
        assert!(found.candidate.probability[[k, j, i]] < found.candidate.threshold, "{name}");
        assert!(found.mask.contains(CENTRE) && !found.mask.contains([30, 42, 25]), "{name}");
    }
}

#[test]
fn parameters_are_set_by_name_and_refused_with_the_list() {
    let engine: Arc<dyn Segmenter> = Arc::new(isochrone_segment::GraphCutEngine::default());
    let chosen = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let set = isochrone_segment::configured(&engine, &chosen(&[("sigma", "0.7"), ("neighbours", "26")]));
    let values = set.unwrap().parameters();
    assert_eq!((values["sigma"].as_str(), values["neighbours"].as_str()), ("0.7", "26"));
    for wrong in [("sigmoid", "1"), ("sigma", "-1"), ("sigma", "NaN"), ("rounds", "1.5"), ("neighbours", "18")] {
        let Err(error) = isochrone_segment::configured(&engine, &chosen(&[wrong])) else {
            panic!("{wrong:?} was taken");
        };
        assert!(error.to_string().contains("sigma") || error.to_string().contains(wrong.0), "{error}");
    }
    let iso: Arc<dyn Segmenter> = Arc::new(isochrone_segment::IsoContourEngine::default());
    for rule in ["of-maximum:0.5", "adaptive:0.41", "fixed:2.5", "reference:2,0.3,1,2"] {
        let set = isochrone_segment::configured(&iso, &chosen(&[("rule", rule)])).unwrap();
        assert_eq!(set.parameters()["rule"], rule);
    }
    for rule in ["of-maximum:1.5", "fixed:", "threshold:3", "fixed:1,2"] {
        assert!(isochrone_segment::configured(&iso, &chosen(&[("rule", rule)])).is_err(), "{rule}");
    }
}
