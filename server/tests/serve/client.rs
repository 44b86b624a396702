//! The Rust client does all that readers do with labels.

use crate::support::{BALL, OTHER_BALL, Server, balls};
use isochrone_api::v1;
use isochrone_client::{ClientError, Remote, RemoteSession};
use isochrone_prompt::{Click, Drag, Follow, Plane, Polarity, Polygon, Prompt};
use isochrone_volume::{DVec3, Mask, MaskDelta, Modality, VoxelBox, operations};
use v1::apply_operation_request::Operation;

async fn session(server: &Server) -> RemoteSession {
    let image = server.root.path().join("balls.nii.gz");
    isochrone_export::write_volume(&image, &balls()).unwrap();
    let mut remote = Remote::connect(&server.address).await.unwrap();
    let volume = remote.upload(&image, Modality::Ct, |_, _| {}).await.unwrap();
    remote.open(&volume, "geodesic", 1).await.unwrap()
}

fn click(at: DVec3) -> Prompt {
    Prompt::Click(Click { position_lps_mm: at, polarity: Polarity::Positive })
}

/// All of a box.
fn painted(session: &RemoteSession, region: VoxelBox) -> MaskDelta {
    let mut mask = Mask::empty(session.mask().grid().clone());
    mask.voxels_mut().slice_mut(region.slice()).fill(true);
    MaskDelta::of_box(&mask, region)
}

fn refused(error: &ClientError, with: &str) -> bool {
    matches!(error, ClientError::Refused(_)) && error.to_string().contains(with)
}

#[tokio::test]
async fn labels_meet_are_said_locked_and_operated_on() {
    let server = Server::start().await;
    let mut session = session(&server).await;
    let one = session.label();
    session.prompt(&click(BALL), 0).await.unwrap();
    let found = session.mask().clone();
    assert!(found.count() > 50);

    // The other label: painted over the first under each policy.
    let two = session.add_label("node").await.unwrap();
    assert_eq!(session.labels().iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["lesion", "node"]);
    assert!(matches!(session.select(77), Err(ClientError::NoLabel(77))));
    session.select(two).unwrap();
    let paint = painted(&session, found.bounding_box());
    let all = found.bounding_box().voxel_count();
    let meetings = [
        (v1::Overlap::Unspecified, all - found.count(), found.count()),
        (v1::Overlap::Never, all - found.count(), found.count()),
        (v1::Overlap::Allow, all, found.count()),
        (v1::Overlap::ReplaceUnlocked, all, 0),
    ];
    for (overlap, ours, theirs) in meetings {
        session.when_labels_meet(overlap);
        session.edit(&paint).await.unwrap();
        assert_eq!((session.mask().count(), session.mask_of(one).count()), (ours, theirs), "{overlap:?}");
        session.undo().await.unwrap();
        assert_eq!((session.mask().count(), session.mask_of(one)), (0, &found), "{overlap:?}");
    }
    session.redo().await.unwrap();
    assert_eq!((session.mask().count(), session.mask_of(one).count()), (all, 0));
    session.undo().await.unwrap();

    // Said and locked; a locked label is left alone, whatever the policy.
    session.select(one).unwrap();
    let said = v1::UpdateLabelRequest { name: Some("tumour".into()), locked: Some(true), ..Default::default() };
    session.update_label(said).await.unwrap();
    assert!(session.labels().iter().any(|l| l.label_id == one && l.locked && l.name == "tumour"));
    assert!(refused(&session.reset().await.unwrap_err(), "\"tumour\" is locked"));
    session.select(two).unwrap();
    session.edit(&paint).await.unwrap();
    assert_eq!((session.mask().count(), session.mask_of(one)), (all - found.count(), &found));
    session.reset().await.unwrap();
    assert_eq!(session.mask().count(), 0);
    session.select(one).unwrap();
    session.update_label(v1::UpdateLabelRequest { locked: Some(false), ..Default::default() }).await.unwrap();

    // An operation, and what belongs to another label by it.
    session.operate(Operation::Smooth(v1::Smooth { radius_mm: 2.0 })).await.unwrap();
    assert_eq!(session.mask(), &operations::smooth(&found, 2.0).unwrap().mask);
    session.select(two).unwrap();
    let union = v1::Combine { other_label_id: one, operation: v1::SetOperation::Union.into() };
    session.operate(Operation::Combine(union)).await.unwrap();
    assert_eq!(session.mask_of(one).count(), 0);

    // A label that goes, and comes back.
    let held = session.mask().clone();
    session.delete_label().await.unwrap();
    assert_eq!((session.labels().len(), session.mask().count()), (1, 0));
    session.undo().await.unwrap();
    assert_eq!((session.labels().len(), session.mask()), (2, &held));
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_polygon_is_dragged_and_a_prompt_taken_out() {
    let server = Server::start().await;
    let mut session = session(&server).await;
    let plane = Plane::with_normal(OTHER_BALL, DVec3::Z).unwrap();
    let corner = |x: f64, y: f64| OTHER_BALL + x * plane.u() + y * plane.v();
    let vertices_lps_mm = vec![corner(-7.0, -7.0), corner(7.0, -7.0), corner(7.0, 7.0), corner(-7.0, 7.0)];
    let polygon = Polygon { vertices_lps_mm, plane, polarity: Polarity::Positive, pinned: Vec::new() };
    let drawn = session.prompt(&Prompt::Polygon(polygon), 0).await.unwrap();
    let before = session.mask().clone();
    let drag = Drag { from_lps_mm: corner(7.0, 7.0), to_lps_mm: corner(12.0, 12.0) };
    let follow = Follow { neighbours: 0, weight: 0.5 };
    let dragged = session.drag(drawn.prompts[0].prompt_id, drag, follow, 0).await.unwrap();
    let between = session.mask().grid().voxel_at(corner(9.5, 9.5)).unwrap();
    assert!(session.mask().contains(between) && !before.contains(between));
    session.remove_prompt(dragged.prompts[0].prompt_id).await.unwrap();
    assert_eq!(session.mask(), &before);
    let nowhere = session.drag(99, drag, follow, 0).await.unwrap_err();
    assert!(refused(&nowhere, "NotFound"), "{nowhere}");
}

#[tokio::test]
async fn nobody_there_is_said() {
    let error = Remote::connect("127.0.0.1:1").await.err().unwrap();
    assert!(error.to_string().contains("No server answers on 127.0.0.1:1"), "{error}");
}
