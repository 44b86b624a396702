//! The whole volume before the first prompt: windows put together, and slices proposed from them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{label, mask, positive, session};
use isochrone_segment::SegmentError;
use isochrone_session::stub::bump;
use isochrone_session::{SessionError, Sweep};
use isochrone_volume::{Axis, Grid};
use ndarray::Array3;
use std::sync::Arc;

fn swept(session: &mut isochrone_session::Session) -> (Arc<Sweep>, Vec<(usize, usize)>) {
    let job = session.sweep_job(3).unwrap();
    let mut told = Vec::new();
    let found = Arc::new(job.run(&mut |done, total| told.push((done, total))).unwrap());
    session.settle_sweep(found.clone());
    (found, told)
}

/// The largest difference from what the stub's lesion is, over the part of a grid inside the volume.
fn off(grid: &Grid, map: &Array3<f32>, volume: &Grid) -> f32 {
    let inside = map.indexed_iter().filter_map(|((k, j, i), v)| {
        let at = grid.centre_mm([i, j, k]);
        volume.voxel_at(at).map(|_| (v - bump(at)).abs())
    });
    inside.fold(0.0, f32::max)
}

#[test]
fn windows_become_one_map_of_the_whole_volume() {
    let mut session = session();
    let (found, told) = swept(&mut session);
    assert_eq!(told.first().unwrap().0, 0);
    let (done, total) = *told.last().unwrap();
    assert!(done == total && total > 8 && told.windows(2).all(|w| w[0].0 + 1 == w[1].0));
    assert_eq!((found.windows, found.samples, found.working_spacing_mm), ([total, 0], 3, 2.0));
    assert_eq!(found.grid.spacing_mm(), [4.0; 3]);
    let volume = session.volume().grid().clone();
    let (low, high) = volume.bounds_mm();
    let (all_low, all_high) = found.grid.bounds_mm();
    assert!(all_low.cmple(low).all() && all_high.cmpge(high).all(), "all of the volume is covered");
    assert!(off(&found.grid, &found.mean, &volume) < 1e-5);
    let (grid, prediction) = found.prediction.as_ref().unwrap();
    assert!(off(grid, prediction, &volume) < 1e-5 && grid.spacing_mm() == [2.0; 3]);
    // Samples that agree have no mutual information.
    assert!(found.information.iter().all(|v| *v < 1e-6));

    let job = session.sweep_job(3).unwrap();
    let cancel = job.cancel();
    let outcome = job.run(&mut |done, _| {
        if done == 2 {
            cancel.cancel();
        }
    });
    assert!(matches!(outcome, Err(SessionError::Segment(SegmentError::Cancelled))));
}

#[test]
fn thin_and_flat_volumes_are_looked_over_too() {
    for volume in common::thin_volumes() {
        let size = volume.grid().size();
        let mut session = common::session_of(volume, isochrone_session::SessionLimits::default());
        let (found, told) = swept(&mut session);
        assert!(found.windows[0] > 0 && told.last().unwrap().1 > 0, "{size:?}: {:?}", found.windows);
        assert!(off(&found.grid, &found.mean, session.volume().grid()) < 1e-5, "{size:?}");
        let lesion = label(&mut session, "lesion");
        session.rank_everywhere(Some(lesion), 3, &Axis::ALL).unwrap();
        session.rank_everywhere(None, 3, &Axis::ALL).unwrap();
    }
}

#[test]
fn slices_are_proposed_before_the_first_prompt_and_refreshed_by_it() {
    let mut session = session();
    let lesion = label(&mut session, "lesion");
    assert!(session.unprompted(lesion).unwrap() && session.unprompted(9).is_err());
    assert!(matches!(session.rank_everywhere(Some(lesion), 3, &[]), Err(SessionError::Nothing(_))));
    swept(&mut session);
    let before = session.rank_everywhere(Some(lesion), 9, &[]).unwrap().proposals;
    let best = |axis| before.iter().find(|p| p.axis == axis).unwrap().index;
    // The stub's lesion lies at (8, 4, 25) mm: voxel (18, 16, 10); a map voxel is four of these along i and j.
    assert!(best(Axis::I).abs_diff(18) <= 2 && best(Axis::J).abs_diff(16) <= 2 && best(Axis::K).abs_diff(10) <= 1);
    let nobody = session.rank_everywhere(None, 9, &[]).unwrap().proposals;
    assert_eq!(before.iter().map(|p| p.index).collect::<Vec<_>>(), nobody.iter().map(|p| p.index).collect::<Vec<_>>());

    positive(&mut session, lesion, [18, 16, 10]);
    assert!(!session.unprompted(lesion).unwrap() && mask(&session, lesion).count() > 0);
    let stale = session.rank_everywhere(Some(lesion), 1, &[]).unwrap().proposals[0];
    let job = session.uncertainty_job(lesion, 5).unwrap();
    let found = Arc::new(job.run().unwrap());
    session.settle(&job, Some(found));
    let fresh = session.rank_everywhere(Some(lesion), 1, &[]).unwrap().proposals[0];
    assert_ne!(fresh.wrong_mm2, stale.wrong_mm2, "the prompt's region takes the sweep's place");
}
