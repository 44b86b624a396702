//! Prompts as the command line takes them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Click, ExtremeBox, ExtremePoints, Gaze, Lasso, Plane, Polarity, Polygon, PromptError,
    Scribble,
};
use isochrone_volume::DVec3;
use std::str::FromStr;

fn v(x: f64, y: f64, z: f64) -> DVec3 {
    DVec3::new(x, y, z)
}

fn read<T: FromStr<Err = PromptError>>(text: &str) -> T {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused<T: FromStr<Err = PromptError>>(text: &str) -> PromptError {
    match text.parse::<T>() {
        Ok(_) => panic!("{text:?} was taken"),
        Err(error) => error,
    }
}

#[test]
fn each_kind_is_read() {
    let click: Click = read("12.5,-30,88,-");
    assert_eq!(click.polarity, Polarity::Negative);
    let scribble: Scribble = read("10,-30,88; 14,-28,88;19,-29,88; Radius = 2.5; normal=0,0,2; -");
    assert_eq!((scribble.points_lps_mm.len(), scribble.radius_mm, scribble.polarity), (3, 2.5, Polarity::Negative));
    assert!(scribble.plane.unwrap().normal().distance(DVec3::Z) < 1e-12);
    let ball: Scribble = read("10,-30,88");
    assert_eq!((ball.radius_mm, ball.plane, ball.polarity), (0.0, None, Polarity::Positive));
    let solid: Box3D = read("10,-30,80; 40,-5,110; axes=grid");
    assert_eq!((solid.corners_lps_mm, solid.axes), ([v(10.0, -30.0, 80.0), v(40.0, -5.0, 110.0)], BoxAxes::Grid));
    let flat: Box2D = read("10,-30,88; 40,-5,88; u=1,0,0; v=0,1,0");
    assert_eq!(flat.plane, Plane::new(v(10.0, -30.0, 88.0), DVec3::X, DVec3::Y).unwrap());
    let six: ExtremePoints = read("10,0,5; 30,2,5; 20,-9,5; 21,8,5; 20,1,-4; 19,0,14; margin=2");
    assert_eq!((six.within, six.margin_mm), (ExtremeBox::Space(BoxAxes::Lps), 2.0));
    let four: ExtremePoints = read("10,0,5; 30,2,5; 20,-9,5; 21,8,5; u=1,0,0; v=0,1,0");
    assert!(matches!(four.within, ExtremeBox::Plane(_)));
    let lasso: Lasso = read("10,0,88; 30,0,88\n30,20,88; 10,20,88; +");
    assert!(lasso.plane.normal().distance(DVec3::Z) < 1e-12 && lasso.plane.distance_mm(v(0.0, 0.0, 88.0)).abs() < 1e-9);
    let polygon: Polygon = read("0,0,9; 30,0,9; 30,30,9; 0,30,9; drag=30,30,9,40,40,9; drag=40,40,9,42,42,9");
    assert!(polygon.vertices_lps_mm[2].distance(v(42.0, 42.0, 9.0)) < 1e-9);
    assert!(polygon.vertices_lps_mm[1].distance(v(36.0, 6.0, 9.0)) < 1e-9);
    let gaze: Gaze = read("0,10,-30,88\n16.7,11,-30,88\n33.3\n50,10,-31,88; dispersion=15; duration=120; normal=0,0,1");
    assert_eq!((gaze.samples.len(), gaze.dispersion_mm, gaze.min_duration_ms), (4, 15.0, 120.0));
    assert!(gaze.samples[2].position_lps_mm.is_none() && gaze.plane.is_some());
}

#[test]
fn what_cannot_be_read_is_quoted_with_an_example() {
    let texts = [
        "1,2",
        "1,2,3; nan,2,3",
        "1,2,3; inf,0,0",
        "1,2,3; radius=wide",
        "1,2,3; colour=red",
        "1,2,3; +; -",
        "1,2,3; u=1,0,0",
        "1,,3",
    ];
    for text in texts {
        let error = refused::<Scribble>(text);
        assert!(matches!(&error, PromptError::Syntax { kind: "scribble", .. }), "{text}: {error}");
        assert!(error.to_string().contains("radius=2"), "{error}");
    }
    let long = refused::<Lasso>(&"x".repeat(100_000)).to_string();
    assert!(long.len() < 400, "{long}");
    assert!(matches!(refused::<Box2D>("1,2,3; 4,5,3"), PromptError::Syntax { kind: "box on a plane", .. }));
    assert!(matches!(refused::<Box3D>("1,2,3; 4,5,3; axes=ras"), PromptError::Syntax { .. }));
    assert!(matches!(refused::<Polygon>("0,0,9; 3,0,9; 3,3,9; drag=1,2,3"), PromptError::Syntax { .. }));
    assert!(matches!(
        refused::<ExtremePoints>("0,0,9; 3,0,9; 3,3,9; 1,2,9; 1,1,8; 1,1,11; -"),
        PromptError::Syntax { .. }
    ));
    assert!(matches!(refused::<Gaze>("0,1,2"), PromptError::Syntax { kind: "gaze", .. }));
}

#[test]
fn what_is_out_of_range_is_named() {
    assert!(matches!(refused::<Scribble>(""), PromptError::Count { got: 0, low: 1, .. }));
    assert!(matches!(refused::<Scribble>("1,2,3; radius=-1"), PromptError::Range { .. }));
    assert!(matches!(refused::<Scribble>("1,2,3; radius=51"), PromptError::Range { .. }));
    assert!(matches!(refused::<Scribble>("1,2,1e9"), PromptError::Range { .. }));
    assert!(matches!(refused::<Scribble>("1,2,3; 1,2,9; normal=0,0,1"), PromptError::OffPlane(..)));
    assert!(matches!(refused::<Scribble>("1,2,3; normal=0,0,0"), PromptError::Plane(_)));
    assert!(matches!(refused::<Box2D>("1,2,3; 4,5,3; u=1,0,0; v=-2,0,0"), PromptError::Plane(_)));
    assert!(matches!(refused::<Box3D>("1,2,3"), PromptError::Count { got: 1, .. }));
    assert!(matches!(refused::<Lasso>("1,2,3; 4,5,6; 7,8,9"), PromptError::Plane(_)));
    assert!(matches!(refused::<Lasso>("1,2,3; 4,5,3; normal=0,0,1"), PromptError::Count { got: 2, low: 3, .. }));
    assert!(matches!(refused::<Polygon>("0,0,9; 3,0,9; 3,3,9; drag=90,90,9,1,1,9"), PromptError::NoVertex { .. }));
    assert!(matches!(refused::<Gaze>("5,1,2,3; 4,1,2,3"), PromptError::Time(1, _)));
    assert!(matches!(refused::<Gaze>("5,1,2,3; duration=1"), PromptError::Range { .. }));
}
