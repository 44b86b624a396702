//! Readers by what they promise, and the figures that judge an uncertainty.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_robot::{Calibration, Click, Reader, RobotError, Sight, auroc, centre_click};
use ndarray::{Array3, s};

/// A lesion of 4 × 6 × 24 voxels and a small one; 3 × 1 × 1 mm.
fn lesions() -> Array3<bool> {
    let mut truth = Array3::from_elem((12, 20, 40), false);
    truth.slice_mut(s![2..6, 3..9, 5..29]).fill(true);
    truth.slice_mut(s![9..11, 14..16, 33..35]).fill(true);
    truth
}

const SPACING: [f32; 3] = [3.0, 1.0, 1.0];

fn clicks(reader: Reader, sight: &Sight<'_>, n: u64) -> Vec<Click> {
    (0..n).map(|turn| reader.click(sight, 5, turn).unwrap().unwrap()).collect()
}

#[test]
fn each_reader_keeps_to_its_rule() {
    let truth = lesions();
    let sight = Sight { prediction: None, truth: truth.view(), spacing_mm: SPACING, uncertainty: None };
    let centre = centre_click(None, truth.view(), SPACING).unwrap().unwrap();
    let large = |c: &Click| c.voxel_kji[0] < 6 && truth[c.voxel_kji];
    for reader in Reader::ALL {
        let made = clicks(reader, &sight, 200);
        assert_eq!(made, clicks(reader, &sight, 200), "{reader:?}");
        assert!(made.iter().all(|c| c.positive), "{reader:?}");
        assert_eq!(reader, reader.name().parse().unwrap());
        match reader {
            Reader::Centre | Reader::Uncertain => assert!(made.iter().all(|c| *c == centre)),
            Reader::Perturbed => {
                let out = made.iter().filter(|c| !truth[c.voxel_kji]).count();
                assert!((40..160).contains(&out), "{out} of 200 outside");
                // Symmetric: the mean lies near the centre.
                let mean = made.iter().map(|c| c.voxel_kji[2] as f64).sum::<f64>() / 200.0;
                assert!((mean - centre.voxel_kji[2] as f64).abs() < 1.0, "{mean}");
            }
            _ => assert!(made.iter().all(large), "{reader:?}"),
        }
    }
    // Depth along j is 1, 2, 3, 3, 2, 1 mm: half of the readers' clicks should fall on the middle two rows.
    let middle = |made: &[Click]| made.iter().filter(|c| (5..7).contains(&c.voxel_kji[1])).count();
    let (edt, uniform) = (clicks(Reader::Edt, &sight, 600), clicks(Reader::Uniform, &sight, 600));
    assert!(middle(&edt) > 250 && middle(&uniform) < 250, "{} {}", middle(&edt), middle(&uniform));
    let thirds: Vec<usize> = clicks(Reader::LongAxis, &sight, 3).iter().map(|c| c.voxel_kji[2]).collect();
    assert!((16..=17).contains(&thirds[0]));
    let (mut ends, near) = (vec![thirds[1], thirds[2]], |a: usize, b: usize| a.abs_diff(b) <= 1);
    ends.sort_unstable();
    assert!(near(ends[0], 9) && near(ends[1], 24), "{thirds:?}");
}

#[test]
fn corrections() {
    let truth = lesions();
    let mut prediction = truth.clone();
    prediction.slice_mut(s![2..6, 3..9, 5..12]).fill(false);
    prediction.slice_mut(s![8..9, 1..4, 1..4]).fill(true);
    let mut doubt = Array3::zeros(truth.raw_dim());
    doubt[[8, 2, 2]] = 0.5;
    // Most of all where nothing is wrong.
    doubt[[4, 5, 20]] = 0.9;
    let sight = Sight {
        prediction: Some(prediction.view()),
        truth: truth.view(),
        spacing_mm: SPACING,
        uncertainty: Some(doubt.view()),
    };
    let doubtful = Reader::Uncertain.click(&sight, 0, 0).unwrap();
    assert_eq!(doubtful, Some(Click { voxel_kji: [8, 2, 2], positive: false }));
    for click in clicks(Reader::Uniform, &sight, 50) {
        assert!(click.positive && (5..12).contains(&click.voxel_kji[2]));
    }
    // The rim is 1.5 · √11 ≈ 5 mm deep: nothing here is deeper.
    for click in clicks(Reader::Boundary, &sight, 50) {
        assert!(click.positive && (5..12).contains(&click.voxel_kji[2]));
    }
    let right = Sight { prediction: Some(truth.view()), uncertainty: None, ..sight };
    assert!(Reader::ALL.iter().all(|r| r.click(&right, 0, 0).unwrap().is_none()));
    let other = Array3::zeros((1, 2, 3));
    let bad = Sight { uncertainty: Some(other.view()), ..sight };
    assert!(matches!(Reader::Uncertain.click(&bad, 0, 0), Err(RobotError::ShapesDiffer { .. })));
    assert!(matches!("oracle".parse::<Reader>(), Err(RobotError::NoSuchReader(_))));
}

#[test]
fn reliability_by_hand() {
    // Pairs (wrong, right): 0.9 > 0.1, 0.9 > 0.4, 0.4 > 0.1, 0.4 = 0.4: 3.5 of 4.
    let wrong = [false, true, true, false];
    assert_eq!(auroc(&[0.1, 0.9, 0.4, 0.4], &wrong), Some(0.875));
    assert_eq!(auroc(&[1.0; 4], &wrong), Some(0.5));
    assert_eq!(
        (auroc(&[1.0; 4], &[true; 4]), auroc(&[], &[]), auroc(&[f32::NAN, 1.0], &[true, false])),
        (None, None, None)
    );
    // Bins 0–0.5 and 0.5–1: means 0.2 and 0.8, shares 0.5 and 1.
    let one = Calibration::of(&[0.1, 0.3, 0.6, 1.0], &[true, false, true, true], 2);
    let e = one.error().unwrap();
    assert!((e - (0.3 * 2.0 + 0.2 * 2.0) / 4.0).abs() < 1e-7, "{e}");
    assert_eq!(Calibration::of(&[], &[], 15).error(), None);
    // Together with one that errs the other way they are right: 0.2 and 0.8 of four voxels each.
    let other = Calibration::of(&[0.2, 0.2, 0.8, 0.8], &[false, false, true, false], 2);
    let both = Calibration::together([&one, &other]).error().unwrap();
    assert!((both - ((1.0 - 0.8f64).abs() + (3.0 - 3.2f64).abs()) / 8.0).abs() < 1e-7, "{both}");
}
