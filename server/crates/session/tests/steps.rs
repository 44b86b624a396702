//! What each request does to labels, masks and steps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{click, label, mask, paint, positive, session};
use isochrone_prompt::{Polarity, PromptError};
use isochrone_segment::{Cancel, SegmentError};
use isochrone_session::{Action, SessionError, SliceRef, step_seed};
use isochrone_volume::{Axis, Mask, VoxelBox};

const BOX: VoxelBox = VoxelBox { min: [2, 3, 4], max: [9, 8, 7] };

#[test]
fn paint_click_undo_keeps_the_paint() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    session.edit(lesion, paint(&session, BOX, true), None).unwrap();
    let painted = mask(&session, lesion);
    assert_eq!(painted.count(), BOX.voxel_count());
    positive(&mut session, lesion, [25, 20, 10]);
    assert_ne!(mask(&session, lesion), painted);
    session.undo().unwrap();
    assert_eq!(mask(&session, lesion), painted);
    session.undo().unwrap();
    assert_eq!(mask(&session, lesion).count(), 0);
}

#[test]
fn deltas_assemble_to_the_mask_with_its_digest() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    let mut client = Mask::empty(session.volume().grid().clone());
    let mut follow = |update: isochrone_session::Update| {
        for delta in update.deltas {
            delta.delta.apply(&mut client).unwrap();
            assert_eq!(client.digest(), delta.snapshot.digest);
            assert_eq!(client.count(), delta.snapshot.voxels);
        }
    };
    let at = click(&session, [12, 12, 9], Polarity::Positive);
    follow(session.add_prompts(lesion, vec![at], "").unwrap());
    let at = click(&session, [14, 12, 9], Polarity::Negative);
    follow(session.add_prompts(lesion, vec![at], "").unwrap());
    follow(session.edit(lesion, paint(&session, BOX, true), None).unwrap());
    follow(session.undo().unwrap());
    follow(session.redo().unwrap());
    follow(session.remove_prompt(2).unwrap());
    follow(session.reset(lesion).unwrap());
    follow(session.undo().unwrap());
}

#[test]
fn undo_to_zero_and_redo_to_the_end() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    let first = positive(&mut session, lesion, [12, 12, 9]);
    positive(&mut session, lesion, [20, 14, 10]);
    session.edit(lesion, paint(&session, BOX, true), None).unwrap();
    session.remove_prompt(first).unwrap();
    session.reset(lesion).unwrap();
    positive(&mut session, lesion, [30, 30, 15]);
    let digest = mask(&session, lesion).digest();
    let revision = session.revision();
    let mut changes = 0;
    while session.undo().is_ok() {
        changes += 1;
    }
    assert!(session.labels().is_empty());
    assert!(session.steps().is_empty());
    for _ in 0..changes {
        session.redo().unwrap();
    }
    assert!(matches!(session.redo(), Err(SessionError::Nothing(_))));
    assert_eq!(mask(&session, lesion).digest(), digest);
    assert_eq!(session.revision(), revision + 2 * changes);
}

#[test]
fn removing_a_prompt_equals_never_having_clicked() {
    let mut with = session();
    let lesion = label(&mut with, "lesion");
    positive(&mut with, lesion, [12, 12, 9]);
    let wrong = positive(&mut with, lesion, [30, 30, 15]);
    with.edit(lesion, paint(&with, BOX, true), None).unwrap();
    positive(&mut with, lesion, [16, 12, 9]);
    let before = mask(&with, lesion);
    with.remove_prompt(wrong).unwrap();

    let mut without = session();
    label(&mut without, "lesion");
    positive(&mut without, lesion, [12, 12, 9]);
    without.edit(lesion, paint(&without, BOX, true), None).unwrap();
    positive(&mut without, lesion, [16, 12, 9]);
    assert_eq!(mask(&with, lesion), mask(&without, lesion));
    with.undo().unwrap();
    assert_eq!(mask(&with, lesion), before);
    assert!(matches!(with.remove_prompt(99), Err(SessionError::UnknownPrompt(99))));
}

#[test]
fn a_negative_click_left_alone_changes_nothing() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    let only = positive(&mut session, lesion, [12, 12, 9]);
    let no = click(&session, [30, 30, 15], Polarity::Negative);
    session.add_prompts(lesion, vec![no.clone()], "").unwrap_err();
    let no = click(&session, [14, 12, 9], Polarity::Negative);
    session.add_prompts(lesion, vec![no], "").unwrap();
    let update = session.remove_prompt(only).unwrap();
    assert_eq!(update.warnings.len(), 1);
    assert_eq!(mask(&session, lesion).count(), 0);
    assert_eq!(session.replay().run(&Cancel::new()).unwrap().differing, Vec::<u64>::new());
}

#[test]
fn labels_never_take_each_others_voxels() {
    let mut session = session();
    let (one, two) = (label(&mut session, "one"), label(&mut session, "two"));
    positive(&mut session, one, [12, 12, 9]);
    let held = mask(&session, one);
    let inside = click(&session, [12, 12, 9], Polarity::Positive);
    let refused = session.add_prompts(two, vec![inside], "").unwrap_err();
    assert!(matches!(&refused, SessionError::Taken(.., name) if name == "one"), "{refused}");
    positive(&mut session, two, [21, 12, 9]);
    let whole = VoxelBox::whole(session.volume().grid().size());
    let update = session.edit(two, paint(&session, whole, true), None).unwrap();
    assert_eq!(update.warnings.len(), 1, "{:?}", update.warnings);
    assert_eq!(mask(&session, one), held);
    assert_eq!(mask(&session, two).count(), whole.voxel_count() - held.count());
}

#[test]
fn a_refused_request_changes_nothing() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    positive(&mut session, lesion, [12, 12, 9]);
    let (revision, before) = (session.revision(), mask(&session, lesion));
    let outside = isochrone_prompt::Prompt::Click(isochrone_prompt::Click {
        position_lps_mm: isochrone_volume::DVec3::new(1e4, 0.0, 0.0),
        polarity: Polarity::Positive,
    });
    assert!(matches!(
        session.add_prompts(lesion, vec![outside], ""),
        Err(SessionError::Prompt(PromptError::Outside { .. }))
    ));
    let inside = click(&session, [1, 1, 1], Polarity::Positive);
    assert!(matches!(session.add_prompts(9, vec![inside.clone()], ""), Err(SessionError::UnknownLabel(9))));
    assert!(matches!(
        session.add_prompts(lesion, vec![inside], "1.2.3"),
        Err(SessionError::Prompt(PromptError::FrameOfReference { .. }))
    ));
    assert!(matches!(
        session.add_prompts(lesion, Vec::<isochrone_prompt::Prompt>::new(), ""),
        Err(SessionError::Nothing(_))
    ));
    let far = VoxelBox { min: [100, 0, 0], max: [100, 5, 5] };
    let nothing = isochrone_volume::MaskDelta { region: far, zlib_bits: Vec::new() };
    assert!(matches!(session.edit(lesion, nothing, None), Err(SessionError::Segment(SegmentError::Volume(_)))));
    assert!(matches!(
        session.accept_slice(lesion, SliceRef { axis: Axis::K, index: 20 }),
        Err(SessionError::Slice { slices: 20, .. })
    ));
    assert!(matches!(session.expect_revision(Some(77)), Err(SessionError::Revision { expected: 77, .. })));
    assert_eq!((session.revision(), mask(&session, lesion)), (revision, before));
}

#[test]
fn steps_name_parent_engine_and_seed() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    positive(&mut session, lesion, [12, 12, 9]);
    session.accept_slice(lesion, SliceRef { axis: Axis::J, index: 3 }).unwrap();
    let steps = session.steps();
    assert_eq!(steps.iter().map(|s| (s.parent_revision, s.revision)).collect::<Vec<_>>(), [(0, 1), (1, 2), (2, 3)]);
    assert!(steps.iter().all(|s| s.engine.name == "stub" && s.seed == step_seed(7, s.id)));
    assert!(matches!(steps[2].action, Action::AcceptSlice { .. }));
    assert_eq!(steps[1].result.digest, mask(&session, lesion).digest());
    assert_eq!(steps[1].result.mask(session.volume().grid()).unwrap(), mask(&session, lesion));
    assert_ne!(step_seed(7, 1), step_seed(8, 1));
    assert_ne!(step_seed(7, 1), step_seed(7, 2));
}

#[test]
fn a_session_takes_no_more_memory_than_it_may() {
    let limits = isochrone_session::SessionLimits { bytes: 40_000, ..Default::default() };
    let mut session = common::session_with(limits);
    let lesion = label(&mut session, "lesion");
    // Noise, which no compression makes smaller.
    let mut state = 1u32;
    let mut refused = None;
    for n in 0..100 {
        let grid = session.volume().grid().clone();
        let bits = ndarray::Array3::from_shape_simple_fn(grid.shape(), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 31 == 1
        });
        let noise = Mask::new(grid.clone(), bits).unwrap();
        let delta = isochrone_volume::MaskDelta::of_box(&noise, VoxelBox::whole(grid.size()));
        match session.edit(lesion, delta, None) {
            Ok(_) => assert!(session.bytes() <= 40_000),
            Err(error) => {
                refused = Some((n, error));
                break;
            }
        }
    }
    let (done, error) = refused.expect("a limit");
    assert!(done > 1 && matches!(error, SessionError::Memory(_)), "{done}: {error}");
    // Nothing has changed; what was done can be taken back and made again.
    let (now, revision) = (mask(&session, lesion), session.revision());
    session.undo().unwrap();
    session.redo().unwrap();
    assert_eq!((mask(&session, lesion), session.revision()), (now, revision + 2));
}
