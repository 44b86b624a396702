//! Operations on masks, against brute force.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_volume::operations::{
    Edited, Holes, difference, fill_holes, interpolate_slices, intersection, keep_island, remove_island, smooth, union,
};
use isochrone_volume::{Axis, DAffine3, DVec3, Grid, Mask, VolumeError, VoxelBox, components};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Instant;

const SPACING: [f64; 3] = [1.0, 1.5, 2.5];

fn mask_of(voxels: Array3<bool>) -> Mask {
    let (k, j, i) = voxels.dim();
    let grid = Grid::new([i, j, k], DAffine3::from_scale(DVec3::from_array(SPACING))).unwrap();
    Mask::new(Arc::new(grid), voxels).unwrap()
}

fn random_mask(size: [usize; 3], share: f64) -> impl Strategy<Value = Mask> {
    let [i, j, k] = size;
    let bits = prop::collection::vec(prop::bool::weighted(share), i * j * k);
    bits.prop_map(move |bits| mask_of(Array3::from_shape_vec((k, j, i), bits).unwrap()))
}

/// What an operation made is what was expected, and says truly where it changed.
fn expect(before: &Mask, edited: &Edited, expected: &Array3<bool>) {
    assert_eq!(edited.mask.voxels(), expected);
    assert_eq!(edited.mask.changed_box(before), edited.changed);
    assert_eq!(edited.mask.grid(), before.grid());
}

/// Background that a flood from outside does not reach.
fn holes_by_flood(set: ArrayView3<'_, bool>, steps: &[[isize; 3]]) -> Array3<bool> {
    let (nk, nj, ni) = set.dim();
    let mut open = Array3::from_elem((nk, nj, ni), false);
    let leaves = |p: [isize; 3]| p.iter().zip([nk, nj, ni]).any(|(x, n)| *x < 0 || *x >= n as isize);
    let mut changed = true;
    while changed {
        changed = false;
        for ((k, j, i), &set) in set.indexed_iter() {
            let near = |[c, b, a]: &[isize; 3]| [k as isize + c, j as isize + b, i as isize + a];
            let reached = |p: [isize; 3]| leaves(p) || open[[p[0] as usize, p[1] as usize, p[2] as usize]];
            if !set && !open[[k, j, i]] && steps.iter().any(|s| reached(near(s))) {
                open[[k, j, i]] = true;
                changed = true;
            }
        }
    }
    ndarray::Zip::from(&set).and(&open).map_collect(|&set, &open| set || !open)
}

const UP: [[isize; 3]; 2] = [[1, 0, 0], [-1, 0, 0]];
const ACROSS: [[isize; 3]; 2] = [[0, 1, 0], [0, -1, 0]];
const ALONG: [[isize; 3]; 2] = [[0, 0, 1], [0, 0, -1]];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn islands_are_the_components(mask in random_mask([9, 8, 7], 0.12)) {
        let (labels, found) = components::label(mask.voxels().view());
        for ((k, j, i), &label) in labels.indexed_iter() {
            let (kept, removed) = (keep_island(&mask, [i, j, k]), remove_island(&mask, [i, j, k]));
            if label == 0 {
                prop_assert_eq!(kept, Err(VolumeError::NotSet([i, j, k])));
                prop_assert!(removed.is_err());
                continue;
            }
            expect(&mask, &kept.unwrap(), &labels.mapv(|l| l == label));
            expect(&mask, &removed.unwrap(), &labels.mapv(|l| l != 0 && l != label));
        }
        prop_assert!(mask.count() == 0 || !found.is_empty());
    }

    #[test]
    fn holes_are_what_no_flood_reaches(mask in random_mask([9, 8, 7], 0.7)) {
        let cases = [
            (Holes::InVolume, [UP, ACROSS, ALONG].concat()),
            (Holes::InSlices(Axis::K), [ACROSS, ALONG].concat()),
            (Holes::InSlices(Axis::J), [UP, ALONG].concat()),
            (Holes::InSlices(Axis::I), [UP, ACROSS].concat()),
        ];
        for (holes, steps) in cases {
            expect(&mask, &fill_holes(&mask, holes), &holes_by_flood(mask.voxels().view(), &steps));
        }
    }

    #[test]
    fn sets_are_sets(a in random_mask([7, 6, 5], 0.1), b in random_mask([7, 6, 5], 0.1)) {
        let both = |rule: fn(bool, bool) -> bool| ndarray::Zip::from(a.voxels()).and(b.voxels()).map_collect(|&a, &b| rule(a, b));
        expect(&a, &union(&a, &b).unwrap(), &both(|a, b| a | b));
        expect(&a, &intersection(&a, &b).unwrap(), &both(|a, b| a & b));
        expect(&a, &difference(&a, &b).unwrap(), &both(|a, b| a & !b));
    }

    #[test]
    fn smoothing_is_the_weighted_majority(mask in random_mask([12, 9, 7], 0.5), radius_mm in 0.8..5.0f64) {
        let edited = smooth(&mask, radius_mm).unwrap();
        prop_assert_eq!(edited.mask.changed_box(&mask), edited.changed);
        let sigma = radius_mm / 1.538_172;
        let weight = |d: usize, spacing: f64| {
            let reach = (3.0 * sigma / spacing).ceil() as usize;
            if d > reach { 0.0 } else { (-0.5 * (d as f64 * spacing / sigma).powi(2)).exp() }
        };
        for ((k, j, i), &own) in mask.voxels().indexed_iter() {
            let (mut sum, mut all) = (0.0, 0.0);
            for ((c, b, a), &set) in mask.voxels().indexed_iter() {
                let w = weight(i.abs_diff(a), SPACING[0]) * weight(j.abs_diff(b), SPACING[1]) * weight(k.abs_diff(c), SPACING[2]);
                all += w;
                sum += if set { w } else { 0.0 };
            }
            let value = sum / all;
            if (value - 0.5).abs() > 1e-4 {
                prop_assert_eq!(edited.mask.voxels()[[k, j, i]], value > 0.5, "{} at {:?}, was {}", value, [i, j, k], own);
            }
        }
    }

    #[test]
    fn slices_between_follow_the_signed_distances(mask in random_mask([10, 9, 8], 0.4), axis in prop::sample::select(Axis::ALL.to_vec()), a in 0usize..8, b in 0usize..8) {
        let whole = VoxelBox::whole(mask.grid().size());
        if a == b {
            prop_assert!(interpolate_slices(&mask, axis, &[a, b], &whole).is_err());
            return Ok(());
        }
        let (a, b) = (a.min(b), a.max(b));
        let edited = interpolate_slices(&mask, axis, &[b, a, b], &whole).unwrap();
        let spacing = match axis {
            Axis::I => [SPACING[2], SPACING[1]],
            Axis::J => [SPACING[2], SPACING[0]],
            Axis::K => [SPACING[1], SPACING[0]],
        };
        let slice = |n: usize| mask.voxels().index_axis(axis.of_array(), n);
        let (first, last) = (signed_by_search(slice(a), spacing), signed_by_search(slice(b), spacing));
        for n in 0..axis.of(mask.grid().size()) {
            let got = edited.mask.voxels().index_axis(axis.of_array(), n);
            if n <= a || n >= b {
                prop_assert_eq!(got, slice(n));
                continue;
            }
            let share = (n - a) as f64 / (b - a) as f64;
            for (at, set) in got.indexed_iter() {
                let d = (1.0 - share) * first[at] + share * last[at];
                prop_assert!(d.abs() < 1e-9 || *set == (d > 0.0));
            }
        }
    }
}

/// Distance of every pixel to the nearest of the other kind; nothing is set beyond the slice.
fn signed_by_search(slice: ArrayView2<'_, bool>, [slow, fast]: [f64; 2]) -> Array2<f64> {
    let (n, m) = slice.dim();
    Array2::from_shape_fn((n, m), |(y, x)| {
        let mut best = f64::INFINITY;
        for b in -1..=n as isize {
            for a in -1..=m as isize {
                let inside = b >= 0 && a >= 0 && b < n as isize && a < m as isize;
                let set = inside && slice[[b as usize, a as usize]];
                if set != slice[[y, x]] {
                    best = best.min(((b - y as isize) as f64 * slow).hypot((a - x as isize) as f64 * fast));
                }
            }
        }
        if slice[[y, x]] { best } else { -best }
    })
}

fn ball(size: usize, centre: [f64; 3], radius: f64) -> Array3<bool> {
    Array3::from_shape_fn((size, size, size), |(k, j, i)| {
        let d = [i, j, k].iter().zip(centre).map(|(x, c)| (*x as f64 - c).powi(2)).sum::<f64>();
        d <= radius * radius
    })
}

fn even(voxels: Array3<bool>) -> Mask {
    let (k, j, i) = voxels.dim();
    Mask::new(Arc::new(Grid::new([i, j, k], DAffine3::IDENTITY).unwrap()), voxels).unwrap()
}

#[test]
fn smoothing_takes_specks_and_keeps_balls() {
    let mut voxels = ball(40, [20.0; 3], 10.0);
    voxels[[3, 3, 3]] = true;
    voxels[[20, 20, 20]] = false;
    let mask = even(voxels);
    let Edited { mask: after, .. } = smooth(&mask, 3.0).unwrap();
    assert!(!after.contains([3, 3, 3]) && after.contains([20, 20, 20]));
    let share = after.count() as f64 / mask.count() as f64;
    assert!((0.88..1.0).contains(&share), "{share}");
    assert!(smooth(&even(ball(40, [20.0; 3], 2.4)), 3.0).unwrap().mask.count() == 0);
    assert!(smooth(&even(ball(40, [20.0; 3], 3.8)), 3.0).unwrap().mask.count() > 0);
    for wrong in [0.0, -1.0, 51.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(smooth(&mask, wrong), Err(VolumeError::Radius { .. })));
    }
}

#[test]
fn a_cone_is_found_between_its_ends() {
    let disc = |k: usize, radius: f64| {
        move |(c, b, a): (usize, usize, usize)| c == k && (b as f64 - 30.0).hypot(a as f64 - 30.0) <= radius
    };
    let (small, large) = (disc(2, 6.0), disc(10, 22.0));
    let mask = even(Array3::from_shape_fn((13, 61, 61), |p| small(p) || large(p)));
    let edited = interpolate_slices(&mask, Axis::K, &[2, 10], &VoxelBox::whole(mask.grid().size())).unwrap();
    for k in 3..10 {
        let radius = 6.0 + 2.0 * (k - 2) as f64;
        let area = edited.mask.voxels().index_axis(ndarray::Axis(0), k).iter().filter(|v| **v).count() as f64;
        assert!((area / (std::f64::consts::PI * radius * radius) - 1.0).abs() < 0.08, "slice {k}: {area}");
    }
    assert_eq!(edited.changed.min[2]..edited.changed.max[2], 3..10);
}

#[test]
fn interpolation_leaves_other_lesions_alone() {
    let mut voxels = Array3::from_elem((9, 20, 20), false);
    voxels.slice_mut(ndarray::s![2..8;4, 3..7, 3..7]).fill(true);
    voxels.slice_mut(ndarray::s![0..9, 12..18, 12..18]).fill(true);
    let mask = even(voxels);
    let within = VoxelBox { min: [0, 0, 0], max: [10, 10, 9] };
    let edited = interpolate_slices(&mask, Axis::K, &[2, 6], &within).unwrap();
    assert_eq!(edited.changed, VoxelBox { min: [3, 3, 3], max: [7, 7, 6] });
    assert_eq!(edited.mask.count(), mask.count() + 3 * 16);
    let errors = [
        interpolate_slices(&mask, Axis::K, &[2], &within),
        interpolate_slices(&mask, Axis::K, &[2, 9], &within),
        interpolate_slices(&mask, Axis::K, &[2, 6], &VoxelBox { min: [0; 3], max: [21, 2, 2] }),
        interpolate_slices(&mask, Axis::K, &[2, 6], &VoxelBox { min: [0; 3], max: [0; 3] }),
    ];
    assert!(errors.iter().all(Result::is_err));
}

#[test]
fn nothing_comes_of_nothing() {
    let empty = even(Array3::from_elem((4, 5, 6), false));
    let nothing = |edited: &Edited| edited.changed.is_empty() && edited.mask == empty;
    assert!(nothing(&fill_holes(&empty, Holes::InVolume)) && nothing(&smooth(&empty, 2.0).unwrap()));
    assert!(nothing(&union(&empty, &empty).unwrap()) && nothing(&difference(&empty, &empty).unwrap()));
    let other = even(Array3::from_elem((4, 5, 7), true));
    assert!(matches!(union(&empty, &other), Err(VolumeError::Shape { .. })));
    // One voxel thick: a 2D image is smoothed in its plane.
    let flat = even(Array3::from_shape_fn((1, 20, 20), |(_, j, i)| (5..15).contains(&j) && (5..15).contains(&i)));
    assert!(smooth(&flat, 2.0).unwrap().mask.count() >= 88);
}

#[test]
fn a_whole_body_volume_is_quick() {
    let shape = (326, 400, 400);
    let lesion = Array3::from_shape_fn(shape, |(k, j, i)| {
        let d = [(i, 200.0), (j, 150.0), (k, 160.0)].iter().map(|(x, c)| (*x as f64 - c).powi(2)).sum::<f64>();
        (9.0..=400.0).contains(&d) || (i, j, k) == (215, 190, 150)
    });
    let body = Array3::from_shape_fn(shape, |(k, j, i)| {
        let d = ((i as f64 - 200.0) / 180.0).powi(2) + ((j as f64 - 200.0) / 150.0).powi(2);
        d <= 1.0 && (4..320).contains(&k) && !(i % 50 == 7 && j % 40 == 9 && k % 30 == 4)
    });
    for (name, mask) in [("lesion", even(lesion)), ("body", even(body))] {
        let voxels = mask.count();
        let time = |what: &str, run: &dyn Fn() -> Edited| {
            let started = Instant::now();
            let edited = run();
            let ms = started.elapsed().as_secs_f64() * 1e3;
            println!("{name} ({voxels} voxels), {what}: {ms:.0} ms, changed {}", edited.changed);
        };
        time("remove island", &|| remove_island(&mask, [200, 150, 170]).unwrap());
        time("keep island", &|| keep_island(&mask, [200, 150, 170]).unwrap());
        time("fill holes", &|| fill_holes(&mask, Holes::InVolume));
        time("fill holes in axial slices", &|| fill_holes(&mask, Holes::InSlices(Axis::K)));
        time("fill holes in sagittal slices", &|| fill_holes(&mask, Holes::InSlices(Axis::I)));
        time("smooth 3 mm", &|| smooth(&mask, 3.0).unwrap());
        time("union", &|| union(&mask, &mask).unwrap());
        time("interpolate", &|| {
            interpolate_slices(&mask, Axis::K, &[150, 155, 160, 170], &VoxelBox::whole([400, 400, 326])).unwrap()
        });
    }
}
