//! Masks, their deltas and components.

use isochrone_volume::{DAffine3, DVec3, Grid, Mask, MaskDelta, VoxelBox, components};
use ndarray::Array3;
use proptest::prelude::*;
use std::sync::Arc;

fn grid(size: [usize; 3]) -> Arc<Grid> {
    Arc::new(Grid::new(size, DAffine3::from_scale(DVec3::new(1.0, 2.0, 3.0))).unwrap())
}

fn random_mask(size: [usize; 3], share: f64) -> impl Strategy<Value = Mask> {
    let count: usize = size.iter().product();
    prop::collection::vec(prop::bool::weighted(share), count).prop_map(move |bits| {
        let grid = grid(size);
        let voxels = Array3::from_shape_vec(grid.shape(), bits).unwrap();
        Mask::new(grid, voxels).unwrap()
    })
}

#[test]
fn packed_bits_follow_numpy_little_order() {
    let mut mask = Mask::empty(grid([3, 3, 1]));
    for voxel in [[0, 0, 0], [2, 0, 0], [2, 2, 0]] {
        mask.voxels_mut()[[voxel[2], voxel[1], voxel[0]]] = true;
    }
    assert_eq!(mask.packed(), [0b0000_0101, 0b0000_0001]);
    assert!((mask.volume_ml() - 3.0 * 6.0 / 1000.0).abs() < 1e-12);
}

#[test]
fn a_damaged_delta_is_refused_and_changes_nothing() {
    let mut after = Mask::empty(grid([9, 8, 7]));
    after.voxels_mut()[[3, 4, 5]] = true;
    after.voxels_mut()[[6, 7, 8]] = true;
    let before = Mask::empty(grid([9, 8, 7]));
    let good = MaskDelta::between(&before, &after);
    let mut short = good.clone();
    short.zlib_bits.truncate(3);
    let mut outside = good.clone();
    outside.region.max = [10, 8, 7];
    let mut too_few = good.clone();
    too_few.region.min = [0, 0, 0];
    for bad in [short, outside, too_few] {
        let mut mask = before.clone();
        assert!(bad.apply(&mut mask).is_err());
        assert_eq!(mask, before);
    }
}

#[test]
fn components_join_over_corners_and_are_numbered_in_scan_order() {
    let mut mask = Array3::from_elem((4, 4, 6), false);
    for p in [[0, 0, 5], [1, 1, 4], [3, 3, 0], [0, 0, 1]] {
        mask[p] = true;
    }
    let (labels, found) = components::label(mask.view());
    assert_eq!(found.len(), 3);
    assert_eq!(labels[[0, 0, 1]], 1);
    assert_eq!(labels[[0, 0, 5]], labels[[1, 1, 4]]);
    assert_eq!(found[1].count, 2);
    assert_eq!(found[1].region, VoxelBox { min: [4, 0, 0], max: [6, 2, 2] });
}

proptest! {
    #[test]
    fn a_delta_turns_before_into_after(before in random_mask([13, 5, 7], 0.1), after in random_mask([13, 5, 7], 0.1)) {
        let delta = MaskDelta::between(&before, &after);
        let mut mask = before.clone();
        delta.apply(&mut mask).unwrap();
        prop_assert_eq!(&mask, &after);
        prop_assert_eq!(mask.digest(), after.digest());
        prop_assert_eq!(MaskDelta::between(&after, &mask).region.voxel_count(), 0);
    }

    #[test]
    fn the_bounding_box_is_tight(mask in random_mask([9, 6, 5], 0.02)) {
        let set: Vec<[usize; 3]> = mask.voxels().indexed_iter().filter(|(_, v)| **v).map(|((k, j, i), _)| [i, j, k]).collect();
        let tight = mask.bounding_box();
        prop_assert_eq!(set.is_empty(), tight.is_empty());
        prop_assert_eq!(set.len(), mask.count());
        for axis in 0..3 {
            if let (Some(low), Some(high)) = (set.iter().map(|v| v[axis]).min(), set.iter().map(|v| v[axis]).max()) {
                prop_assert_eq!((tight.min[axis], tight.max[axis]), (low, high + 1));
            }
        }
    }
}
