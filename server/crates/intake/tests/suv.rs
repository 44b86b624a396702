//! SUV: the published vectors, each way to a factor, and each refusal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{NaiveDate, NaiveDateTime};
use isochrone_intake::suv::{PetFacts, SliceTiming, SuvByHand, SuvKind, SuvOptions, SuvReport, work_out};

fn at(day: u32, hour: u32, minute: u32, second: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 5, day).unwrap().and_hms_opt(hour, minute, second).unwrap()
}

/// 374 MBq of F-18 an hour before the scan, 75 kg.
fn facts() -> PetFacts {
    PetFacts {
        units: "BQML".to_owned(),
        corrections: ["DECY", "ATTN", "SCAT"].map(str::to_owned).to_vec(),
        decay_correction: "START".to_owned(),
        weight_kg: Some(75.0),
        height_m: Some(1.78),
        sex: "M".to_owned(),
        dose_bq: Some(374e6),
        half_life_s: Some(6586.2),
        injected_time: "090000".to_owned(),
        series: Some(at(2, 10, 0, 0)),
        slices: vec![SliceTiming { acquired: Some(at(2, 10, 0, 0)), ..SliceTiming::default() }],
        ..PetFacts::default()
    }
}

fn report(change: impl FnOnce(&mut PetFacts)) -> SuvReport {
    let mut facts = facts();
    change(&mut facts);
    work_out(&facts, &SuvOptions::default())
}

/// SUV of 25,000 units.
fn suv(change: impl FnOnce(&mut PetFacts)) -> f64 {
    let report = report(change);
    25_000.0 * report.scale.unwrap_or_else(|| panic!("{:?}", report.refusal))
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() < tolerance, "{found} where {expected} is due");
}

#[test]
fn published_vectors() {
    near(suv(|_| ()), 7.3227, 5e-5);
    near(report(|_| ()).scale.unwrap(), 2.929_084e-4, 5e-11);
    near(suv(|f| "ADMIN".clone_into(&mut f.decay_correction)), 5.0134, 5e-5);
    // DECAY is how some write DECY.
    near(suv(|f| f.corrections = ["ATTN", "DECAY"].map(str::to_owned).to_vec()), 7.3227, 5e-5);
}

#[test]
fn an_enhanced_image_says_itself_what_its_voxels_refer_to() {
    let enhanced = |f: &mut PetFacts| {
        f.corrected_to = Some(at(2, 11, 0, 0));
        f.injected_at = "20240502100000".to_owned();
    };
    near(suv(enhanced), 7.3227, 5e-5);
    assert!(report(enhanced).values.iter().any(|v| v.from == "Decay Correction DateTime (0018,9701)"));
}

#[test]
fn lean_mass_and_surface() {
    let normaliser = |kind, sex: &str, kg, m| {
        let mut facts = facts();
        "ADMIN".clone_into(&mut facts.decay_correction);
        sex.clone_into(&mut facts.sex);
        (facts.weight_kg, facts.height_m) = (Some(kg), Some(m));
        work_out(&facts, &SuvOptions { kind, ..SuvOptions::default() }).scale.unwrap() * 374e6
    };
    near(normaliser(SuvKind::LeanJanmahasatian, "M", 75.0, 1.78), 58_950.0, 5.0);
    near(normaliser(SuvKind::LeanJanmahasatian, "F", 65.0, 1.65), 41_250.0, 5.0);
    near(
        normaliser(SuvKind::LeanJames, "M", 75.0, 1.78),
        1000.0 * (1.10 * 75.0 - 128.0 * (75.0f64 / 178.0).powi(2)),
        1e-6,
    );
    near(
        normaliser(SuvKind::LeanJames, "F", 65.0, 1.65),
        1000.0 * (1.07 * 65.0 - 148.0 * (65.0f64 / 165.0).powi(2)),
        1e-6,
    );
    near(
        normaliser(SuvKind::BodySurface, "M", 75.0, 1.78),
        1e4 * 0.007_184 * 75f64.powf(0.425) * 178f64.powf(0.725),
        1e-6,
    );
}

#[test]
fn injection_before_midnight() {
    let change = |f: &mut PetFacts| {
        "233000".clone_into(&mut f.injected_time);
        f.series = Some(at(3, 0, 30, 0));
        f.slices = vec![SliceTiming { acquired: Some(at(3, 0, 31, 0)), ..SliceTiming::default() }];
    };
    near(suv(change), 7.3227, 5e-5);
    assert!(report(change).warnings.iter().any(|w| w.contains("before midnight")));
    // A full date and time needs no guess.
    near(
        suv(|f| {
            change(f);
            "20240502233000.000000+0200".clone_into(&mut f.injected_at);
        }),
        7.3227,
        5e-5,
    );
}

#[test]
fn scan_start_where_the_series_time_is_of_no_use() {
    let late = |f: &mut PetFacts| f.series = Some(at(2, 11, 45, 0));
    // GE says when the scan began.
    near(
        suv(|f| {
            late(f);
            f.ge_scan = Some(at(2, 10, 0, 0));
        }),
        7.3227,
        5e-5,
    );
    // Siemens: acquisition at 10:20, frame reference 20 min and half a frame, nearly, after the start.
    let siemens = |f: &mut PetFacts| {
        late(f);
        let (duration_s, lambda) = (180.0, std::f64::consts::LN_2 / 6586.2);
        let x: f64 = lambda * duration_s;
        let average_s = (x / (1.0 - (-x).exp())).ln() / lambda;
        f.slices = (0..3u32)
            .map(|n| SliceTiming {
                acquired: Some(at(2, 10, 20 + n, 0)),
                frame_reference_ms: Some(1000.0 * (f64::from(1200 + 60 * n) + average_s)),
                duration_ms: Some(1000.0 * duration_s),
            })
            .collect();
    };
    near(suv(siemens), 7.3227, 5e-5);
    assert!(report(siemens).values.iter().any(|v| v.from.contains("Frame Reference Time")));
    // Nothing but the acquisition is left, and that is said.
    assert!(report(late).warnings.iter().any(|w| w.contains("first acquisition")));
}

#[test]
fn philips_and_gml() {
    let counts = |f: &mut PetFacts| "CNTS".clone_into(&mut f.units);
    near(
        suv(|f| {
            counts(f);
            f.philips_suv = Some(0.0004);
        }),
        10.0,
        1e-9,
    );
    near(
        suv(|f| {
            counts(f);
            f.philips_suv = Some(0.0);
            f.philips_bqml = Some(2.0);
        }),
        2.0 * 7.3227,
        1e-4,
    );
    near(suv(|f| "GML".clone_into(&mut f.units)), 25_000.0, 1e-9);
    near(
        suv(|f| {
            "GML".clone_into(&mut f.units);
            "BW".clone_into(&mut f.suv_type);
        }),
        25_000.0,
        1e-9,
    );
}

type Change = Box<dyn Fn(&mut PetFacts)>;

#[test]
fn refusals() {
    let cases: Vec<(&str, Change)> = vec![
        ("not corrected for attenuation", Box::new(|f| f.corrections = vec!["DECY".to_owned()])),
        ("not corrected for decay", Box::new(|f| f.corrections = vec!["ATTN".to_owned()])),
        ("not corrected for attenuation", Box::new(|f| f.corrections.clear())),
        ("Units (0054,1001) are missing", Box::new(|f| f.units.clear())),
        ("none of BQML", Box::new(|f| "PROPCPS".clone_into(&mut f.units))),
        ("is NONE", Box::new(|f| "NONE".clone_into(&mut f.decay_correction))),
        ("Decay Correction (0054,1102) is missing", Box::new(|f| f.decay_correction.clear())),
        ("none of START", Box::new(|f| "SOON".clone_into(&mut f.decay_correction))),
        ("Weight (0010,1030) is missing", Box::new(|f| f.weight_kg = None)),
        ("Weight (0010,1030) is missing", Box::new(|f| f.weight_kg = Some(0.0))),
        ("above 700 kg", Box::new(|f| f.weight_kg = Some(75_000.0))),
        ("Total Dose (0018,1074) is missing", Box::new(|f| f.dose_bq = None)),
        ("probably not in Bq", Box::new(|f| f.dose_bq = Some(374.0))),
        ("Half Life (0018,1075) is missing", Box::new(|f| f.half_life_s = Some(-1.0))),
        ("time of injection is missing", Box::new(|f| f.injected_time.clear())),
        ("lies after the scan's start", Box::new(|f| "20240502110000".clone_into(&mut f.injected_at))),
        ("more than 10 half-lives", Box::new(|f| "20240401090000".clone_into(&mut f.injected_at))),
        (
            "No time of the scan",
            Box::new(|f| {
                f.series = None;
                f.slices.clear();
            }),
        ),
        ("Units are counts", Box::new(|f| "CNTS".clone_into(&mut f.units))),
        (
            "not the one that was asked for",
            Box::new(|f| {
                "GML".clone_into(&mut f.units);
                "LBMJANMA".clone_into(&mut f.suv_type);
            }),
        ),
    ];
    for (text, change) in cases {
        let report = report(|f| change(f));
        let why = report.refusal.expect(text);
        assert!(report.scale.is_none() && why.contains(text), "{text}: {why}");
    }
    let lean = |change: &dyn Fn(&mut PetFacts)| {
        let mut facts = facts();
        change(&mut facts);
        work_out(&facts, &SuvOptions { kind: SuvKind::LeanJames, ..SuvOptions::default() }).refusal.unwrap()
    };
    assert!(lean(&|f| f.sex.clear()).contains("M or F"));
    assert!(lean(&|f| f.height_m = None).contains("Size (0010,1020) is missing"));
    assert!(lean(&|f| f.height_m = Some(178.0)).contains("probably not in m"));
}

#[test]
fn values_set_by_hand_count_and_are_recorded() {
    let mut without = facts();
    (without.weight_kg, without.dose_bq, without.half_life_s) = (None, None, None);
    without.injected_time.clear();
    let by_hand = SuvByHand {
        weight_kg: Some(75.0),
        dose_bq: Some(374e6),
        half_life_s: Some(6586.2),
        injected_at: Some("20240502090000".to_owned()),
        scan_at: Some("20240502100000".to_owned()),
        ..SuvByHand::default()
    };
    let report = work_out(&without, &SuvOptions { by_hand, ..SuvOptions::default() });
    near(25_000.0 * report.scale.unwrap(), 7.3227, 5e-5);
    let by_hand: Vec<&str> = report.values.iter().filter(|v| v.by_hand).map(|v| v.name.as_str()).collect();
    assert_eq!(by_hand, ["dose", "half-life", "scan start", "injection", "weight"]);
    let wrong = SuvByHand { injected_at: Some("soon".to_owned()), ..SuvByHand::default() };
    assert!(
        work_out(&facts(), &SuvOptions { by_hand: wrong, ..SuvOptions::default() })
            .refusal
            .unwrap()
            .contains("YYYYMMDD")
    );
}
