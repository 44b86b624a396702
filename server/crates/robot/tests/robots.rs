//! Robots and metrics through the public API; SciPy's answers are checked in `python/tests`.

use isochrone_robot::{
    Click, RobotError, auc, centre_click, centre_click_on_slice, consistent_improvement, dice, iou, missed_voxels,
    noc_at, normalised_auc,
};
use ndarray::{Array3, s};
use proptest::prelude::*;

fn blob(shape: [usize; 3], min: [usize; 3], max: [usize; 3]) -> Array3<bool> {
    let mut mask = Array3::from_elem(shape, false);
    mask.slice_mut(s![min[0]..max[0], min[1]..max[1], min[2]..max[2]]).fill(true);
    mask
}

#[test]
fn click_goes_to_the_middle_of_the_larger_mistake() {
    let truth = blob([9, 20, 20], [2, 2, 2], [7, 7, 7]) | blob([9, 20, 20], [3, 12, 12], [6, 15, 15]);
    let click = centre_click(None, truth.view(), [1.0; 3]).unwrap();
    assert_eq!(click, Some(Click { voxel_kji: [4, 4, 4], positive: true }));
    let prediction = blob([9, 20, 20], [2, 2, 2], [7, 7, 7]);
    let click = centre_click(Some(prediction.view()), truth.view(), [1.0; 3]).unwrap();
    assert_eq!(click, Some(Click { voxel_kji: [4, 13, 13], positive: true }));
    let click = centre_click(Some(truth.view()), prediction.view(), [1.0; 3]).unwrap();
    assert_eq!(click, Some(Click { voxel_kji: [4, 13, 13], positive: false }));
    assert_eq!(centre_click(Some(truth.view()), truth.view(), [1.0; 3]), Ok(None));
}

#[test]
fn spacing_decides_what_is_deep() {
    // 3 slices 10 mm apart are deeper than the plane's 7 voxels of 1 mm.
    let truth = blob([5, 9, 30], [1, 1, 1], [4, 8, 29]);
    let click = centre_click(None, truth.view(), [10.0, 1.0, 1.0]).unwrap().unwrap();
    assert_eq!(click.voxel_kji, [1, 4, 4]);
}

#[test]
fn the_border_of_the_array_is_outside() {
    let click = centre_click(None, Array3::from_elem((5, 5, 5), true).view(), [1.0; 3]).unwrap().unwrap();
    assert_eq!(click.voxel_kji, [2, 2, 2]);
    let click = centre_click(None, Array3::from_elem((1, 5, 5), true).view(), [1.0; 3]).unwrap().unwrap();
    assert_eq!(click.voxel_kji, [0, 2, 2]);
}

#[test]
fn slices_and_shapes_are_checked() {
    let (a, b) = (blob([4, 5, 6], [1, 1, 1], [3, 4, 5]), Array3::from_elem((4, 5, 7), false));
    assert!(matches!(centre_click(Some(b.view()), a.view(), [1.0; 3]), Err(RobotError::ShapesDiffer { .. })));
    assert!(matches!(dice(a.view(), b.view()), Err(RobotError::ShapesDiffer { .. })));
    assert!(matches!(centre_click_on_slice(None, a.view(), [1.0; 3], 2, 6), Err(RobotError::NoSuchSlice { .. })));
    assert!(matches!(centre_click_on_slice(None, a.view(), [1.0; 3], 3, 0), Err(RobotError::NoSuchSlice { .. })));
    assert!(matches!(centre_click(None, a.view(), [0.0; 3]), Err(RobotError::Guidance(_))));
}

#[test]
fn parts_that_the_other_mask_misses() {
    let shape = [8, 8, 8];
    let truth = blob(shape, [0, 0, 0], [3, 3, 3]) | blob(shape, [6, 6, 6], [8, 8, 8]);
    // One part touches the truth by a voxel, one meets it at no voxel, though side by side.
    let prediction =
        blob(shape, [2, 2, 2], [5, 3, 3]) | blob(shape, [0, 6, 0], [1, 8, 2]) | blob(shape, [6, 5, 6], [8, 6, 8]);
    let missed = |a: &Array3<bool>, b: &Array3<bool>| missed_voxels(a.view(), b.view()).unwrap();
    assert_eq!((missed(&prediction, &truth), missed(&truth, &prediction)), (4 + 4, 8));
    let none = Array3::from_elem((8, 8, 8), false);
    assert_eq!((missed(&none, &truth), missed(&truth, &none)), (0, 27 + 8));
    assert!(missed_voxels(none.view(), Array3::from_elem((8, 8, 7), false).view()).is_err());
}

#[test]
fn published_series() {
    let scores = [0.50, 0.60, 0.66, 0.70, 0.72, 0.74, 0.75, 0.755, 0.76, 0.762, 0.764];
    assert!((auc(&scores) - 7.079).abs() < 1e-9);
    assert!((normalised_auc(&scores).unwrap() - 0.7079).abs() < 1e-9);
    assert!((auc(&[0.70, 0.76, 0.80, 0.82, 0.83]) - 3.145).abs() < 1e-9);
    let ious = [0.62, 0.81, 0.79, 0.86, 0.905];
    let noc = |t| (noc_at(&ious, t, 20).clicks, noc_at(&ious, t, 20).reached);
    assert_eq!([noc(0.85), noc(0.90), noc(0.95)], [(4, true), (5, true), (20, false)]);
    assert_eq!(consistent_improvement(&ious), Some(75.0));
    assert_eq!((consistent_improvement(&[0.5]), normalised_auc(&[]), auc(&[])), (None, None, 0.0));
}

proptest! {
    #[test]
    fn a_click_lies_on_a_mistake_and_dice_follows_iou(seed in any::<u64>(), density in 0.1f64..0.9) {
        let mut state = seed;
        let mut draw = || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407); (state >> 40) as f64 / (1u64 << 24) as f64 };
        let truth = Array3::from_shape_simple_fn((4, 6, 7), || draw() < density);
        let prediction = Array3::from_shape_simple_fn((4, 6, 7), || draw() < density);
        if let Some(click) = centre_click(Some(prediction.view()), truth.view(), [2.0, 1.0, 1.5]).unwrap() {
            prop_assert_ne!(truth[click.voxel_kji], prediction[click.voxel_kji]);
            prop_assert_eq!(truth[click.voxel_kji], click.positive);
        }
        if let Some(iou) = iou(prediction.view(), truth.view()).unwrap() {
            let dice = dice(prediction.view(), truth.view()).unwrap().unwrap();
            prop_assert!((dice - 2.0 * iou / (1.0 + iou)).abs() < 1e-12);
        }
    }
}
