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
