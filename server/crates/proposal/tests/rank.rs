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
    let input = RankInput { wrong: map, wrong_grid: at, mask, prompts: &[], corrected, accepted };
    // Every slice for itself.
    rank_slices(&input, &RankOptions { reach_mm: 0.0, ..RankOptions::new(1.0) }).unwrap().proposals
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
        assert!((ranked[0].wrong_mm2 - 0.5 * 256.0).abs() < 1e-3);
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

/// Two thin errors 6 mm apart are more than a larger one alone: a correction between them mends both.
#[test]
fn a_slice_answers_for_its_neighbours() {
    let volume = grid([32, 32, 64], [1.0; 3]);
    let mut map = Array3::zeros(volume.shape());
    for (k, wrong) in [(17, 0.5), (23, 0.5), (50, 0.6)] {
        map.slice_mut(s![k, 8..24, 8..24]).fill(wrong);
    }
    let mask = empty(&volume);
    let input =
        RankInput { wrong: &map, wrong_grid: &volume, mask: &mask, prompts: &[], corrected: &[], accepted: &[] };
    let best = |reach_mm| {
        let ranking = rank_slices(&input, &RankOptions { reach_mm, ..RankOptions::new(1.0) }).unwrap();
        *ranking.proposals.iter().find(|p| p.axis == Axis::K).unwrap()
    };
    assert_eq!(best(0.0).index, 50);
    // Everywhere between them the triangle gives the two 1.4 of 2; beyond, less.
    let between = best(10.0);
    assert!((17..=23).contains(&between.index), "{between:?}");
    assert!((between.wrong_mm2 - 0.14 * 0.5 * 256.0).abs() < 1e-3, "{between:?}");
}

/// The same error far from a prompt and near it; the discount at its place is that of the formula.
#[test]
fn errors_near_prompts_count_less() {
    let volume = grid([96, 16, 16], [1.0; 3]);
    let mut map = Array3::zeros(volume.shape());
    map[[8, 8, 10]] = 0.5;
    map[[8, 8, 80]] = 0.4;
    let mask = empty(&volume);
    let prompts = [volume.centre_mm([10, 8, 8])];
    let wrong = |prompts: &[DVec3]| {
        let input = RankInput { wrong: &map, wrong_grid: &volume, mask: &mask, prompts, corrected: &[], accepted: &[] };
        let options = RankOptions { reach_mm: 0.0, ..RankOptions::new(1.0) };
        let ranking = rank_slices(&input, &options).unwrap();
        [10, 80].map(|n| ranking.proposals.iter().find(|p| p.axis == Axis::I && p.index == n).unwrap().wrong_mm2)
    };
    assert_eq!(wrong(&[]), [0.5, f64::from(0.4f32)]);
    let [near, far] = wrong(&prompts);
    assert!((near - 0.05).abs() < 1e-6, "{near}");
    let expected = 0.4 * (1.0 - 0.9 * (-70.0f64.powi(2) / 800.0).exp());
    assert!((far - expected).abs() < 1e-6, "{far}");
}

/// A cube of which a slab is probably too much, and a ball that is probably missing: Dice by hand.
#[test]
fn the_expected_dice_and_gain() {
    let volume = grid([32, 32, 32], [1.0, 1.0, 2.0]);
    let mut mask = empty(&volume);
    mask.voxels_mut().slice_mut(s![8..16, 8..16, 8..16]).fill(true); // 512 voxels.
    let mut map = Array3::zeros(volume.shape());
    map.slice_mut(s![8, 8..16, 8..16]).fill(0.5); // 32 wrong inside.
    map.slice_mut(s![20, 8..16, 8..16]).fill(0.25); // 16 missing outside.
    let input =
        RankInput { wrong: &map, wrong_grid: &volume, mask: &mask, prompts: &[], corrected: &[], accepted: &[] };
    let options = RankOptions { reach_mm: 2.0, ..RankOptions::new(2.0) };
    let ranking = rank_slices(&input, &options).unwrap();
    let expected = |right: f64, wrong: f64| 2.0 * right / (2.0 * right + wrong);
    assert!((ranking.expected.dice - expected(480.0, 48.0)).abs() < 1e-9, "{:?}", ranking.expected);
    // The best slice holds 32 of the 48; of all that is wrong, a third lies outside.
    assert_eq!((ranking.proposals[0].axis, ranking.proposals[0].index), (Axis::K, 8));
    let after = expected(480.0 + 32.0 / 3.0, 16.0);
    assert!((ranking.expected.gain - (after - ranking.expected.dice)).abs() < 1e-9, "{:?}", ranking.expected);
    let k = ranking.profiles.iter().find(|p| p.axis == Axis::K).unwrap();
    assert_eq!((k.first, k.scores.len()), (0, 32));
    assert_eq!(k.scores.iter().filter(|s| **s > 0.0).count(), 2);
    assert_eq!(k.scores[8], ranking.proposals[0].score);
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
    let input =
        RankInput { wrong: &map, wrong_grid: &volume, mask: &mask, prompts: &[], corrected: &[], accepted: &[] };
    assert!(matches!(rank_slices(&input, &RankOptions::new(1.0)), Err(ProposalError::Shape { .. })));
    let map = Array3::zeros((8, 8, 8));
    let input = RankInput { wrong: &map, ..input };
    assert!(matches!(rank_slices(&input, &RankOptions::new(0.0)), Err(ProposalError::Option(_))));
    assert!(matches!(
        rank_slices(&input, &RankOptions { separation_mm: f64::NAN, ..RankOptions::new(1.0) }),
        Err(ProposalError::Option(_))
    ));
    assert!(rank_slices(&input, &RankOptions::new(1.0)).unwrap().proposals.is_empty());
}
