//! Prompts against a volume, as sessions and engines see them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

use isochrone_prompt::{
    Box3D, BoxAxes, Click, ExtremeBox, ExtremePoints, InitialMask, Lasso, Meaning, PlacedPrompt, Plane, Polarity,
    Polygon, Prompt, PromptError, Scribble,
};
use isochrone_volume::{
    DAffine3, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels,
};
use ndarray::Array3;

const SIZE: [usize; 3] = [20, 16, 10];

fn volume() -> Volume {
    let grid = Grid::new(SIZE, DAffine3::from_scale(DVec3::new(1.0, 1.0, 3.0))).unwrap();
    let voxels = Voxels::F32(Array3::zeros(grid.shape()));
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: Some("1.2.3".into()),
        warnings: vec![],
    };
    Volume::new(grid, voxels, Rescale::IDENTITY, origin).unwrap()
}

fn place(prompt: Prompt) -> PlacedPrompt {
    prompt.place(&volume(), "").unwrap()
}

fn text<T: std::str::FromStr<Err = PromptError>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn a_click_is_its_own_place() {
    let placed = place(Prompt::Click(text("4.3,5,12.9,-")));
    assert_eq!((placed.voxel, placed.polarity(), placed.meaning()), ([4, 5, 4], Polarity::Negative, Meaning::Marks));
    assert_eq!(placed.reach_lps_mm(), [DVec3::new(4.3, 5.0, 12.9)]);
    assert_eq!(placed.position_lps_mm(), DVec3::new(4.3, 5.0, 12.9));
    assert_eq!(placed.certain().collect::<Vec<_>>(), [[4, 5, 4]]);
    let outside = Prompt::Click(text::<Click>("4,5,99")).place(&volume(), "");
    assert!(matches!(outside, Err(PromptError::Outside { .. })));
    let nan = Click { position_lps_mm: DVec3::NAN, polarity: Polarity::Positive };
    assert!(matches!(Prompt::Click(nan).place(&volume(), ""), Err(PromptError::NotFinite(..))));
}

#[test]
fn every_shape_stands_on_a_voxel_of_its_own() {
    let curve = "3,3,12; 13,3,12; 13,11,12; 3,11,12";
    let (lasso, polygon): (Lasso, Polygon) = (text(curve), text(curve));
    let stroke: Scribble = text("2,2,12; 12,2,12; 12,12,12; radius=1; normal=0,0,1; -");
    let cuboid: Box3D = text("3,3,6; 13,11,18");
    let mut mask = Mask::empty(volume().grid().clone());
    mask.voxels_mut()[[4, 5, 6]] = true;
    let extreme = ExtremePoints {
        points_lps_mm: vec![DVec3::new(5.0, 5.0, 9.0); 6],
        within: ExtremeBox::Space(BoxAxes::Lps),
        margin_mm: 3.0,
    };
    let prompts = [
        (Prompt::Lasso(lasso), Meaning::Suggests, 0),
        (Prompt::Polygon(polygon), Meaning::Delineates, 80),
        (Prompt::Scribble(stroke), Meaning::Marks, 62),
        (Prompt::Box3D(cuboid), Meaning::Encloses, 0),
        (Prompt::Box3D(Box3D { polarity: Polarity::Negative, ..cuboid }), Meaning::Marks, 99 * 5),
        (Prompt::InitialMask(InitialMask::of(&mask)), Meaning::Delineates, 1),
        (Prompt::ExtremePoints(extreme), Meaning::Encloses, 0),
    ];
    for (prompt, meaning, certain) in prompts {
        let kind = prompt.kind();
        let placed = place(prompt);
        assert_eq!(placed.meaning(), meaning, "{kind}");
        assert!(placed.voxels().contains(placed.voxel), "{kind}");
        assert!(placed.bounds().contains(placed.voxel), "{kind}");
        assert_eq!(placed.reach_lps_mm().len(), 8);
        let found = placed.certain().count();
        assert!(found.abs_diff(certain) <= certain / 10, "{kind}: {found}");
    }
}

#[test]
fn guidance_on_a_working_region_starts_from_what_is_marked_there() {
    let volume = volume();
    let region = volume.grid().working(DVec3::new(8.0, 8.0, 12.0), 0.5, [24; 3]).unwrap();
    let stroke = place(Prompt::Scribble(text("4,8,12; 18,8,12; normal=0,0,1")));
    let points = stroke.points_on(&region);
    // All along the region, without a gap, although its voxels are finer than the volume's.
    assert_eq!(points.iter().map(|p| p[0]).collect::<Vec<_>>(), (4..24).collect::<Vec<_>>());
    let solid = place(Prompt::Box3D(text("3,3,6; 13,11,18")));
    assert_eq!(solid.points_on(&region).len(), 1);
    let far = volume.grid().working(DVec3::new(500.0, 8.0, 12.0), 0.5, [24; 3]).unwrap();
    assert!(stroke.points_on(&far).is_empty() && solid.points_on(&far).is_empty());
    let mut mask = Mask::empty(volume.grid().clone());
    mask.voxels_mut().fill(true);
    let whole = place(Prompt::InitialMask(InitialMask::of(&mask)));
    let own = Grid::clone(volume.grid());
    assert_eq!(whole.points_on(&own).len(), own.voxel_count());
    assert_eq!(whole.bounds(), VoxelBox::whole(SIZE));
}

#[test]
fn frames_and_names_are_checked() {
    let plane = Plane::with_normal(DVec3::ZERO, DVec3::Z).unwrap();
    let points_lps_mm = vec![DVec3::new(4.0, 4.0, 0.0)];
    let dot =
        Prompt::Scribble(Scribble { points_lps_mm, radius_mm: 1.0, plane: Some(plane), polarity: Polarity::Positive });
    assert!(dot.clone().place(&volume(), "1.2.3").is_ok());
    assert!(matches!(dot.place(&volume(), "1.2.4"), Err(PromptError::FrameOfReference { .. })));
    // A name says what, not where.
    let name = Prompt::LabelName(text("liver")).place(&volume(), "").unwrap();
    assert!(!name.has_place() && name.voxels().is_empty() && name.certain().next().is_none());
    assert!(name.points_on(volume().grid()).is_empty());
}
