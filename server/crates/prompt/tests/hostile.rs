//! Whatever a client sends: an answer or a named refusal, soon, and never a panic.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Click, Drag, ExtremeBox, ExtremePoints, Follow, Gaze, GazeSample, InitialMask, Lasso, Plane,
    Polarity, Polygon, PromptError, Rasterised, Scribble,
};
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, MaskDelta, VoxelBox};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -60.0..60.0f64,
        2 => -1e6..1e6f64,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, 0.5, 1e-300, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ]
}

fn point() -> impl Strategy<Value = DVec3> {
    (number(), number(), number()).prop_map(|(x, y, z)| DVec3::new(x, y, z))
}

/// A plane, and points that lie on it more often than not.
fn drawing(most: usize) -> impl Strategy<Value = (Plane, Vec<DVec3>)> {
    let frame = (point(), point(), point()).prop_filter_map("no plane", |(o, u, v)| Plane::new(o, u, v).ok());
    let flat = prop::collection::vec((number(), number()), 0..most);
    (frame, flat, prop::collection::vec(point(), 0..2)).prop_map(|(plane, flat, more)| {
        let mut points: Vec<DVec3> =
            flat.into_iter().map(|(x, y)| plane.origin() + x * plane.u() + y * plane.v()).collect();
        points.extend(more);
        (plane, points)
    })
}

fn grid() -> impl Strategy<Value = Grid> {
    let column = || (-3.0..3.0f64, -3.0..3.0f64, -3.0..3.0f64).prop_map(|(x, y, z)| DVec3::new(x, y, z));
    (1usize..20, 1usize..20, 1usize..20, column(), column(), -40.0..40.0f64).prop_filter_map(
        "no grid",
        |(i, j, k, a, b, t)| {
            let b = b - b.project_onto(a);
            let matrix3 = DMat3::from_cols(a, b, a.cross(b).normalize_or_zero());
            Grid::new([i, j, k], DAffine3 { matrix3, translation: DVec3::splat(t) }).ok()
        },
    )
}

/// Either voxels inside the grid and at least one of them, or a refusal in words.
fn sane(result: Result<Rasterised, PromptError>, grid: &Grid) -> Result<(), TestCaseError> {
    match result {
        Ok(found) => {
            prop_assert!(found.count() > 0);
            prop_assert_eq!(found.bounds().intersection(&VoxelBox::whole(grid.size())), found.bounds());
            let middle = found.middle(grid);
            prop_assert!(middle.is_some_and(|m| found.contains(m)));
            prop_assert!(found.runs().windows(2).all(|w| (w[0].k, w[0].j, w[0].end) < (w[1].k, w[1].j, w[1].start)));
        }
        Err(error) => prop_assert!(error.to_string().len() > 20),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strokes_and_curves(grid in grid(), (plane, points) in drawing(12), radius_mm in number(), flat: bool) {
        let polarity = Polarity::Negative;
        sane(Scribble { points_lps_mm: points.clone(), radius_mm, plane: flat.then_some(plane), polarity }.rasterise(&grid), &grid)?;
        sane(Lasso { points_lps_mm: points.clone(), plane, polarity }.rasterise(&grid), &grid)?;
        sane(Polygon { vertices_lps_mm: points.clone(), plane, polarity, pinned: Vec::new() }.rasterise(&grid), &grid)?;
        if let Ok(plane) = Plane::of_curve(&points) {
            prop_assert!((plane.normal().length() - 1.0).abs() < 1e-9);
        }
        let bad = points.iter().any(|p| !p.is_finite());
        let lasso = Lasso { points_lps_mm: points, plane, polarity };
        prop_assert!(!bad || lasso.bounds_mm().is_err());
    }

    #[test]
    fn boxes(grid in grid(), corners_lps_mm in [point(), point()], (plane, points) in drawing(7), margin_mm in number(), along: bool) {
        let axes = if along { BoxAxes::Grid } else { BoxAxes::Lps };
        let polarity = Polarity::Positive;
        sane(Box3D { corners_lps_mm, axes, polarity }.rasterise(&grid), &grid)?;
        sane(Box2D { corners_lps_mm, plane, polarity }.rasterise(&grid), &grid)?;
        if let &[a, b, ..] = points.as_slice() {
            sane(Box2D { corners_lps_mm: [a, b], plane, polarity }.rasterise(&grid), &grid)?;
        }
        for within in [ExtremeBox::Plane(plane), ExtremeBox::Space(axes)] {
            sane(ExtremePoints { points_lps_mm: points.clone(), within, margin_mm }.rasterise(&grid), &grid)?;
        }
    }

    #[test]
    fn drags((plane, vertices_lps_mm) in drawing(9), from_lps_mm in point(), to_lps_mm in point(), neighbours: usize, weight in number()) {
        let mut polygon = Polygon { vertices_lps_mm, plane, polarity: Polarity::Positive, pinned: Vec::new() };
        let before = polygon.clone();
        let from_lps_mm = polygon.vertices_lps_mm.first().copied().unwrap_or(from_lps_mm);
        if polygon.drag(&Drag { from_lps_mm, to_lps_mm }, Follow { neighbours, weight }).is_err() {
            prop_assert_eq!(polygon.vertices_lps_mm.len(), before.vertices_lps_mm.len());
        }
    }

    #[test]
    fn gazes(grid in grid(), looks in prop::collection::vec((number(), prop::option::of(point())), 0..40), dispersion_mm in number(), min_duration_ms in number()) {
        let mut samples: Vec<GazeSample> = looks.into_iter().map(|(time_ms, position_lps_mm)| GazeSample { time_ms, position_lps_mm }).collect();
        let gaze = Gaze { samples: samples.clone(), plane: None, dispersion_mm, min_duration_ms, polarity: Polarity::Positive };
        sane(gaze.rasterise(&grid), &grid)?;
        samples.iter_mut().enumerate().for_each(|(n, s)| s.time_ms = 16.0 * n as f64);
        let gaze = Gaze { samples, dispersion_mm: 20.0, min_duration_ms: 100.0, ..gaze };
        sane(gaze.rasterise(&grid), &grid)?;
    }

    #[test]
    fn masks(grid in grid(), min in [0usize..25, 0usize..25, 0usize..25], max in [0usize..25, 0usize..25, 0usize..25], zlib_bits in prop::collection::vec(any::<u8>(), 0..40)) {
        sane(InitialMask { delta: MaskDelta { region: VoxelBox { min, max }, zlib_bits } }.rasterise(&grid), &grid)?;
    }

    #[test]
    fn texts(text in "([0-9a-z.,;=+ -]|radius=|normal=|drag=|axes=|nan|1e308){0,60}") {
        let _ = text.parse::<Click>();
        let _ = text.parse::<Scribble>();
        let _ = text.parse::<Box2D>();
        let _ = text.parse::<Box3D>();
        let _ = text.parse::<ExtremePoints>();
        let _ = text.parse::<Lasso>();
        let _ = text.parse::<Polygon>();
        let _ = text.parse::<Gaze>();
    }
}

#[test]
fn sizes_are_limited() {
    let grid = Grid::new([512, 512, 400], DAffine3::from_scale(DVec3::splat(0.5))).unwrap();
    let zigzag = |n: usize| {
        (0..n).map(|n| DVec3::new(n as f64 % 250.0, if n % 2 == 0 { 1.0 } else { 250.0 }, 100.0)).collect::<Vec<_>>()
    };
    let plane = Plane::with_normal(DVec3::new(0.0, 0.0, 100.0), DVec3::Z).unwrap();
    let polarity = Polarity::Positive;
    let long = Lasso { points_lps_mm: zigzag(2001), plane, polarity };
    assert!(matches!(long.rasterise(&grid), Err(PromptError::Count { got: 2001, high: 2000, .. })));
    let wide = Scribble { points_lps_mm: zigzag(2000), radius_mm: 50.0, plane: None, polarity };
    let started = std::time::Instant::now();
    assert!(matches!(wide.rasterise(&grid), Err(PromptError::TooMuch(_))));
    println!("refused after {:?}", started.elapsed());
    let started = std::time::Instant::now();
    assert!(Lasso { points_lps_mm: zigzag(2000), plane, polarity }.rasterise(&grid).is_ok());
    println!("lasso of 2000 long edges: {:?}", started.elapsed());
    let normal = DVec3::new(0.3, 0.5, 0.8);
    let plane = Plane::with_normal(DVec3::splat(100.0), normal).unwrap();
    let started = std::time::Instant::now();
    let points_lps_mm: Vec<_> = zigzag(50).iter().map(|p| plane.project(*p)).collect();
    let found = Scribble { points_lps_mm, radius_mm: 3.0, plane: Some(plane), polarity }.rasterise(&grid).unwrap();
    println!("oblique scribble of 50 long strokes, {} voxels: {:?}", found.count(), started.elapsed());
    let gaze = Gaze {
        samples: (0..36_001).map(|n| GazeSample { time_ms: f64::from(n), position_lps_mm: None }).collect(),
        plane: None,
        dispersion_mm: 20.0,
        min_duration_ms: 100.0,
        polarity,
    };
    assert!(matches!(gaze.fixations(), Err(PromptError::Count { .. })));
}
