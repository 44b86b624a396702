//! Prompts of every kind at every size, on voxels from half a micrometre to a centimetre: refused or answered in time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{balls, grid};
use isochrone_prompt::{Box2D, Box3D, BoxAxes, Gaze, Lasso, Plane, Polarity, Polygon, Prompt, Scribble};
use isochrone_segment::{Cancel, Channel, GeodesicEngine, RefineInput, Segmenter, refine};
use isochrone_volume::{DVec3, Grid, Mask, Volume};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one prompt may take, placed and answered: two seconds on a machine of its own; other tests run at the same time.
const BUDGET: Duration = Duration::from_secs(8);
const POSITIVE: Polarity = Polarity::Positive;

/// A zigzag or a spiral of so many points round the middle of a grid, on the slice through it.
fn curve(grid: &Grid, points: usize, reach_mm: f64) -> Vec<DVec3> {
    let middle = grid.centre_mm(grid.size().map(|n| n / 2));
    let at = |n: usize| {
        let angle = n as f64 * 2.4;
        middle + reach_mm * (n as f64 / points as f64).sqrt() * DVec3::new(angle.cos(), angle.sin(), 0.0)
    };
    (0..points).map(at).collect()
}

fn kinds(grid: &Grid, reach_mm: f64) -> Vec<Prompt> {
    let middle = grid.centre_mm(grid.size().map(|n| n / 2));
    let plane = Plane::new(middle, DVec3::X, DVec3::Y).unwrap();
    let brush = reach_mm.min(Scribble::MAX_RADIUS_MM);
    let (many, few) = (curve(grid, 2000, reach_mm), curve(grid, 4, reach_mm));
    let scribble = |points: &[DVec3], flat: bool| {
        let plane = flat.then_some(plane);
        Prompt::Scribble(Scribble { points_lps_mm: points.to_vec(), radius_mm: brush, plane, polarity: POSITIVE })
    };
    let corners = [middle - reach_mm, middle + reach_mm];
    let flat = corners.map(|p| DVec3::new(p.x, p.y, middle.z));
    let gaze = many.iter().enumerate().map(|(n, p)| format!("{},{},{},{}", 16 * n, p.x, p.y, p.z));
    let gaze: Gaze = gaze.collect::<Vec<_>>().join(";").parse().unwrap();
    vec![
        scribble(&[middle], false),
        scribble(&many, false),
        scribble(&many, true),
        scribble(&few, false),
        Prompt::Lasso(Lasso { points_lps_mm: many.clone(), plane, polarity: POSITIVE }),
        Prompt::Lasso(Lasso { points_lps_mm: few.clone(), plane, polarity: POSITIVE }),
        Prompt::Polygon(Polygon { vertices_lps_mm: many, plane, polarity: POSITIVE, pinned: Vec::new() }),
        Prompt::Polygon(Polygon { vertices_lps_mm: few, plane, polarity: POSITIVE, pinned: Vec::new() }),
        Prompt::Box3D(Box3D { corners_lps_mm: corners, axes: BoxAxes::Lps, polarity: POSITIVE }),
        Prompt::Box2D(Box2D { corners_lps_mm: flat, plane, polarity: POSITIVE }),
        Prompt::Gaze(gaze),
    ]
}

/// Placed, counted and answered, as a session does it; whether it was answered.
fn answered(volume: &Arc<Volume>, prompt: Prompt) -> bool {
    let Ok(placed) = prompt.place(volume, "") else { return false };
    if placed.certain_count() > 8 << 20 {
        return false;
    }
    let engine = GeodesicEngine::default();
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let mask = Mask::empty(volume.grid().clone());
    let input = RefineInput { prompts: &[placed], newest: 1, mask: &mask, other_labels: &[] };
    refine(&engine, &prepared, &input, &Cancel::new()).is_ok()
}

#[test]
fn every_kind_at_every_size_keeps_its_budget() {
    let (mut all, mut answers, mut slowest) = (0, 0, (Duration::ZERO, String::new()));
    for spacing_mm in [0.0005, 0.01, 1.0, 10.0] {
        let grid = grid([160, 160, 96], [spacing_mm; 3]);
        let volume = balls(grid.clone(), &[([80, 80, 48], 20.0 * spacing_mm)]);
        for reach_mm in [0.1 * spacing_mm, 60.0 * spacing_mm, 50.0, 500.0] {
            for prompt in kinds(&grid, reach_mm) {
                let kind = prompt.kind();
                let begun = Instant::now();
                answers += usize::from(answered(&volume, prompt));
                all += 1;
                let took = begun.elapsed();
                if took > slowest.0 {
                    slowest = (took, format!("{kind} of {reach_mm} mm, voxels of {spacing_mm} mm"));
                }
            }
        }
    }
    println!("{answers} of {all} answered; the slowest took {:.2} s: {}", slowest.0.as_secs_f64(), slowest.1);
    assert!(slowest.0 < BUDGET, "{slowest:?}");
    assert!(answers > all / 2, "{answers} of {all}");
}
