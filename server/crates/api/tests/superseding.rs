//! Masks come first and are kept; a newer change ends what follows them, and nothing else does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Bench, click, names};
use isochrone_api::{Limits, v1};
use isochrone_session::stub::StubEngine;
use std::time::{Duration, Instant};
use v1::segmentation_event::Event;

fn slow_samples() -> StubEngine {
    StubEngine { sample_delay: Duration::from_millis(60), ..StubEngine::default() }
}

async fn first_mask(stream: &mut tonic::Streaming<v1::SegmentationEvent>) -> v1::MaskUpdate {
    loop {
        match stream.message().await.unwrap().unwrap().event.unwrap() {
            Event::Mask(mask) => return mask,
            // On a busy machine requests wait.
            Event::Queue(_) => {}
            other => panic!("{other:?} before the mask"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mask_then_uncertainty_then_proposals() {
    let mut bench = Bench::new(StubEngine::default(), Limits::default()).await;
    let session = bench.session().await;
    let mut stream = bench.segmentation.add_prompts(click(&session, [15.0, 15.0, 20.0])).await.unwrap().into_inner();
    let mask = first_mask(&mut stream).await;
    assert!(mask.deltas[0].voxels > 100);
    let Event::Uncertainty(uncertainty) = stream.message().await.unwrap().unwrap().event.unwrap() else { panic!() };
    assert_eq!((uncertainty.samples, uncertainty.revision), (8, mask.revision));
    assert!(uncertainty.band_mean > 0.0);
    let Event::Proposals(proposals) = stream.message().await.unwrap().unwrap().event.unwrap() else { panic!() };
    assert_eq!(proposals.proposals.len(), 3);
    assert!(proposals.proposals.is_sorted_by(|a, b| a.score >= b.score));
    assert!(stream.message().await.unwrap().is_none());

    // Accepting the best slice keeps the samples and takes the slice out.
    let best = proposals.proposals[0];
    // The bar beside the slider holds the best slice's score where it lies.
    assert_eq!(proposals.slices.len(), 3);
    let bar = proposals.slices.iter().find(|s| s.axis == best.axis).unwrap();
    let at = bar.scores[(best.index - bar.first_index) as usize];
    assert!((f64::from(at) - best.score).abs() < 1e-5 * best.score, "{at} {}", best.score);
    assert!((0.0..=1.0).contains(&proposals.expected_dice) && proposals.expected_gain > 0.0);
    assert_eq!(proposals.enough, proposals.expected_gain < 0.01);
    let request =
        v1::AcceptSliceRequest { session_id: session.clone(), label_id: 1, axis: best.axis, index: best.index };
    bench.segmentation.accept_slice(request).await.unwrap();
    let request = v1::ProposeRequest {
        session_id: session.clone(),
        label_id: 1,
        count: 64,
        axes: vec![best.axis],
        ..Default::default()
    };
    let again = bench.segmentation.propose(request).await.unwrap().into_inner().proposals;
    assert!(!again.is_empty() && again.iter().all(|p| p.axis == best.axis && p.index != best.index));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_prompt_edit_or_undo_supersedes() {
    let mut bench = Bench::new(slow_samples(), Limits::default()).await;
    let session = bench.session().await;
    let mut first = bench.segmentation.add_prompts(click(&session, [15.0, 15.0, 20.0])).await.unwrap().into_inner();
    let mask = first_mask(&mut first).await;
    let mut second = bench.segmentation.add_prompts(click(&session, [22.0, 15.0, 20.0])).await.unwrap().into_inner();
    assert_eq!(names(first).await, ["superseded 3"]);
    first_mask(&mut second).await;

    let undone = bench
        .segmentation
        .undo(v1::UndoRequest { session_id: session.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(names(second).await, ["superseded 4"]);
    // The older one's mask was kept all along.
    assert_eq!(undone.deltas[0].mask_sha256, mask.deltas[0].mask_sha256);

    let third = bench.segmentation.add_prompts(click(&session, [22.0, 15.0, 20.0])).await.unwrap().into_inner();
    let request = v1::GetMaskRequest { session_id: session.clone(), label_id: 1 };
    let whole = bench.segmentation.get_mask(request).await.unwrap().into_inner().deltas.remove(0);
    let request = v1::ApplyEditRequest {
        session_id: session.clone(),
        label_id: 1,
        r#box: whole.r#box,
        zlib_bits: whole.zlib_bits,
        expected_revision: Some(5),
        ..Default::default()
    };
    bench.segmentation.apply_edit(request).await.unwrap();
    assert_eq!(names(third).await, ["mask 5", "superseded 6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_prompt_supersedes_nothing() {
    let mut bench = Bench::new(slow_samples(), Limits::default()).await;
    let session = bench.session().await;
    let mut first = bench.segmentation.add_prompts(click(&session, [15.0, 15.0, 20.0])).await.unwrap().into_inner();
    first_mask(&mut first).await;
    let outside = bench.segmentation.add_prompts(click(&session, [500.0, 0.0, 0.0])).await.unwrap_err();
    assert_eq!(outside.code(), tonic::Code::OutOfRange);
    let mut negative = click(&session, [35.0, 30.0, 2.0]);
    let Some(v1::prompt::Kind::Click(c)) = &mut negative.prompts[0].kind else { panic!() };
    c.polarity = v1::Polarity::Negative.into();
    // Refused by the engine, after the older work was told to stop: it is begun once more.
    let refused = bench.segmentation.add_prompts(negative).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused}");
    assert_eq!(names(first).await, ["uncertainty 2", "proposals 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_a_whole_step() {
    let (segment_delay, sample_delay) = (Duration::from_millis(150), Duration::from_millis(100));
    let engine = StubEngine { segment_delay, sample_delay, ..StubEngine::default() };
    let mut bench = Bench::new(engine, Limits { jobs: 2, ..Limits::default() }).await;
    let session = bench.session().await;
    for n in 0..6 {
        let mut client = bench.segmentation.clone();
        let request = click(&session, [10.0 + f64::from(n), 15.0, 20.0]);
        // Gone before the mask, or after it and before the samples.
        let wait = Duration::from_millis(if n % 2 == 0 { 60 } else { 400 });
        let _ = tokio::time::timeout(wait, async move {
            let mut stream = client.add_prompts(request).await.unwrap().into_inner();
            while stream.message().await.unwrap().is_some() {}
        })
        .await;
    }
    // Nothing is left behind that holds a place: the next request is served, and the steps replay.
    let begun = Instant::now();
    let report =
        bench.segmentation.replay(v1::ReplayRequest { session_id: session.clone() }).await.unwrap().into_inner();
    assert!(report.identical, "{report:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let state = bench
        .segmentation
        .get_session(v1::GetSessionRequest { session_id: session.clone() })
        .await
        .unwrap()
        .into_inner();
    // The label and the three that were gone after their mask; what was given up before it is not made.
    assert!((4..=7).contains(&state.steps.len()), "{}", state.steps.len());
    let mask = bench
        .segmentation
        .get_mask(v1::GetMaskRequest { session_id: session, label_id: 1 })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(mask.deltas[0].mask_sha256, state.steps.last().unwrap().mask_sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_at_once_go_one_after_the_other_and_sessions_side_by_side() {
    let engine = StubEngine { segment_delay: Duration::from_millis(100), ..StubEngine::default() };
    let mut bench = Bench::new(engine, Limits::default()).await;
    let one = bench.session().await;
    let two = bench.session().await;
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for n in 0..8 {
        let mut client = bench.segmentation.clone();
        let session = if n % 2 == 0 { &one } else { &two };
        let mut request = click(session, [8.0 + 3.0 * f64::from(n), 18.0, 20.0]);
        request.mask_only = true;
        running.spawn(async move { names(client.add_prompts(request).await.unwrap().into_inner()).await });
    }
    let mut answers: Vec<_> = running.join_all().await.into_iter().flatten().collect();
    let took = begun.elapsed();
    answers.sort();
    assert_eq!(answers, ["mask 2", "mask 2", "mask 3", "mask 3", "mask 4", "mask 4", "mask 5", "mask 5"]);
    for session in [one, two] {
        let report = bench.segmentation.replay(v1::ReplayRequest { session_id: session }).await.unwrap().into_inner();
        assert!(report.identical && report.steps == 5);
    }
    // A sleeping engine costs no processor: two sessions take little longer than one.
    assert!(took < Duration::from_millis(8 * 100 * 2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_ends_its_streams() {
    let mut bench = Bench::new(slow_samples(), Limits::default()).await;
    let session = bench.session().await;
    let mut stream = bench.segmentation.add_prompts(click(&session, [15.0, 15.0, 20.0])).await.unwrap().into_inner();
    first_mask(&mut stream).await;
    bench.segmentation.close_session(v1::CloseSessionRequest { session_id: session.clone() }).await.unwrap();
    assert_eq!(names(stream).await, ["superseded 2"]);
    let gone =
        bench.segmentation.undo(v1::UndoRequest { session_id: session, ..Default::default() }).await.unwrap_err();
    assert_eq!(gone.code(), tonic::Code::NotFound);
}
