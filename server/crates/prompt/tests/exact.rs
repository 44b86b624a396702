//! Figures whose voxels can be counted by hand.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Drag, ExtremeBox, ExtremePoints, Follow, InitialMask, LabelName, Lasso, Meaning, Plane,
    Polarity, Polygon, PromptError, Rasterised, Scribble,
};
use isochrone_volume::{DAffine3, DMat3, DQuat, DVec3, Grid, Mask, VoxelBox};

const POSITIVE: Polarity = Polarity::Positive;

fn v(x: f64, y: f64, z: f64) -> DVec3 {
    DVec3::new(x, y, z)
}

/// 20 × 16 × 10 voxels of 1 × 1 × 3 mm.
fn grid() -> Grid {
    Grid::new([20, 16, 10], DAffine3::from_scale(v(1.0, 1.0, 3.0))).unwrap()
}

/// Axial, through the middle of slice 4.
fn axial() -> Plane {
    Plane::new(v(0.0, 0.0, 12.0), DVec3::X, DVec3::Y).unwrap()
}

fn sorted(found: &Rasterised) -> Vec<[usize; 3]> {
    found.voxels().collect()
}

fn rectangle(i: std::ops::Range<usize>, j: std::ops::Range<usize>, k: std::ops::Range<usize>) -> Vec<[usize; 3]> {
    let mut all = Vec::new();
    for k in k {
        for j in j.clone() {
            all.extend(i.clone().map(|i| [i, j, k]));
        }
    }
    all
}

#[test]
fn a_lasso_on_a_slice_holds_the_centres_inside() {
    let corners = [v(2.5, 3.5, 12.0), v(7.5, 3.5, 12.0), v(7.5, 6.5, 12.0), v(2.5, 6.5, 12.0)];
    let lasso = Lasso { points_lps_mm: corners.to_vec(), plane: axial(), polarity: POSITIVE };
    let found = lasso.rasterise(&grid()).unwrap();
    assert_eq!(sorted(&found), rectangle(3..8, 4..7, 4..5));
    assert_eq!(found.bounds(), VoxelBox { min: [3, 4, 4], max: [8, 7, 5] });
    assert_eq!((found.count(), found.runs().len(), found.middle(&grid())), (15, 3, Some([5, 5, 4])));
    assert_eq!(found.points()[0], [4, 4, 3]);
    let mask = found.mask(grid().into());
    assert_eq!((mask.count(), mask.bounding_box()), (15, found.bounds()));
    let backwards = Lasso { points_lps_mm: corners.into_iter().rev().collect(), ..lasso };
    assert_eq!(backwards.rasterise(&grid()).unwrap(), found);
}

#[test]
fn a_plane_between_two_slices_takes_the_upper_one_whichever_way_it_faces() {
    let corners = vec![v(2.5, 3.5, 13.5), v(7.5, 3.5, 13.5), v(7.5, 6.5, 13.5), v(2.5, 6.5, 13.5)];
    for across in [DVec3::Y, -DVec3::Y] {
        let plane = Plane::new(v(0.0, 0.0, 13.5), DVec3::X, across).unwrap();
        let lasso = Lasso { points_lps_mm: corners.clone(), plane, polarity: POSITIVE };
        assert_eq!(sorted(&lasso.rasterise(&grid()).unwrap()), rectangle(3..8, 4..7, 5..6));
    }
}

#[test]
fn an_overlapping_lasso_has_no_hole_and_such_a_polygon_has() {
    let once = [v(1.5, 1.5, 12.0), v(11.5, 1.5, 12.0), v(11.5, 11.5, 12.0), v(1.5, 11.5, 12.0)];
    let again = [v(4.5, 4.5, 12.0), v(8.5, 4.5, 12.0), v(8.5, 8.5, 12.0), v(4.5, 8.5, 12.0), v(4.5, 4.5, 12.0)];
    // Round the outside, in to the inner square, round it the same way, and back out.
    let points: Vec<DVec3> = [once[0], once[1], once[2], once[3], once[0]].into_iter().chain(again).collect();
    let lasso = Lasso { points_lps_mm: points.clone(), plane: axial(), polarity: POSITIVE };
    let polygon = Polygon { vertices_lps_mm: points, plane: axial(), polarity: POSITIVE, pinned: Vec::new() };
    assert_eq!(lasso.rasterise(&grid()).unwrap().count(), 100);
    assert_eq!(polygon.rasterise(&grid()).unwrap().count(), 100 - 16);
}

#[test]
fn a_lasso_too_narrow_for_a_centre_marks_what_it_passes_through() {
    let points = vec![v(2.2, 5.2, 12.0), v(9.3, 5.2, 12.0), v(9.3, 5.4, 12.0)];
    let lasso = Lasso { points_lps_mm: points, plane: axial(), polarity: POSITIVE };
    assert_eq!(sorted(&lasso.rasterise(&grid()).unwrap()), rectangle(2..10, 5..6, 4..5));
}

#[test]
fn a_brush_is_a_disc_on_its_plane_and_a_ball_without() {
    let dot =
        Scribble { points_lps_mm: vec![v(8.0, 8.0, 12.0)], radius_mm: 3.0, plane: Some(axial()), polarity: POSITIVE };
    // Lattice points within 3 of the origin: 29.
    assert_eq!(dot.rasterise(&grid()).unwrap().count(), 29);
    let ball = Scribble { plane: None, ..dot.clone() };
    assert_eq!(ball.rasterise(&grid()).unwrap().count(), 29 + 2);
    assert_eq!(ball.bounds_mm().unwrap(), (v(5.0, 5.0, 9.0), v(11.0, 11.0, 15.0)));
    let coronal = Plane::with_normal(v(8.0, 8.0, 12.0), DVec3::Y).unwrap();
    let dot = Scribble { plane: Some(coronal), ..dot };
    assert_eq!(dot.rasterise(&grid()).unwrap().count(), 7 + 2);
    let line = Scribble {
        points_lps_mm: vec![v(2.0, 4.0, 12.0), v(6.0, 4.0, 12.0)],
        radius_mm: 1.0,
        plane: Some(axial()),
        polarity: POSITIVE,
    };
    let found = line.rasterise(&grid()).unwrap();
    assert_eq!(found.count(), 3 * 5 + 2);
    assert!(found.contains([1, 4, 4]) && !found.contains([1, 3, 4]) && !found.contains([7, 5, 4]));
}

#[test]
fn a_thin_line_marks_the_cells_on_its_way() {
    let points_lps_mm = vec![v(0.0, 0.0, 0.0), v(3.0, 3.0, 0.0), v(3.0, 3.0, 6.0)];
    let line = Scribble { points_lps_mm, radius_mm: 0.0, plane: None, polarity: Polarity::Negative };
    let found = line.rasterise(&grid()).unwrap();
    assert_eq!(sorted(&found), [[0, 0, 0], [1, 1, 0], [2, 2, 0], [3, 3, 0], [3, 3, 1], [3, 3, 2]]);
    assert_eq!(found.polarity(), Polarity::Negative);
    // Through the volume and out at both ends.
    let through = Scribble { points_lps_mm: vec![v(-500.0, 4.0, 12.0), v(500.0, 4.0, 12.0)], ..line };
    assert_eq!(sorted(&through.rasterise(&grid()).unwrap()), rectangle(0..20, 4..5, 4..5));
}

#[test]
fn boxes_hold_the_centres_between_their_faces() {
    let inside =
        Box3D { corners_lps_mm: [v(7.4, 2.0, 6.0), v(2.6, 5.0, 13.0)], axes: BoxAxes::Lps, polarity: POSITIVE };
    let found = inside.rasterise(&grid()).unwrap();
    assert_eq!(found.meaning(), Meaning::Encloses);
    assert_eq!(sorted(&found), rectangle(3..8, 2..6, 2..5));
    let outside = Box3D { polarity: Polarity::Negative, ..inside }.rasterise(&grid()).unwrap();
    assert_eq!((outside.meaning(), outside.runs()), (Meaning::Marks, found.runs()));
    // Thinner than a slice, and between two centres: still one slice.
    let thin = Box3D { corners_lps_mm: [v(2.6, 2.0, 10.0), v(7.4, 5.0, 10.4)], ..inside };
    assert_eq!(sorted(&thin.rasterise(&grid()).unwrap()), rectangle(3..8, 2..6, 3..4));
    let flat = Box2D { corners_lps_mm: [v(7.0, 5.0, 12.0), v(3.0, 2.0, 12.0)], plane: axial(), polarity: POSITIVE };
    assert_eq!(sorted(&flat.rasterise(&grid()).unwrap()), rectangle(3..8, 2..6, 4..5));
    assert_eq!(flat.bounds_mm().unwrap(), (v(3.0, 2.0, 12.0), v(7.0, 5.0, 12.0)));
    let all = Box3D { corners_lps_mm: [v(-1e5, -1e5, -1e5), v(1e5, 1e5, 1e5)], ..inside };
    assert_eq!(all.rasterise(&grid()).unwrap().count(), grid().voxel_count());
}

#[test]
fn a_box_along_a_turned_grid_is_a_box_of_voxels() {
    let matrix3 = DMat3::from_quat(DQuat::from_rotation_x(0.4)) * DMat3::from_diagonal(v(-1.0, 2.0, 3.0));
    let turned = Grid::new([20, 16, 10], DAffine3 { matrix3, translation: v(50.0, -3.0, 7.0) }).unwrap();
    let corners_lps_mm = [turned.centre_mm([4, 9, 6]), turned.centre_mm([9, 5, 2])];
    let along = Box3D { corners_lps_mm, axes: BoxAxes::Grid, polarity: POSITIVE };
    assert_eq!(sorted(&along.rasterise(&turned).unwrap()), rectangle(4..10, 5..10, 2..7));
    let (low, high) = along.bounds_mm(&turned).unwrap();
    let centre = turned.centre_mm([4, 5, 6]);
    assert!(low.cmple(centre + 1e-9).all() && high.cmpge(centre - 1e-9).all());
}

#[test]
fn extreme_points_stand_for_the_box_round_them() {
    let points_lps_mm = vec![v(4.0, 5.0, 12.0), v(9.0, 6.0, 12.0), v(6.0, 3.0, 12.0), v(7.0, 8.0, 12.0)];
    let four =
        ExtremePoints { points_lps_mm: points_lps_mm.clone(), within: ExtremeBox::Plane(axial()), margin_mm: 1.0 };
    assert_eq!(sorted(&four.rasterise(&grid()).unwrap()), rectangle(3..11, 2..10, 4..5));
    let mut six = points_lps_mm;
    six.extend([v(6.0, 5.0, 6.0), v(6.0, 5.0, 18.0)]);
    for axes in [BoxAxes::Lps, BoxAxes::Grid] {
        let six = ExtremePoints { points_lps_mm: six.clone(), within: ExtremeBox::Space(axes), margin_mm: 0.0 };
        assert_eq!(sorted(&six.rasterise(&grid()).unwrap()), rectangle(4..10, 3..9, 2..7));
    }
    let five =
        ExtremePoints { points_lps_mm: six[..5].to_vec(), within: ExtremeBox::Space(BoxAxes::Lps), margin_mm: 0.0 };
    assert!(matches!(five.rasterise(&grid()), Err(PromptError::Count { got: 5, low: 6, high: 6, .. })));
}

#[test]
fn dragging_a_vertex_takes_its_neighbours_along() {
    let vertex = |n: usize| v(3.0 * n as f64, if n == 0 || n == 6 { 0.0 } else { 2.0 + n as f64 % 2.0 }, 12.0);
    let before: Vec<DVec3> = (0..7).map(vertex).collect();
    let mut polygon =
        Polygon { vertices_lps_mm: before.clone(), plane: axial(), polarity: POSITIVE, pinned: Vec::new() };
    let way = v(1.0, 4.0, 0.0);
    let drag = Drag { from_lps_mm: before[1] + v(0.2, -0.1, 0.0), to_lps_mm: before[1] + way };
    polygon.drag(&drag, Follow::default()).unwrap();
    // Vertex 6 is the second neighbour of vertex 1 the other way round.
    for (n, share) in [0.5, 1.0, 0.5, 0.25, 0.0, 0.0, 0.25].into_iter().enumerate() {
        assert!(polygon.vertices_lps_mm[n].distance(before[n] + share * way) < 1e-12, "vertex {n}");
    }
    assert_eq!(polygon.pinned, [1]);
    let nowhere = Drag { from_lps_mm: v(9.0, 60.0, 12.0), to_lps_mm: v(9.0, 9.0, 12.0) };
    let unchanged = polygon.clone();
    assert!(matches!(polygon.drag(&nowhere, Follow::default()), Err(PromptError::NoVertex { .. })));
    let off = Drag { to_lps_mm: before[1] + v(0.0, 0.0, 2.0), ..drag };
    assert_eq!(polygon.drag(&off, Follow::default()), Err(PromptError::OffPlane(2.0, Plane::TOLERANCE_MM)));
    assert!(matches!(polygon.drag(&drag, Follow { neighbours: 2, weight: f64::NAN }), Err(PromptError::Range { .. })));
    assert_eq!(polygon, unchanged);
}

#[test]
fn an_initial_mask_comes_back_as_it_was() {
    let mut mask = Mask::empty(grid().into());
    for [i, j, k] in [[3, 4, 5], [4, 4, 5], [7, 4, 5], [19, 15, 9], [3, 2, 8]] {
        mask.voxels_mut()[[k, j, i]] = true;
    }
    let prompt = InitialMask::of(&mask);
    let found = prompt.rasterise(&grid()).unwrap();
    assert_eq!(found.mask(grid().into()), mask);
    assert_eq!((found.meaning(), found.runs().len()), (Meaning::Delineates, 4));
    let smaller = Grid::new([10, 16, 10], DAffine3::from_scale(v(1.0, 1.0, 3.0))).unwrap();
    assert!(matches!(prompt.rasterise(&smaller), Err(PromptError::Mask(_))));
    assert_eq!(InitialMask::of(&Mask::empty(grid().into())).rasterise(&grid()), Err(PromptError::EmptyMask));
    let mut damaged = prompt;
    damaged.delta.zlib_bits.truncate(4);
    assert!(matches!(damaged.rasterise(&grid()), Err(PromptError::Mask(_))));
}

#[test]
fn a_working_grid_gets_each_voxel_once() {
    let corners_lps_mm = [v(2.0, 2.0, 6.0), v(9.0, 9.0, 15.0)];
    let found = Box3D { corners_lps_mm, axes: BoxAxes::Lps, polarity: POSITIVE }.rasterise(&grid()).unwrap();
    let coarse = Grid::new(
        [10, 8, 5],
        DAffine3 { matrix3: DMat3::from_diagonal(v(2.0, 2.0, 6.0)), translation: v(0.5, 0.5, 1.5) },
    )
    .unwrap();
    assert_eq!(found.onto(&grid(), &coarse), rectangle(1..5, 1..5, 1..3));
}

#[test]
fn names_are_found_among_classes() {
    let name: LabelName = " Left Adrenal_gland ".parse().unwrap();
    assert_eq!(name.as_str(), "Left Adrenal_gland");
    assert_eq!(name.class_among(&["liver", "left-adrenal gland", "spleen"]), Some(1));
    assert_eq!(name.class_among(&["adrenal gland"]), None);
    for wrong in ["", "   ", "a\u{7}b", &"x".repeat(65)] {
        assert_eq!(wrong.parse::<LabelName>(), Err(PromptError::Name(64)));
    }
}

#[test]
fn what_lies_outside_is_refused_with_the_place_of_the_volume() {
    let far = v(900.0, 0.0, 12.0);
    let scribble = Scribble { points_lps_mm: vec![far], radius_mm: 3.0, plane: None, polarity: POSITIVE };
    let error = scribble.rasterise(&grid()).unwrap_err();
    assert!(error.to_string().contains("(-0.5, -0.5, -1.5) to (19.5, 15.5, 28.5)"), "{error}");
    let corners = vec![far, far + DVec3::X, far + DVec3::Y];
    let lasso = Lasso { points_lps_mm: corners, plane: axial(), polarity: POSITIVE };
    assert!(matches!(lasso.rasterise(&grid()), Err(PromptError::NothingInside { kind: "lasso", .. })));
    let outside = Box3D { corners_lps_mm: [far, far + DVec3::ONE], axes: BoxAxes::Grid, polarity: POSITIVE };
    assert!(matches!(outside.rasterise(&grid()), Err(PromptError::NothingInside { kind: "box", .. })));
}
