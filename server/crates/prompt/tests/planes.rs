//! Scribble, lasso and polygon on 500 random oblique planes each, against brute force.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{Shape, at, by_rule, check, from_segment, in_range, rng, turns};
use isochrone_prompt::{Lasso, Meaning, Polarity, Polygon, Rasterised, Scribble};
use isochrone_volume::{Grid, components};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

const PLANES: u64 = 500;

struct Stroke {
    points: Vec<[f64; 2]>,
    radius: f64,
}

impl Shape for Stroke {
    fn signed_distance(&self, p: [f64; 2]) -> f64 {
        let ends = self.points.iter().skip(1).chain(self.points.last().filter(|_| self.points.len() == 1));
        let distances = self.points.iter().zip(ends).map(|(a, b)| from_segment(p, *a, *b));
        distances.fold(f64::INFINITY, f64::min) - self.radius
    }

    fn bounds(&self) -> ([f64; 2], [f64; 2]) {
        common::bounds(&self.points, self.radius)
    }
}

struct Curve {
    points: Vec<[f64; 2]>,
    even_odd: bool,
}

impl Shape for Curve {
    fn signed_distance(&self, p: [f64; 2]) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        let border = self.points.iter().zip(next).map(|(a, b)| from_segment(p, *a, *b)).fold(f64::INFINITY, f64::min);
        let turns = turns(p, &self.points);
        let inside = if self.even_odd { turns % 2 != 0 } else { turns != 0 };
        if inside { -border } else { border }
    }

    fn bounds(&self) -> ([f64; 2], [f64; 2]) {
        common::bounds(&self.points, 0.0)
    }
}

fn random_points(rng: &mut ChaCha8Rng, count: usize, reach: f64) -> Vec<[f64; 2]> {
    (0..count).map(|_| [in_range(rng, -reach, reach), in_range(rng, -reach, reach)]).collect()
}

/// A closed curve round the origin, with dents; every third one crosses itself.
fn random_curve(rng: &mut ChaCha8Rng, case: u64) -> Vec<[f64; 2]> {
    let count = rng.random_range(3..40);
    if case.is_multiple_of(3) {
        return random_points(rng, count, 12.0);
    }
    let corner = |n: usize| {
        let (angle, radius) = (n as f64 / count as f64 * std::f64::consts::TAU, in_range(rng, 4.0, 14.0));
        [radius * angle.cos(), radius * angle.sin()]
    };
    (0..count).map(corner).collect()
}

fn agrees_with_rule(grid: &Grid, rule: &[([usize; 3], Option<bool>)], found: &Rasterised) {
    let marked: HashSet<_> = found.voxels().collect();
    for (voxel, expected) in rule {
        assert!(expected.is_none_or(|e| e == marked.contains(voxel)), "{voxel:?} of {:?}: {expected:?}", grid.size());
        assert_eq!(found.contains(*voxel), marked.contains(voxel));
    }
}

#[test]
fn scribbles() {
    let (mut empty_misses, mut marked) = (0, 0);
    for case in 0..PLANES {
        let rng = &mut rng(case);
        let (grid, polarity) = (common::grid(rng), if case % 2 == 0 { Polarity::Positive } else { Polarity::Negative });
        let plane = common::plane(rng, &grid);
        let radius = if case % 4 == 0 { 0.0 } else { in_range(rng, 0.1, 6.0) };
        let count = rng.random_range(1..12);
        let stroke = Stroke { points: random_points(rng, count, 15.0), radius };
        let points_lps_mm: Vec<_> = stroke.points.iter().map(|p| at(&plane, *p)).collect();
        let scribble = Scribble { points_lps_mm, radius_mm: radius, plane: Some(plane), polarity };
        let Ok(found) = scribble.rasterise(&grid) else { continue };
        assert_eq!((found.polarity(), found.meaning()), (polarity, Meaning::Marks));
        empty_misses += check(&grid, &plane, &stroke, &found);
        marked += found.count();
        // The rule's voxels are all there; the line's own cells come on top.
        let on_line = Scribble { radius_mm: 0.0, ..scribble.clone() }
            .rasterise(&grid)
            .map(|f| f.voxels().collect::<HashSet<_>>());
        let on_line = on_line.unwrap_or_default();
        for (voxel, expected) in by_rule(&grid, &plane, &stroke) {
            let expected = if on_line.contains(&voxel) { Some(true) } else { expected };
            assert!(expected.is_none_or(|e| e == found.contains(voxel)), "case {case}: {voxel:?} {expected:?}");
        }
    }
    println!("scribbles: {marked} voxels, {empty_misses} samples in unmarked cells, all near the border");
}

#[test]
fn a_thin_stroke_inside_the_grid_is_one_connected_piece() {
    for case in 0..PLANES {
        let rng = &mut rng(case + 10_000);
        let grid = common::grid(rng);
        let plane = common::plane(rng, &grid);
        let points_lps_mm = random_points(rng, 6, 3.0).into_iter().map(|p| at(&plane, p)).collect();
        let radius_mm = if case % 2 == 0 { 0.0 } else { in_range(rng, 0.0, 0.6) };
        let scribble = Scribble { points_lps_mm, radius_mm, plane: Some(plane), polarity: Polarity::Positive };
        if scribble.points_lps_mm.iter().any(|p| grid.voxel_at(*p).is_none()) {
            continue;
        }
        let mask = scribble.rasterise(&grid).unwrap().mask(grid.into());
        let (_, parts) = components::label(mask.voxels().view());
        assert_eq!(parts.len(), 1, "case {case}");
    }
}

#[test]
fn lassos() {
    let (mut unmarked, mut marked) = (0, 0);
    for case in 0..PLANES {
        let rng = &mut rng(case + 20_000);
        let grid = common::grid(rng);
        let plane = common::plane(rng, &grid);
        let curve = Curve { points: random_curve(rng, case), even_odd: false };
        let points_lps_mm = curve.points.iter().map(|p| at(&plane, *p)).collect();
        let found = Lasso { points_lps_mm, plane, polarity: Polarity::Positive }.rasterise(&grid).unwrap();
        unmarked += check(&grid, &plane, &curve, &found);
        marked += found.count();
        let rule = by_rule(&grid, &plane, &curve);
        if rule.iter().any(|(_, inside)| *inside == Some(true)) {
            agrees_with_rule(&grid, &rule, &found);
        }
    }
    println!("lassos: {marked} voxels, {unmarked} samples in unmarked cells, all near the border");
}

#[test]
fn polygons() {
    let (mut unmarked, mut marked) = (0, 0);
    for case in 0..PLANES {
        let rng = &mut rng(case + 30_000);
        let grid = common::grid(rng);
        let plane = common::plane(rng, &grid);
        let curve = Curve { points: random_curve(rng, case), even_odd: true };
        let vertices_lps_mm = curve.points.iter().map(|p| at(&plane, *p)).collect();
        let found = Polygon { vertices_lps_mm, plane, polarity: Polarity::Positive, pinned: Vec::new() }
            .rasterise(&grid)
            .unwrap();
        assert_eq!(found.meaning(), Meaning::Delineates);
        unmarked += check(&grid, &plane, &curve, &found);
        marked += found.count();
        let rule = by_rule(&grid, &plane, &curve);
        if rule.iter().any(|(_, inside)| *inside == Some(true)) {
            agrees_with_rule(&grid, &rule, &found);
        }
    }
    println!("polygons: {marked} voxels, {unmarked} samples in unmarked cells, all near the border");
}
