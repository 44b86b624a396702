#![allow(clippy::indexing_slicing)] // An example: two figures in an array.
//! Times measures and ranking: `cargo run --release -p isochrone-proposal --example rank`.

use isochrone_proposal::{Measure, RankInput, RankOptions, measures, rank_slices};
use isochrone_segment::Samples;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Mask};
use ndarray::{Array3, Array4, s};
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let matrix3 = DMat3::from_diagonal(DVec3::new(0.7, 0.7, 3.0));
    let volume = Arc::new(Grid::new([512, 512, 61], DAffine3 { matrix3, translation: DVec3::ZERO })?);
    let mut mask = Mask::empty(volume.clone());
    mask.voxels_mut().slice_mut(s![25..35, 230..280, 230..280]).fill(true);
    for (name, side, spacing_mm) in [("samples at 64³", 64, 1.5), ("samples at 16³ (stride 4)", 16, 6.0)] {
        let grid = volume.working(volume.centre_mm([256, 256, 30]), spacing_mm, [side; 3])?;
        let probability = Array4::from_shape_fn((8, side, side, side), |(t, k, j, i)| {
            ((t * 7 + k * 31 + j * 17 + i * 3) % 97) as f32 / 97.0
        });
        let inside = Array3::from_elem((side, side, side), false);
        let samples = Samples { probability, grid };
        let mut best = [f64::INFINITY; 2];
        for _ in 0..20 {
            let start = Instant::now();
            let uncertainty = measures(&samples, &inside)?;
            let middle = Instant::now();
            let input = RankInput {
                wrong: uncertainty.map(Measure::Wrong),
                wrong_grid: &uncertainty.grid,
                mask: &mask,
                prompts: &[],
                corrected: &[],
                accepted: &[],
            };
            rank_slices(&input, &RankOptions::new(1.5))?;
            let took = [middle - start, middle.elapsed()].map(|d| d.as_secs_f64() * 1000.0);
            best = [best[0].min(took[0]), best[1].min(took[1])];
        }
        println!("{name}: measures {:.1} ms, ranking {:.1} ms", best[0], best[1]);
    }
    Ok(())
}
