//! The rarer signals, on cases whose answer is known.

use isochrone_guidance::{
    Adaptive, Geodesic, GuidanceError, Normalisation, adaptive_gaussian, attraction_field, location_prior,
};
use ndarray::{Array3, s};

#[test]
fn each_edge_costs_ten() {
    let mut edges = Array3::from_elem((1, 5, 60), false);
    for i in (2..60).step_by(2) {
        edges.slice_mut(s![.., .., i]).fill(true);
    }
    let prior = location_prior(edges.view(), &[[0, 2, 0]]).unwrap();
    assert_eq!((prior[[0, 2, 0]], prior[[0, 4, 1]], prior[[0, 0, 2]], prior[[0, 2, 5]]), (255.0, 255.0, 245.0, 235.0));
    assert_eq!(prior[[0, 2, 59]], 0.0);
    edges.slice_mut(s![.., 4, ..]).fill(false);
    assert_eq!(location_prior(edges.view(), &[[0, 2, 0]]).unwrap()[[0, 4, 59]], 255.0);
    assert!(location_prior(edges.view(), &[]).unwrap().iter().all(|v| *v == 0.0));
}

#[test]
fn charges_add_up() {
    let field = attraction_field([1, 1, 9], &[[0, 0, 0]], &[[0, 0, 8]], [1.0, 1.0, 2.0], 0.5).unwrap();
    assert!((field[[0, 0, 0]] - (2.0 - 1.0 / 256.5)).abs() < 1e-5);
    assert!(field[[0, 0, 4]].abs() < 1e-7);
    assert!(matches!(attraction_field([1, 1, 1], &[], &[], [1.0; 3], 0.0), Err(GuidanceError::Parameter { .. })));
}

#[test]
fn adaptive_bumps_narrow_on_texture() {
    let metric = Geodesic::new([1.0; 3]);
    let flat = Array3::<f32>::zeros((15, 15, 41));
    let rough = Array3::from_shape_fn((15, 15, 41), |(k, j, i)| ((k + j + i) % 2) as f32 * 40.0);
    let at = [[7, 7, 20]];
    let bump = |image: &Array3<f32>| adaptive_gaussian(&[image.view()], &at, &metric, &Adaptive::default()).unwrap();
    let (wide, narrow) = (bump(&flat), bump(&rough));
    assert_eq!((wide[at[0]], narrow[at[0]]), (1.0, 1.0));
    assert!(wide[[7, 7, 30]] > 0.3 && narrow[[7, 7, 30]] < 0.1);
    assert!(adaptive_gaussian(&[flat.view()], &at, &metric, &Adaptive { window: 4, ..Adaptive::default() }).is_err());
}

#[test]
fn normalisations() {
    let map = Array3::from_shape_vec((1, 1, 5), vec![2.0, 4.0, 6.0, f32::INFINITY, 3.0]).unwrap();
    let of = |kind: Normalisation| {
        let mut out = map.clone();
        kind.apply(out.view_mut()).map(|()| out.into_raw_vec_and_offset().0)
    };
    assert_eq!(of(Normalisation::None).unwrap(), [2.0, 4.0, 6.0, f32::INFINITY, 3.0]);
    assert_eq!(of(Normalisation::MinMax).unwrap(), [0.0, 0.5, 1.0, 1.0, 0.25]);
    assert_eq!(of(Normalisation::Percentile(50.0)).unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0]);
    assert_eq!(
        of(Normalisation::Exponential(2.0)).unwrap()[..4],
        [-1.0f32, -2.0, -3.0, f32::NEG_INFINITY].map(f32::exp)
    );
    for wrong in
        [Normalisation::Percentile(101.0), Normalisation::Percentile(f32::NAN), Normalisation::Exponential(0.0)]
    {
        assert!(matches!(of(wrong), Err(GuidanceError::Parameter { .. })));
    }
}

/// The percentile is NumPy's: linear between ranks, over the values above 0.
#[test]
fn percentiles_of_many_values() {
    let mut random = 1u32;
    let map = Array3::from_shape_simple_fn((7, 30, 31), || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Half of them crowd together, so that they share their upper bits.
        let v = (random >> 8) as f32 / 16_777_216.0;
        if random & 128 == 0 { v } else { 0.5 + v / 4096.0 }
    });
    let mut scaled = map.clone();
    Normalisation::MinMax.apply(scaled.view_mut()).unwrap();
    let mut sorted: Vec<f32> = scaled.iter().copied().filter(|v| *v > 0.0).collect();
    sorted.sort_by(f32::total_cmp);
    for percent in [0.0, 13.0, 50.0, 74.3, 99.99, 100.0] {
        let rank = f64::from(percent) / 100.0 * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[rank as usize], sorted[(rank as usize + 1).min(sorted.len() - 1)]);
        let threshold = low + (high - low) * rank.fract() as f32;
        let mut got = map.clone();
        Normalisation::Percentile(percent).apply(got.view_mut()).unwrap();
        assert_eq!(got, scaled.mapv(|v| if v > threshold { v } else { 0.0 }), "{percent} %");
    }
}
