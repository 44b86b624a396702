//! A lesion that nothing holds: it is said, and a bound holds it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.
mod common;

use common::{balls, click, grid};
use isochrone_prompt::Polarity::Positive;
use isochrone_segment::{
    ActiveContourEngine, Cancel, Channel, Chosen, GeodesicEngine, GraphCutEngine, IsoContourEngine, RefineInput,
    Refined, Segmenter, configured, refine,
};
use isochrone_volume::{Mask, Volume};
use std::sync::Arc;

fn engines() -> Vec<Arc<dyn Segmenter>> {
    vec![
        Arc::new(GraphCutEngine::default()),
        Arc::new(IsoContourEngine::default()),
        Arc::new(GeodesicEngine::default()),
        Arc::new(ActiveContourEngine::default()),
    ]
}

fn go(engine: &dyn Segmenter, volume: &Arc<Volume>, clicks: &[[usize; 3]], mask: &Mask) -> Refined {
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let prompts: Vec<_> = clicks.iter().map(|at| click(volume, *at, Positive)).collect();
    let input = RefineInput { prompts: &prompts, newest: 1, mask, other_labels: &[] };
    refine(engine, &prepared, &input, &Cancel::new()).unwrap()
}

fn farthest_mm(mask: &Mask, from: &[[usize; 3]]) -> f64 {
    let grid = mask.grid();
    let places: Vec<_> = from.iter().map(|at| grid.centre_mm(*at)).collect();
    let nearest = |at: [usize; 3]| places.iter().map(|p| p.distance(grid.centre_mm(at))).fold(f64::INFINITY, f64::min);
    let set = mask.voxels().indexed_iter().filter(|(_, set)| **set);
    set.map(|((k, j, i), _)| nearest([i, j, k])).fold(0.0, f64::max)
}

#[test]
fn what_runs_to_the_border_is_known_and_a_bound_holds_it() {
    // A ball as large as the volume is high: nothing ends it along k.
    let volume = balls(grid([70, 70, 20], [1.0, 1.0, 1.5]), &[([35, 35, 10], 22.0)]);
    let held = balls(grid([70, 70, 50], [1.0, 1.0, 1.5]), &[([35, 35, 25], 11.0)]);
    let (clicked, empty) = ([35, 35, 10], Mask::empty(volume.grid().clone()));
    for engine in engines() {
        let name = engine.describe().name;
        let free = go(engine.as_ref(), &volume, &[clicked], &empty);
        assert!(free.runs_out, "{name}");
        let whole = go(engine.as_ref(), &held, &[[35, 35, 25]], &Mask::empty(held.grid().clone()));
        assert!(!whole.runs_out, "{name}: a ball in the middle does not run out");

        let bound = Chosen::from([("within".to_owned(), "8".to_owned())]);
        let engine = configured(&engine, &bound).unwrap();
        let bounded = go(engine.as_ref(), &volume, &[clicked], &empty);
        let far = farthest_mm(&bounded.mask, &[clicked]);
        // The bound is that of working voxels (at most 2 mm), and the mask is interpolated between them.
        assert!((6.0..10.5).contains(&far) && !bounded.runs_out, "{name}: {far:.1} mm");
        // Another click has its own surroundings.
        let two = [clicked, [45, 35, 10]];
        let wider = go(engine.as_ref(), &volume, &two, &bounded.mask);
        assert!(wider.mask.contains([49, 35, 10]), "{name}");
        assert!(farthest_mm(&wider.mask, &two) < 10.5, "{name}");
        // What was there before may lie beyond.
        let mut brought = bounded.mask.clone();
        brought.voxels_mut().slice_mut(ndarray::s![8..12, 33..37, 35..52]).fill(true);
        let kept = go(engine.as_ref(), &volume, &[clicked], &brought);
        assert!(kept.mask.contains([51, 35, 10]), "{name}");
    }
}
