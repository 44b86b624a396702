//! The background sweep as a client sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Bench, click, names};
use isochrone_api::{Limits, v1};
use isochrone_session::stub::StubEngine;
use std::time::{Duration, Instant};
use tonic::Code;

async fn sweep(bench: &mut Bench, session: &str) -> (Vec<v1::SweepProgress>, v1::SweepResult) {
    let request = v1::SweepVolumeRequest { session_id: session.to_owned(), samples: 2, count: 0 };
    let mut stream = bench.segmentation.sweep_volume(request).await.unwrap().into_inner();
    let (mut progress, mut result) = (Vec::new(), None);
    while let Some(event) = stream.message().await.unwrap() {
        match event.event.unwrap() {
            v1::sweep_event::Event::Progress(p) => progress.push(p),
            v1::sweep_event::Event::Result(r) => result = Some(r),
        }
    }
    (progress, result.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_then_slices_before_the_first_prompt() {
    let mut bench = Bench::new(StubEngine::default(), Limits::default()).await;
    let session = bench.session().await;
    let propose = v1::ProposeRequest { session_id: session.clone(), label_id: 1, ..Default::default() };
    assert_eq!(bench.segmentation.propose(propose.clone()).await.unwrap_err().code(), Code::FailedPrecondition);
    let map = |kind: v1::MapKind| v1::GetMapRequest { session_id: session.clone(), label_id: 0, kind: kind.into() };
    let early = bench.segmentation.get_map(map(v1::MapKind::SweepPrediction)).await.unwrap_err();
    assert!(early.code() == Code::FailedPrecondition && early.message().contains("SweepVolume"), "{early}");

    let (progress, result) = sweep(&mut bench, &session).await;
    assert!(progress.len() > 1 && progress.iter().all(|p| p.done <= p.total && p.total == result.windows));
    assert!(result.has_prediction && result.samples == 2 && result.working_spacing_mm == 2.0);
    assert!(!result.proposals.unwrap().proposals.is_empty());
    let proposed = bench.segmentation.propose(propose).await.unwrap().into_inner();
    assert!(proposed.proposals.iter().all(|p| p.label_id == 1) && !proposed.proposals.is_empty());
    for kind in [v1::MapKind::SweepPrediction, v1::MapKind::SweepUncertainty] {
        let mut stream = bench.segmentation.get_map(map(kind)).await.unwrap().into_inner();
        assert!(matches!(stream.message().await.unwrap().unwrap().part, Some(v1::map_chunk::Part::Header(_))));
    }
    // Asked again, it is told at once.
    let (progress, again) = sweep(&mut bench, &session).await;
    assert!(progress.is_empty() && again.windows == result.windows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_does_not_wait_for_it() {
    let engine = StubEngine { sample_delay: Duration::from_millis(50), ..StubEngine::default() };
    let mut bench = Bench::new(engine, Limits { jobs: 1, ..Limits::default() }).await;
    let session = bench.session().await;
    let request = v1::SweepVolumeRequest { session_id: session.clone(), samples: 2, count: 0 };
    let mut stream = bench.segmentation.sweep_volume(request).await.unwrap().into_inner();
    stream.message().await.unwrap();
    let begun = Instant::now();
    let mut prompt = click(&session, [15.0, 15.0, 20.0]);
    prompt.mask_only = true;
    names(bench.segmentation.add_prompts(prompt).await.unwrap().into_inner()).await;
    // The whole sweep takes seconds; a client that goes away ends it.
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(stream);
}
