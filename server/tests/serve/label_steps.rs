//! What can be said of labels and done to them, on a real lesion: each a step that can be undone.

use crate::lesion::Lesion;
use crate::prompts::{label, send};
use crate::support::{BALL, OTHER_BALL, Reader, Server, wire_box};
use isochrone_api::{v1, wire_prompt};
use isochrone_prompt::{Click, InitialMask, Polarity, Prompt};
use isochrone_volume::{Mask, VoxelBox, operations};
use tonic::Code;
use v1::apply_operation_request::Operation;

impl Reader {
    async fn operate(&mut self, operation: Operation, overlap: v1::Overlap) -> Result<v1::MaskUpdate, tonic::Status> {
        let request = v1::ApplyOperationRequest {
            session_id: self.session.clone(),
            label_id: self.label,
            operation: Some(operation),
            overlap: overlap.into(),
            expected_revision: None,
        };
        let update = self.segmentation.apply_operation(request).await?.into_inner();
        self.follow(&update);
        Ok(update)
    }

    async fn say(&mut self, say: impl FnOnce(&mut v1::UpdateLabelRequest)) -> Result<v1::Label, tonic::Status> {
        let mut request =
            v1::UpdateLabelRequest { session_id: self.session.clone(), label_id: self.label, ..Default::default() };
        say(&mut request);
        let labels = self.segmentation.update_label(request).await?.into_inner().labels;
        Ok(labels.into_iter().find(|l| l.label_id == self.label).unwrap())
    }

    async fn lock(&mut self, locked: bool) {
        assert_eq!(self.say(|r| r.locked = Some(locked)).await.unwrap().locked, locked);
    }

    /// Starts from a mask.
    async fn start(&mut self, mask: &Mask, overlap: v1::Overlap) -> Result<v1::MaskUpdate, tonic::Status> {
        let prompt = wire_prompt(&Prompt::InitialMask(InitialMask::of(mask)));
        let request = v1::AddPromptsRequest { overlap: overlap.into(), ..send(self, vec![prompt]) };
        self.send(request).await
    }
}

/// The lesion's session with two labels, the first of which starts from the truth.
async fn two_labels(server: &mut Server, lesion: &Lesion) -> (Reader, Reader) {
    let volume = lesion.load(server).await;
    let session = server.open(&volume, "geodesic").await.unwrap();
    let mut one = label(server, &session, lesion.grid(), "one").await;
    let two = label(server, &session, lesion.grid(), "two").await;
    one.start(&lesion.truth, v1::Overlap::Unspecified).await.unwrap();
    (one, two)
}

/// The truth and as much again beside it.
fn wider(lesion: &Lesion) -> Mask {
    let VoxelBox { min, max } = lesion.truth.bounding_box();
    let mut mask = Mask::empty(lesion.grid().clone());
    mask.voxels_mut().slice_mut(VoxelBox { min, max: [max[0] + 10, max[1], max[2]] }.slice()).fill(true);
    mask
}

fn both(a: &Mask, b: &Mask) -> usize {
    operations::intersection(a, b).unwrap().mask.count()
}

#[tokio::test]
async fn names_colours_codes_and_locks() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    let code = |value: &str| {
        Some(v1::Code { value: value.to_owned(), scheme: "SCT".to_owned(), meaning: "Neoplasm".to_owned() })
    };
    let colour = Some(v1::Colour { red: 1, green: 2, blue: 255 });
    let said = reader.say(|r| (r.name, r.colour, r.r#type) = (Some("node".to_owned()), colour, code("108369006")));
    let said = said.await.unwrap();
    assert_eq!((said.name.as_str(), said.colour, said.r#type), ("node", colour, code("108369006")));
    assert!(!said.locked && said.category.is_none());
    // What is not set stays; a code without a value goes.
    assert_eq!(reader.say(|r| r.locked = Some(true)).await.unwrap().r#type, code("108369006"));
    assert_eq!(reader.say(|r| r.r#type = code("")).await.unwrap().r#type, None);
    assert!(reader.click(BALL, true).await.unwrap_err().message().contains("\"node\" is locked"));
    for _ in 0..3 {
        reader.undo().await.unwrap();
    }
    let request = v1::ListLabelsRequest { session_id: reader.session.clone() };
    let now = server.segmentation.list_labels(request).await.unwrap().into_inner().labels;
    assert_eq!((now[0].name.as_str(), now[0].locked), ("lesion", false));
    reader.click(BALL, true).await.unwrap();

    let red = Some(v1::Colour { red: 256, green: 0, blue: 0 });
    let nameless =
        |r: &mut v1::UpdateLabelRequest| r.category = Some(v1::Code { value: "1".into(), ..Default::default() });
    let refused = [
        (reader.say(|r| r.colour = red).await, "colour.red"),
        (reader.say(nameless).await, "category.scheme"),
        (reader.say(|r| r.name = Some(String::new())).await, "name"),
        (reader.say(|_| {}).await, "nothing is to be changed"),
    ];
    for (answer, text) in refused {
        let error = answer.unwrap_err();
        assert!(error.code() == Code::InvalidArgument && error.message().contains(text), "{error}");
    }
}

#[tokio::test]
async fn where_labels_meet() {
    let Some(lesion) = Lesion::brain1() else { return };
    let mut server = Server::start().await;
    let (mut one, mut two) = two_labels(&mut server, &lesion).await;
    let wider = wider(&lesion);
    let held = lesion.truth.count();
    assert!(held > 100);

    // Never: what belongs to the other label stays there.
    let update = two.start(&wider, v1::Overlap::Never).await.unwrap();
    assert_eq!(two.mask.count(), wider.count() - held);
    assert!(update.warnings[0].contains("\"one\" and were left to it"), "{:?}", update.warnings);
    two.undo().await.unwrap();

    // Allow: both have it.
    let update = two.start(&wider, v1::Overlap::Allow).await.unwrap();
    assert_eq!((&two.mask, update.deltas.len()), (&wider, 1));
    two.undo().await.unwrap();

    // Replace: it is taken, with a change of both, and comes back.
    let update = two.start(&wider, v1::Overlap::ReplaceUnlocked).await.unwrap();
    assert_eq!(update.deltas.iter().map(|d| d.label_id).collect::<Vec<_>>(), [two.label, one.label]);
    one.follow(&update);
    assert_eq!((&two.mask, one.mask.count()), (&wider, 0));
    assert_eq!(one.whole().await, one.mask);
    let update = two.undo().await.unwrap();
    one.follow(&update);
    assert_eq!((&one.mask, two.mask.count()), (&lesion.truth, 0));
    let update = two.redo().await.unwrap();
    one.follow(&update);
    assert_eq!(one.mask.count(), 0);
    let update = two.undo().await.unwrap();
    one.follow(&update);

    // A locked label is left alone, and says so when it is asked itself.
    one.lock(true).await;
    two.start(&wider, v1::Overlap::ReplaceUnlocked).await.unwrap();
    assert_eq!(two.mask.count(), wider.count() - held);
    for error in [
        one.start(&wider, v1::Overlap::Allow).await.unwrap_err(),
        one.operate(Operation::Smooth(v1::Smooth { radius_mm: 2.0 }), v1::Overlap::Allow).await.unwrap_err(),
        two.operate(combine(one.label, v1::SetOperation::Union), v1::Overlap::Never).await.unwrap_err(),
    ] {
        assert!(error.code() == Code::FailedPrecondition && error.message().contains("\"one\" is locked"), "{error}");
    }
    let delete = v1::DeleteLabelRequest { session_id: one.session.clone(), label_id: one.label, ..Default::default() };
    assert_eq!(server.segmentation.delete_label(delete.clone()).await.unwrap_err().code(), Code::FailedPrecondition);
    one.lock(false).await;

    // A label that is deleted comes back with its mask.
    let left = server.segmentation.delete_label(delete).await.unwrap().into_inner().labels;
    assert_eq!(left.iter().map(|l| l.label_id).collect::<Vec<_>>(), [two.label]);
    let update = two.undo().await.unwrap();
    let mut again = Mask::empty(lesion.grid().clone());
    std::mem::swap(&mut one.mask, &mut again);
    one.follow(&update);
    assert_eq!(one.mask, lesion.truth);
    assert!(one.replays().await);
}

#[tokio::test]
async fn a_click_respects_locks_and_takes_from_the_others() {
    let Some(lesion) = Lesion::brain1() else { return };
    let mut server = Server::start().await;
    let (mut one, mut two) = two_labels(&mut server, &lesion).await;
    let click = Prompt::Click(Click { position_lps_mm: lesion.middle(), polarity: Polarity::Positive });
    let request = |two: &Reader, overlap: v1::Overlap| v1::AddPromptsRequest {
        overlap: overlap.into(),
        ..send(two, vec![wire_prompt(&click)])
    };
    let taken = request(&two, v1::Overlap::Never);
    assert_eq!(two.send(taken).await.unwrap_err().code(), Code::FailedPrecondition);
    let replaced = request(&two, v1::Overlap::ReplaceUnlocked);
    let update = two.send(replaced).await.unwrap();
    one.follow(&update);
    assert!(two.mask.count() > 100 && one.mask.count() < lesion.truth.count());
    assert_eq!(both(&one.mask, &two.mask), 0);
    let update = two.undo().await.unwrap();
    one.follow(&update);
    one.lock(true).await;
    let locked = request(&two, v1::Overlap::ReplaceUnlocked);
    assert_eq!(two.send(locked).await.unwrap_err().code(), Code::FailedPrecondition);
    let shared = request(&two, v1::Overlap::Allow);
    two.send(shared).await.unwrap();
    assert!(both(&one.mask, &two.mask) > 0);
    assert_eq!(one.whole().await, lesion.truth);
}

fn combine(other_label_id: u32, operation: v1::SetOperation) -> Operation {
    Operation::Combine(v1::Combine { other_label_id, operation: operation.into() })
}

#[tokio::test]
async fn operations_on_masks() {
    let Some(lesion) = Lesion::brain1() else { return };
    let mut server = Server::start().await;
    let (mut one, mut two) = two_labels(&mut server, &lesion).await;
    let (truth, wider, never) = (&lesion.truth, wider(&lesion), v1::Overlap::Never);
    let expected = |edited: operations::Edited| edited.mask;

    one.operate(Operation::Smooth(v1::Smooth { radius_mm: 2.0 }), never).await.unwrap();
    assert_eq!(one.mask, expected(operations::smooth(truth, 2.0).unwrap()));
    one.undo().await.unwrap();

    // An island beside it, removed by a click; or the other way round.
    let far = VoxelBox { min: [2, 2, 2], max: [8, 8, 5] };
    one.paint(far).await;
    let position = |voxel| {
        let p = lesion.grid().centre_mm(voxel);
        Some(v1::Point { x: p.x, y: p.y, z: p.z })
    };
    let island = |voxel, keep| Operation::Island(v1::Island { position: position(voxel), keep });
    let none = one.operate(island([20, 2, 2], false), never).await.unwrap_err();
    assert!(none.code() == Code::FailedPrecondition && none.message().contains("nothing at voxel"), "{none}");
    one.operate(island([3, 3, 3], true), never).await.unwrap();
    assert_eq!(one.mask.count(), far.voxel_count());
    one.undo().await.unwrap();
    one.operate(island([3, 3, 3], false), never).await.unwrap();
    assert_eq!(&one.mask, truth);

    // A hole in a slice.
    let middle = lesion.grid().voxel_at(lesion.middle()).unwrap();
    let mut holed = one.mask.clone();
    holed.voxels_mut()[[middle[2], middle[1], middle[0]]] = false;
    let region = VoxelBox { min: middle, max: middle.map(|n| n + 1) };
    erase(&mut one, region, &holed).await;
    let filled = one.operate(Operation::FillHoles(v1::FillHoles { axis: v1::Axis::K.into() }), never).await.unwrap();
    assert!(one.mask.contains(middle) && filled.warnings.is_empty());
    one.undo().await.unwrap();
    one.undo().await.unwrap();

    // Between slices that were painted one by one.
    for k in [4, 9] {
        two.paint(VoxelBox { min: [20, 20, k], max: [30, 28, k + 1] }).await;
    }
    let between = v1::Interpolate { axis: v1::Axis::K.into(), ..Default::default() };
    two.operate(Operation::Interpolate(between.clone()), never).await.unwrap();
    assert_eq!(two.mask.count(), 6 * 80);
    let across = v1::Interpolate { axis: v1::Axis::I.into(), ..between };
    let error = two.operate(Operation::Interpolate(across), never).await.unwrap_err();
    assert!(error.message().contains("name the slices"), "{error}");
    two.operate(
        Operation::Interpolate(v1::Interpolate {
            axis: v1::Axis::K.into(),
            slices: vec![4, 900],
            r#box: Some(wire_box(&VoxelBox { min: [0; 3], max: [9; 3] })),
        }),
        never,
    )
    .await
    .unwrap_err();

    // Sets.
    let reset = v1::ResetLabelRequest { session_id: two.session.clone(), label_id: two.label, expected_revision: None };
    let update = server.segmentation.reset_label(reset).await.unwrap().into_inner();
    two.follow(&update);
    two.start(&wider, v1::Overlap::Allow).await.unwrap();
    two.operate(combine(one.label, v1::SetOperation::Difference), never).await.unwrap();
    assert_eq!(two.mask, expected(operations::difference(&wider, truth).unwrap()));
    two.undo().await.unwrap();
    two.operate(combine(one.label, v1::SetOperation::Intersection), never).await.unwrap();
    assert_eq!(&two.mask, truth);
    two.undo().await.unwrap();
    let update = one.operate(combine(two.label, v1::SetOperation::Union), never).await.unwrap();
    two.follow(&update);
    assert_eq!(one.mask, expected(operations::union(truth, &wider).unwrap()));
    assert_eq!(both(&one.mask, &two.mask), both(truth, &wider), "only what is new went over");
    one.operate(combine(77, v1::SetOperation::Union), never).await.unwrap_err();
    one.operate(combine(one.label, v1::SetOperation::Union), never).await.unwrap_err();
    assert!(one.replays().await);
}

async fn erase(reader: &mut Reader, region: VoxelBox, now: &Mask) {
    let request = v1::ApplyEditRequest {
        session_id: reader.session.clone(),
        label_id: reader.label,
        r#box: Some(wire_box(&region)),
        zlib_bits: isochrone_volume::MaskDelta::of_box(now, region).zlib_bits,
        ..Default::default()
    };
    let update = reader.segmentation.apply_edit(request).await.unwrap().into_inner();
    reader.follow(&update);
}

#[tokio::test]
async fn removing_a_prompt_never_changes_a_locked_label() {
    let mut server = Server::start().await;
    let mut one = server.ready().await;
    let first = one.click(BALL, true).await.unwrap().prompts[0].prompt_id;
    let grid = one.mask.grid().clone();
    let mut two = label(&mut server, &one.session.clone(), &grid, "two").await;
    two.click(OTHER_BALL, true).await.unwrap();
    let whole = VoxelBox::whole(grid.size());
    two.paint(whole).await;
    two.lock(true).await;
    // Without the first click the paint would have got more.
    let remove = v1::RemovePromptRequest { session_id: one.session.clone(), prompt_id: first, expected_revision: None };
    let error = server.segmentation.remove_prompt(remove.clone()).await.unwrap_err();
    assert!(error.code() == Code::FailedPrecondition && error.message().contains("\"two\" is locked"), "{error}");
    two.lock(false).await;
    let update = server.segmentation.remove_prompt(remove).await.unwrap().into_inner();
    two.follow(&update);
    one.follow(&update);
    assert_eq!((one.mask.count(), two.mask.count()), (0, whole.voxel_count()));
}
