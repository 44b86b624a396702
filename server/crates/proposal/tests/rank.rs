//! Slices of constructed maps, whose ranking can be told beforehand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_proposal::{Proposal, ProposalError, RankInput, RankOptions, SliceRef, rank_slices};
use isochrone_volume::{Axis, DAffine3, DMat3, DVec3, Grid, Mask};
use ndarray::{Array3, s};
use std::sync::Arc;

fn grid(size: [usize; 3], spacing_mm: [f64; 3]) -> Grid {
    let translation = DVec3::new(7.0, -3.0, 100.0);
    Grid::new(size, DAffine3 { matrix3: DMat3::from_diagonal(DVec3::from(spacing_mm)), translation }).unwrap()
}

fn rank(map: &Array3<f32>, at: &Grid, mask: &Mask, corrected: &[SliceRef], accepted: &[SliceRef]) -> Vec<Proposal> {
    let input = RankInput { uncertainty: map, uncertainty_grid: at, mask, corrected, accepted };
    rank_slices(&input, &RankOptions::new(1.0)).unwrap()
}

fn empty(volume: &Grid) -> Mask {
    Mask::empty(Arc::new(volume.clone()))
}

/// A disk of uncertainty across one axis: that orientation gathers it in one slice.
#[test]
fn the_known_best_slice_comes_first() {
    let volume = grid([32, 32, 32], [1.0; 3]);
    for (axis, index) in [(Axis::K, 11), (Axis::J, 5), (Axis::I, 23)] {
        let mut map = Array3::zeros(volume.shape());
        map.index_axis_mut(axis.of_array(), index).slice_mut(s![8..24, 8..24]).fill(0.5);
        let ranked = rank(&map, &volume, &empty(&volume), &[], &[]);
        assert_eq!((ranked[0].axis, ranked[0].index), (axis, index));
        // One slice of 32 holds everything.
        assert!((ranked[0].score - 32.0).abs() < 1e-6, "{}", ranked[0].score);
        assert!((ranked[0].uncertainty_mm2 - 0.5 * 256.0).abs() < 1e-3);
        assert!(ranked.windows(2).all(|w| w[0].score >= w[1].score));
        let mut first = [0; 3];
        first[axis.index()] = index;
        assert_eq!(ranked[0].origin_lps_mm, volume.centre_mm(first));
        let mut normal = [0.0; 3];
        normal[axis.index()] = 1.0;
        assert_eq!(ranked[0].normal_lps, DVec3::from(normal));
    }
}

#[test]
fn the_spot_is_where_the_uncertainty_is() {
    let volume = grid([40, 40, 20], [1.0, 1.0, 2.0]);
    let mut map = Array3::zeros(volume.shape());
    map.slice_mut(s![12, 29..32, 9..12]).fill(0.3); // Round (10, 30, 12).
    map[[12, 5, 5]] = 0.5; // A single voxel, higher but alone.
    let ranked = rank(&map, &volume, &empty(&volume), &[], &[]);
    assert_eq!((ranked[0].axis, ranked[0].index), (Axis::K, 12));
    assert!(ranked[0].spot_lps_mm.distance(volume.centre_mm([10, 30, 12])) < 1.0, "{:?}", ranked[0]);
    for p in &ranked {
        // Every spot lies on its slice.
        let plane_distance = (p.spot_lps_mm - p.origin_lps_mm).dot(p.normal_lps);
        assert!(plane_distance.abs() < 1e-9, "{p:?}");
    }
}

#[test]
fn alternatives_are_kept_apart() {
    let volume = grid([32, 32, 64], [1.0; 3]);
    let map = Array3::from_shape_fn(volume.shape(), |(k, _, _)| {
        (-(k as f32 - 20.0).powi(2) / 50.0).exp() + 0.7 * (-(k as f32 - 45.0).powi(2) / 50.0).exp()
    });
    let ranked = rank(&map, &volume, &empty(&volume), &[], &[]);
    let axial: Vec<usize> = ranked.iter().filter(|p| p.axis == Axis::K).map(|p| p.index).collect();
    assert_eq!(axial[..2], [20, 45]);
    for (n, a) in axial.iter().enumerate() {
        assert!(axial[n + 1..].iter().all(|b| a.abs_diff(*b) >= 8), "{axial:?}");
    }
}

#[test]
fn corrected_slices_count_less_and_accepted_ones_not_at_all() {
    let volume = grid([32, 32, 32], [1.0; 3]);
    let mut map = Array3::from_elem(volume.shape(), 1e-4);
    map.slice_mut(s![10, 8..24, 8..24]).fill(0.5);
    map.slice_mut(s![22, 8..24, 8..24]).fill(0.4);
    let best = |corrected: &[usize], accepted: &[usize]| {
        let refs = |list: &[usize]| list.iter().map(|&index| SliceRef { axis: Axis::K, index }).collect::<Vec<_>>();
        rank(&map, &volume, &empty(&volume), &refs(corrected), &refs(accepted))[0]
    };
    assert_eq!(best(&[], &[]).index, 10);
    for near in [8, 9, 10, 11, 12] {
        assert_eq!(best(&[near], &[]).index, 22, "{near}");
    }
    assert_eq!(best(&[7], &[]).index, 10);
    assert_eq!(best(&[], &[10]).index, 22);
    let (free, beside) = (best(&[], &[22]).score, best(&[10, 12], &[22]).score);
    assert!((beside / free - 0.2).abs() < 1e-9, "{}", beside / free);
}

#[test]
fn the_band_round_the_boundary_counts_most() {
    let volume = grid([48, 48, 48], [1.0; 3]);
    let mut mask = empty(&volume);
    mask.voxels_mut().slice_mut(s![8..20, 18..30, 18..30]).fill(true);
    let mut map = Array3::zeros(volume.shape());
    map.slice_mut(s![19, 20..28, 20..28]).fill(0.3); // In the band.
    map.slice_mut(s![40, 20..28, 20..28]).fill(0.6); // Far away: 0.2 × 0.6.
    assert_eq!(rank(&map, &volume, &mask, &[], &[])[0].index, 19);
    assert_eq!(rank(&map, &volume, &empty(&volume), &[], &[])[0].index, 40);
    // Three voxels across the boundary count, the fourth does not.
    for (k, full) in [(22, true), (23, false)] {
        let mut map = Array3::zeros(volume.shape());
        map[[k, 24, 24]] = 1.0;
        let raw = rank(&map, &volume, &mask, &[], &[]).iter().find(|p| p.axis == Axis::K).unwrap().uncertainty_mm2;
        assert!((raw - if full { 1.0 } else { 0.2 }).abs() < 1e-6, "{k}: {raw}");
    }
}

/// Coarse samples (4 working voxels a side) over a volume of thick slices: the slice between two planes.
#[test]
fn coarse_maps_are_interpolated() {
    let volume = grid([64, 64, 24], [1.0, 1.0, 3.0]);
    let at = volume.working(volume.centre_mm([32, 32, 12]), 4.0, [16; 3]).unwrap();
    let map = Array3::from_shape_fn((16, 16, 16), |(k, j, i)| {
        let p = at.centre_mm([i, j, k]) - volume.centre_mm([40, 20, 9]);
        (-p.length_squared() / (2.0 * 36.0)).exp() as f32
    });
    let ranked = rank(&map, &at, &empty(&volume), &[], &[]);
    for (axis, index) in [(Axis::I, 40), (Axis::J, 20), (Axis::K, 9)] {
        let best = ranked.iter().find(|p| p.axis == axis).unwrap();
        assert!(best.index.abs_diff(index) <= 1, "{axis:?} {}", best.index);
        assert!(best.spot_lps_mm.distance(volume.centre_mm([40, 20, 9])) < 4.0);
    }
    let scores: Vec<f64> = Axis::ALL.iter().map(|a| ranked.iter().find(|p| p.axis == *a).unwrap().score).collect();
    // A ball looks the same from everywhere, however thick the slices.
    assert!(scores.iter().all(|s| (s / scores[0] - 1.0).abs() < 0.1), "{scores:?}");
}

#[test]
fn oblique_and_flipped_volumes() {
    let turn = DMat3::from_rotation_z(0.4) * DMat3::from_rotation_x(-0.3);
    let matrix3 = turn * DMat3::from_diagonal(DVec3::new(1.0, -1.0, -2.0));
    let volume = Grid::new([40, 40, 30], DAffine3 { matrix3, translation: DVec3::new(5.0, 6.0, 7.0) }).unwrap();
    let at = volume.working(volume.centre_mm([20, 20, 15]), 1.5, [32; 3]).unwrap();
    let target = volume.centre_mm([12, 28, 9]);
    let map = Array3::from_shape_fn((32, 32, 32), |(k, j, i)| {
        (-at.centre_mm([i, j, k]).distance_squared(target) / 18.0).exp() as f32
    });
    let ranked = rank(&map, &at, &empty(&volume), &[], &[]);
    for (axis, index) in [(Axis::I, 12), (Axis::J, 28), (Axis::K, 9)] {
        let best = ranked.iter().find(|p| p.axis == axis).unwrap();
        assert!(best.index.abs_diff(index) <= 1, "{axis:?} {}", best.index);
        let mut a = [0; 3];
        a[axis.index()] = 1;
        let step = volume.centre_mm(a) - volume.centre_mm([0; 3]);
        assert!(step.normalize().dot(best.normal_lps) > 0.999);
    }
}

#[test]
fn outside_the_volume_nothing_counts() {
    let volume = grid([20, 20, 20], [1.0; 3]);
    let at = volume.working(volume.centre_mm([0, 10, 10]), 1.0, [32; 3]).unwrap();
    let mut map = Array3::zeros((32, 32, 32));
    map.slice_mut(s![.., .., ..12]).fill(0.6); // Beyond i = 0.
    assert!(rank(&map, &at, &empty(&volume), &[], &[]).is_empty());
    map[[16, 16, 20]] = f32::NAN;
    map[[16, 16, 21]] = 0.1;
    let ranked = rank(&map, &at, &empty(&volume), &[], &[]);
    assert!(
        !ranked.is_empty() && ranked.iter().all(|p| volume.voxel_at(p.spot_lps_mm).is_some() && p.score.is_finite())
    );
}

#[test]
fn wrong_input() {
    let volume = grid([8, 8, 8], [1.0; 3]);
    let (map, mask) = (Array3::zeros((8, 8, 7)), empty(&volume));
    let input = RankInput { uncertainty: &map, uncertainty_grid: &volume, mask: &mask, corrected: &[], accepted: &[] };
    assert!(matches!(rank_slices(&input, &RankOptions::new(1.0)), Err(ProposalError::Shape { .. })));
    let map = Array3::zeros((8, 8, 8));
    let input = RankInput { uncertainty: &map, ..input };
    assert!(matches!(rank_slices(&input, &RankOptions::new(0.0)), Err(ProposalError::Option(_))));
    assert!(matches!(
        rank_slices(&input, &RankOptions { separation_mm: f64::NAN, ..RankOptions::new(1.0) }),
        Err(ProposalError::Option(_))
    ));
    assert!(rank_slices(&input, &RankOptions::new(1.0)).unwrap().is_empty());
}
