//! The rarer signals, on cases whose answer is known.

use isochrone_guidance::{
    Adaptive, Geodesic, GuidanceError, adaptive_gaussian, attraction_field, cap_at_percentile, location_prior,
    normalise_min_max,
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
    let mut map = Array3::from_shape_vec((1, 1, 5), vec![2.0, 4.0, 6.0, f32::INFINITY, 3.0]).unwrap();
    let mut capped = map.clone();
    normalise_min_max(&mut map);
    assert_eq!(map.as_slice().unwrap(), [0.0, 0.5, 1.0, 1.0, 0.25]);
    cap_at_percentile(&mut capped, 50.0).unwrap();
    assert_eq!(capped.as_slice().unwrap(), [2.0, 3.0, 3.0, 3.0, 3.0]);
    assert!(cap_at_percentile(&mut capped, 101.0).is_err());
}
