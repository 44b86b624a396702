//! Uncertainty, proposals and maps: derived, reproducible, dropped when the mask changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{click, label, mask, paint, positive, session};
use isochrone_prompt::Polarity;
use isochrone_segment::SegmentError;
use isochrone_session::{Action, MapKind, Session, SessionError, SliceRef, Standing, Uncertainty};
use isochrone_volume::{Axis, VoxelBox};
use std::sync::Arc;

fn drawn(session: &mut Session, label: u32) -> Arc<Uncertainty> {
    let job = session.uncertainty_job(label, 5).unwrap();
    let found = Arc::new(job.run().unwrap());
    assert_eq!(session.settle(&job, Some(found.clone())), Standing::Current);
    found
}

#[test]
fn the_same_state_gives_the_same_samples() {
    let mut one = session();
    let lesion = label(&mut one, "lesion");
    assert!(matches!(one.uncertainty_job(lesion, 5), Err(SessionError::Segment(SegmentError::NoPositivePrompt))));
    positive(&mut one, lesion, [12, 12, 9]);
    let first = drawn(&mut one, lesion);
    assert!(first.band_mean > 0.0);
    assert!(one.uncertainty(lesion, None).is_some() && one.uncertainty(lesion, Some(9)).is_none());
    positive(&mut one, lesion, [20, 14, 10]);
    assert!(one.uncertainty(lesion, None).is_none(), "dropped with the mask it was of");
    assert_ne!(drawn(&mut one, lesion).seed, first.seed);
    // Back again: the answer is gone, and computed once more.
    one.undo().unwrap();
    let again = drawn(&mut one, lesion);
    assert_eq!((again.seed, &again.measures.mean), (first.seed, &first.measures.mean));

    let mut other = session();
    let lesion = label(&mut other, "lesion");
    positive(&mut other, lesion, [12, 12, 9]);
    assert_eq!(drawn(&mut other, lesion).measures.mean, first.measures.mean);
}

#[test]
fn a_change_of_a_mask_cancels_and_outdates() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    positive(&mut session, lesion, [12, 12, 9]);
    let job = session.uncertainty_job(lesion, 5).unwrap();
    // Names and accepted slices change no mask.
    label(&mut session, "other");
    session.accept_slice(lesion, SliceRef { axis: Axis::K, index: 3 }).unwrap();
    assert!(!job.cancel().is_cancelled());
    session.edit(lesion, paint(&session, VoxelBox { min: [1; 3], max: [3; 3] }, true), None).unwrap();
    assert!(job.cancel().is_cancelled());
    assert!(matches!(job.run(), Err(SessionError::Segment(SegmentError::Cancelled))));
    assert_eq!(session.settle(&job, None), Standing::Superseded { by_revision: session.revision() });
    // After an edit the engine is asked about the mask as it is now.
    assert_eq!(drawn(&mut session, lesion).measures.grid, session.steps()[1].region.clone().unwrap());
}

#[test]
fn accepted_and_corrected_slices_step_back() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    positive(&mut session, lesion, [12, 12, 9]);
    let found = drawn(&mut session, lesion);
    let best = session.rank(&found, 1, &[Axis::J]).unwrap().proposals[0];
    let slice = SliceRef { axis: best.axis, index: best.index };
    session.accept_slice(lesion, slice).unwrap();
    let known = session.uncertainty(lesion, None).expect("kept: no mask changed");
    let next = session.rank(&known, 1, &[Axis::J]).unwrap().proposals[0];
    assert_ne!(next.index, best.index);
    session.undo().unwrap();
    let found = drawn(&mut session, lesion);
    assert_eq!(session.rank(&found, 1, &[Axis::J]).unwrap().proposals[0].index, best.index);

    // A prompt on the proposed slice is remembered as lying on that slice.
    let prompt = click(&session, [20, best.index, 10], Polarity::Positive);
    session.add_prompts(lesion, vec![prompt], "").unwrap();
    let Action::Prompts(prompts) = &session.steps().last().unwrap().action else { panic!() };
    assert_eq!(prompts[0].on, Some(slice));
    // Only where the mask changes do accepted slices come back.
    for index in 0..session.volume().grid().size()[1] {
        session.accept_slice(lesion, SliceRef { axis: Axis::J, index }).unwrap();
    }
    let found = drawn(&mut session, lesion);
    assert!(session.rank(&found, 9, &[Axis::J]).unwrap().proposals.is_empty());
    let held = mask(&session, lesion).bounding_box();
    let rubbed = VoxelBox { min: [held.min[0], 12, held.min[2]], max: [held.max[0], 13, held.max[2]] };
    session.edit(lesion, paint(&session, rubbed, false), None).unwrap();
    let found = drawn(&mut session, lesion);
    let back: Vec<_> = session.rank(&found, 9, &[Axis::J]).unwrap().proposals.iter().map(|p| p.index).collect();
    assert_eq!(back, [12]);
}

#[test]
fn the_probability_is_that_of_the_last_answer() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    assert!(session.map_job(lesion, MapKind::Probability).is_err());
    positive(&mut session, lesion, [12, 12, 9]);
    let (grid, map) = session.map_job(lesion, MapKind::Probability).unwrap().run().unwrap();
    assert_eq!(map.shape(), grid.shape());
    session.edit(lesion, paint(&session, VoxelBox { min: [1; 3], max: [3; 3] }, true), None).unwrap();
    let after_edit = session.map_job(lesion, MapKind::Probability).unwrap().run().unwrap();
    assert_eq!(after_edit, (grid, map));
    session.reset(lesion).unwrap();
    assert!(session.map_job(lesion, MapKind::Probability).is_err());
    assert_eq!(mask(&session, lesion).count(), 0);
}
