//! Hostile input of every public function: one table of what is refused, one of what is defined.

mod common;

use common::bits;
use isochrone_guidance::*;
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};

const SHAPE: [usize; 3] = [3, 4, 5];
const ONE: [f32; 3] = [1.0; 3];
const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;
const LAYER: Layer = Layer { label: 1, positive: true };

type Outcome = Result<Array3<f32>, GuidanceError>;
/// A name, and what a function makes of an image, points, a spacing and a number (λ, σ, radius, …).
type Function = (&'static str, fn(ArrayView3<'_, f32>, &[[usize; 3]], [f32; 3], f32) -> Outcome);

fn metric(spacing_mm: [f32; 3], lambda: f32) -> Geodesic {
    Geodesic { spacing_mm, lambda, cutoff: None }
}

fn shape(image: ArrayView3<'_, f32>) -> [usize; 3] {
    let (k, j, i) = image.dim();
    [k, j, i]
}

fn field(image: ArrayView3<'_, f32>, points: &[[usize; 3]], metric: Geodesic) -> Outcome {
    let mut field = GeodesicField::new(&[image], metric)?;
    field.insert_all(&[image], points)?;
    Ok(field.map().to_owned())
}

fn cells(image: ArrayView3<'_, f32>, points: &[[usize; 3]], metric: Geodesic) -> Outcome {
    let mut cells = GeodesicCells::new(&[image], metric)?;
    let mut map = Array3::from_elem(image.raw_dim(), INF);
    for &point in points {
        cells.insert(map.view_mut(), &[image], point)?;
    }
    Ok(map)
}

/// A map written into an array that exists; what it held before must not matter.
fn into(
    image: ArrayView3<'_, f32>,
    write: impl FnOnce(ArrayViewMut3<'_, f32>) -> Result<(), GuidanceError>,
    before: f32,
) -> Outcome {
    let mut out = Array3::from_elem(image.raw_dim(), before);
    write(out.view_mut())?;
    Ok(out)
}

fn state(image: ArrayView3<'_, f32>, points: &[[usize; 3]], spacing: [f32; 3], signal: Signal) -> Outcome {
    let mut state = GuidanceState::new(shape(image), spacing, signal)?;
    state.insert(&[image], LAYER, points)?;
    state.whole(&[image], LAYER)
}

/// Those that read the image's values; the number is λ.
const ON_IMAGES: [Function; 11] = [
    ("geodesic_distance", |image, p, s, l| geodesic_distance(image, p, &metric(s, l))),
    ("geodesic_distance_channels", |image, p, s, l| geodesic_distance_channels(&[image, image], p, &metric(s, l))),
    ("geodesic_distance_into", |image, p, s, l| {
        into(image, |out| geodesic_distance_into(out, &[image], p, &metric(s, l)), NAN)
    }),
    ("exponential_geodesic_channels", |image, p, s, l| {
        exponential_geodesic_channels(&[image, image], p, &metric(s, l), 1.0)
    }),
    ("exponential_geodesic", |image, p, s, l| exponential_geodesic(image, p, &metric(s, l), 1.0)),
    ("adaptive_gaussian", |image, p, s, l| adaptive_gaussian(&[image], p, &metric(s, l), &Adaptive::default())),
    ("GeodesicField", |image, p, s, l| field(image, p, metric(s, l))),
    ("GeodesicCells", |image, p, s, l| cells(image, p, metric(s, l))),
    ("GuidanceState", |image, p, s, lambda| state(image, p, s, Signal::Geodesic { lambda, cutoff: None })),
    ("GuidanceState, exponential", |image, p, s, lambda| {
        state(image, p, s, Signal::ExponentialGeodesic { lambda, cutoff: None, tau: 1.0 })
    }),
    ("GuidanceState, adaptive", |image, p, s, lambda| {
        state(image, p, s, Signal::AdaptiveGaussian { lambda, adaptive: Adaptive::default() })
    }),
];

/// Those that need its shape alone; the number is σ, a radius or ε.
const ON_SHAPES: [Function; 11] = [
    ("euclidean_distance", |image, p, s, _| euclidean_distance(shape(image), p, s)),
    ("euclidean_distance_into", |image, p, s, _| into(image, |out| euclidean_distance_into(out, p, s), NAN)),
    ("add_gaussian", |image, p, s, x| into(image, |out| add_gaussian(out, p, s, x), 0.0)),
    ("add_disk", |image, p, s, x| into(image, |out| add_disk(out, p, s, x), 0.0)),
    ("gaussian", |image, p, s, x| gaussian(shape(image), p, s, x)),
    ("disk", |image, p, s, x| disk(shape(image), p, s, x)),
    ("attraction_field", |image, p, s, x| attraction_field(shape(image), p, p, s, x)),
    ("GuidanceState, Gaussian", |image, p, s, x| state(image, p, s, Signal::Gaussian { sigma_mm: x })),
    ("GuidanceState, disk", |image, p, s, x| state(image, p, s, Signal::Disk { radius_mm: x })),
    ("GuidanceState, Euclidean", |image, p, s, _| state(image, p, s, Signal::Euclidean)),
    ("GuidanceState, attraction", |image, p, s, x| state(image, p, s, Signal::Attraction { epsilon_mm2: x })),
];

/// Those of a mask, which is the image above 0; the number is not used.
const ON_MASKS: [Function; 7] = [
    ("distance_transform", |image, _, s, _| distance_transform(image.mapv(|v| v > 0.0).view(), s, false)),
    ("distance_transform, border", |image, _, s, _| distance_transform(image.mapv(|v| v > 0.0).view(), s, true)),
    ("mask_distance", |image, _, s, _| mask_distance(image.mapv(|v| v > 0.0).view(), s, MaskSide::Signed)),
    ("distance_transform_into", |image, _, s, _| {
        into(image, |out| distance_transform_into(out, image.mapv(|v| v > 0.0).view(), s, true), NAN)
    }),
    ("mask_distance_into", |image, _, s, _| {
        into(image, |out| mask_distance_into(out, image.mapv(|v| v > 0.0).view(), s, MaskSide::Outside), NAN)
    }),
    ("GuidanceState, prior", |image, p, s, _| state(image, p, s, Signal::LocationPrior)),
    ("location_prior", |image, p, _, _| location_prior(image.mapv(|v| v > 0.0).view(), p)),
];

fn everywhere() -> impl Iterator<Item = Function> {
    ON_IMAGES.into_iter().chain(ON_SHAPES).chain(ON_MASKS)
}

fn with_points() -> impl Iterator<Item = Function> {
    everywhere().filter(|(name, _)| !name.contains("transform") && !name.contains("mask_distance"))
}

fn image() -> Array3<f32> {
    Array3::from_shape_fn(SHAPE, |(k, j, i)| (k + 2 * j + i) as f32)
}

#[test]
fn no_voxels() {
    for empty in [[0, 4, 5], [3, 0, 5], [3, 4, 0], [0, 0, 0]] {
        for (name, f) in everywhere() {
            let got = f(Array3::zeros(empty).view(), &[], ONE, 0.5);
            assert_eq!(got, Err(GuidanceError::Shape(empty)), "{name}");
        }
    }
}

#[test]
fn spacings_that_are_none() {
    for wrong in [0.0, -1.0, NAN, INF, -INF, 1e-30, 1e30] {
        for axis in 0..3 {
            let mut spacing = ONE;
            spacing[axis] = wrong;
            for (name, f) in everywhere().filter(|(name, _)| *name != "location_prior") {
                for points in [&[][..], &[[1, 1, 1]]] {
                    let got = f(image().view(), points, spacing, 0.5);
                    assert!(matches!(got, Err(GuidanceError::Spacing(_))), "{name}, {spacing:?}: {got:?}");
                }
            }
        }
    }
}

#[test]
fn points_outside() {
    for point in [[3, 0, 0], [0, 4, 0], [0, 0, 5], [usize::MAX; 3]] {
        for (name, f) in with_points() {
            let got = f(image().view(), &[[0, 0, 0], point], ONE, 0.5);
            assert_eq!(got, Err(GuidanceError::PointOutside { point, shape: SHAPE }), "{name}");
        }
    }
}

#[test]
fn images_with_nan_and_infinity() {
    for value in [NAN, INF, -INF, 1e38, f32::MAX] {
        let mut bad = image();
        bad[[2, 1, 3]] = value;
        for (name, f) in ON_IMAGES {
            let got = f(bad.view(), &[[0, 0, 0]], ONE, 0.5);
            assert!(matches!(got, Err(GuidanceError::Intensity { voxel: [2, 1, 3], .. })), "{name}, {value}: {got:?}");
        }
    }
}

#[test]
fn lambda_outside_its_range() {
    for lambda in [-0.001, 1.001, NAN, INF, -INF] {
        for (name, f) in ON_IMAGES {
            for points in [&[][..], &[[1, 1, 1]]] {
                let got = f(image().view(), points, ONE, lambda);
                assert!(matches!(got, Err(GuidanceError::Parameter { name: "lambda", .. })), "{name}: {got:?}");
            }
        }
    }
}

#[test]
fn widths_outside_their_range() {
    for (name, f) in ON_SHAPES.into_iter().filter(|(name, _)| !name.to_lowercase().contains("euclidean")) {
        let disk = name.contains("disk");
        for width in [-1.0, NAN, INF].into_iter().chain([0.0, 1e-30, 1e30].into_iter().filter(|_| !disk)) {
            let got = f(image().view(), &[], ONE, width);
            assert!(matches!(got, Err(GuidanceError::Parameter { .. })), "{name}, {width}: {got:?}");
        }
        if disk {
            assert_eq!(f(image().view(), &[[1, 1, 1]], ONE, 0.0).unwrap().sum(), 1.0);
            assert_eq!(f(image().view(), &[[1, 1, 1]], ONE, f32::MAX).unwrap().sum(), 60.0);
        }
    }
}

#[test]
fn other_parameters() {
    let (image, at) = (image(), [[1, 1, 1]]);
    for cutoff in [Some(-1.0), Some(NAN)] {
        let metric = Geodesic { cutoff, ..metric(ONE, 0.5) };
        for got in [geodesic_distance(image.view(), &at, &metric), field(image.view(), &at, metric)] {
            assert!(matches!(got, Err(GuidanceError::Parameter { name: "cutoff", .. })), "{got:?}");
        }
    }
    for tau in [0.0, -1.0, NAN, INF] {
        let got = exponential_geodesic(image.view(), &at, &metric(ONE, 0.5), tau);
        assert!(matches!(got, Err(GuidanceError::Parameter { name: "tau", .. })), "{got:?}");
    }
    let usual = Adaptive::default();
    for wrong in [
        Adaptive { a: 0.0, ..usual },
        Adaptive { a: NAN, ..usual },
        Adaptive { b: -1.0, ..usual },
        Adaptive { b: INF, ..usual },
        Adaptive { window: 0, ..usual },
        Adaptive { window: 8, ..usual },
    ] {
        let got = adaptive_gaussian(&[image.view()], &[], &metric(ONE, 0.5), &wrong);
        assert!(matches!(got, Err(GuidanceError::Parameter { .. })), "{wrong:?}");
    }
    for wrong in [
        Normalisation::Percentile(-0.1),
        Normalisation::Percentile(100.1),
        Normalisation::Percentile(NAN),
        Normalisation::Exponential(0.0),
        Normalisation::Exponential(INF),
    ] {
        assert!(matches!(wrong.apply(image.clone().view_mut()), Err(GuidanceError::Parameter { .. })), "{wrong:?}");
    }
}

#[test]
fn arrays_that_do_not_fit() {
    let (image, other, m) = (image(), Array3::<f32>::zeros((3, 4, 6)), metric(ONE, 0.5));
    let mut out = Array3::<f32>::zeros((3, 4, 6));
    let mask = image.mapv(|v| v > 3.0);
    let differ = [
        geodesic_distance_into(out.view_mut(), &[image.view()], &[], &m),
        geodesic_distance_channels(&[image.view(), other.view()], &[], &m).map(drop),
        adaptive_gaussian(&[image.view(), other.view()], &[], &m, &Adaptive::default()).map(drop),
        distance_transform_into(out.view_mut(), mask.view(), ONE, false),
        mask_distance_into(out.view_mut(), mask.view(), ONE, MaskSide::Outside),
        GeodesicCells::new(&[image.view()], m).unwrap().insert(out.view_mut(), &[image.view()], [0; 3]).map(drop),
    ];
    for got in differ {
        assert_eq!(got, Err(GuidanceError::ShapesDiffer { expected: SHAPE, got: [3, 4, 6] }));
    }
    let none = [
        geodesic_distance_channels(&[], &[], &m).map(drop),
        exponential_geodesic_channels(&[], &[], &m, 1.0).map(drop),
        adaptive_gaussian(&[], &[], &m, &Adaptive::default()).map(drop),
        GeodesicField::new(&[], m).map(drop),
    ];
    assert!(none.iter().all(|got| *got == Err(GuidanceError::NoChannel)), "{none:?}");
    assert!(matches!(GeodesicField::new(&vec![image.view(); 4], m), Err(GuidanceError::Channels { .. })));
}

#[test]
fn no_points_is_defined() {
    for (name, f) in with_points() {
        let distance = ["euclidean_distance", "geodesic_distance", "GeodesicCells", "GeodesicField"];
        let distance = distance.iter().any(|w| name.starts_with(w));
        let wanted = if distance || ["GuidanceState", "GuidanceState, Euclidean"].contains(&name) { INF } else { 0.0 };
        assert!(f(image().view(), &[], ONE, 0.5).unwrap().iter().all(|v| *v == wanted), "{name}");
    }
    // Sets without the other kind.
    let full = Array3::from_elem(SHAPE, true);
    assert!(mask_distance(full.view(), ONE, MaskSide::Signed).unwrap().iter().all(|v| *v == -INF));
    assert!(mask_distance(full.view(), ONE, MaskSide::Outside).unwrap().iter().all(|v| *v == 0.0));
}

/// Every second column of a wider array, last axis reversed: not contiguous; the same values give the same bits.
#[test]
fn layouts_that_are_not_contiguous() {
    let wide = Array3::from_shape_fn((3, 4, 10), |(k, j, i)| ((7 * k + 3 * j + i) % 6) as f32);
    let strided = wide.slice(s![.., .., ..;-2]);
    let plain = strided.as_standard_layout().to_owned();
    for (name, f) in everywhere() {
        let (got, wanted) =
            (f(strided, &[[1, 2, 3], [0, 0, 0]], ONE, 0.5), f(plain.view(), &[[1, 2, 3], [0, 0, 0]], ONE, 0.5));
        if ["GeodesicField", "GeodesicCells", "GuidanceState", "GuidanceState, exponential"].contains(&name) {
            assert_eq!(got, Err(GuidanceError::Layout), "{name}: the image is read again at every change");
        } else {
            assert_eq!(bits(&got.unwrap()), bits(&wanted.unwrap()), "{name}");
        }
    }
}

/// Written into every second column of a wider array: the same bits, and nothing beside it.
#[test]
fn outputs_that_are_not_contiguous() {
    type Into = (&'static str, fn(ArrayViewMut3<'_, f32>, ArrayView3<'_, f32>) -> Result<(), GuidanceError>);
    const AT: [[usize; 3]; 2] = [[1, 2, 3], [0, 0, 0]];
    let functions: [Into; 6] = [
        ("euclidean_distance_into", |out, _| euclidean_distance_into(out, &AT, ONE)),
        ("add_gaussian", |out, _| add_gaussian(out, &AT, ONE, 2.0)),
        ("add_disk", |out, _| add_disk(out, &AT, ONE, 2.0)),
        ("distance_transform_into", |out, image| {
            distance_transform_into(out, image.mapv(|v| v > 3.0).view(), ONE, false)
        }),
        ("mask_distance_into", |out, image| {
            mask_distance_into(out, image.mapv(|v| v > 3.0).view(), ONE, MaskSide::Signed)
        }),
        ("geodesic_distance_into", |out, image| geodesic_distance_into(out, &[image], &AT, &metric(ONE, 0.5))),
    ];
    for (name, write) in functions {
        let (mut wide, mut plain) = (Array3::zeros((3, 4, 10)), Array3::zeros(SHAPE));
        write(plain.view_mut(), image().view()).unwrap();
        let got = write(wide.slice_mut(s![.., .., ..;2]), image().view());
        if name == "geodesic_distance_into" {
            assert_eq!(got, Err(GuidanceError::Layout));
            continue;
        }
        got.unwrap();
        assert_eq!(bits(&wide.slice(s![.., .., ..;2]).to_owned()), bits(&plain), "{name}");
        assert!(wide.slice(s![.., .., 1..;2]).iter().all(|v| *v == 0.0), "{name}");
    }
}
