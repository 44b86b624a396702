//! Whoever waits is told where it stands, and may go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Bench, all_names, click, names};
use isochrone_api::{Limits, v1};
use isochrone_session::stub::StubEngine;
use std::time::{Duration, Instant};
use tonic::Code;

/// One job at a time, of 1.5 s.
async fn busy() -> (Bench, Vec<String>) {
    let engine = StubEngine { segment_delay: Duration::from_millis(1500), ..StubEngine::default() };
    let mut bench = Bench::new(engine, Limits { jobs: 1, jobs_each: 1, ..Limits::default() }).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(bench.session().await);
    }
    (bench, sessions)
}

fn mask_only(session: &str) -> v1::AddPromptsRequest {
    v1::AddPromptsRequest { mask_only: true, ..click(session, [15.0, 15.0, 20.0]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_in_the_queue() {
    let (bench, sessions) = busy().await;
    let mut waiting = Vec::new();
    // The last one stands behind another of its own session.
    for session in [&sessions[0], &sessions[1], &sessions[2], &sessions[2]] {
        let (mut client, request) = (bench.segmentation.clone(), mask_only(session));
        waiting.push(tokio::spawn(async move {
            let begun = Instant::now();
            let stream = client.add_prompts(request).await.unwrap().into_inner();
            (begun.elapsed(), all_names(stream).await)
        }));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut told = Vec::new();
    for one in waiting {
        let (first, names) = one.await.unwrap();
        assert!(names.last().unwrap().starts_with("mask "), "{names:?}");
        assert!(first < Duration::from_millis(1490), "the stream begins before the mask: {first:?}");
        told.push(names.iter().filter_map(|n| n.strip_prefix("queue ")?.parse::<u32>().ok()).collect::<Vec<_>>());
    }
    println!("{told:?}");
    assert!(told[0].is_empty(), "nobody is before it, and nothing need be said");
    assert_eq!((told[1][0], told[2][0], told[3][0]), (1, 2, 3));
    assert!(told.iter().all(|places| places.is_sorted_by(|a, b| a > b)), "one only moves forward: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_late_and_gone_early() {
    let (mut bench, sessions) = busy().await;
    let first = bench.segmentation.clone().add_prompts(mask_only(&sessions[0])).await.unwrap();
    // Its turn comes late, and so does the answer; the code is the same.
    let outside = v1::AddPromptsRequest { mask_only: true, ..click(&sessions[0], [900.0, 15.0, 20.0]) };
    let mut client = bench.segmentation.clone();
    let late = tokio::spawn(async move {
        let mut stream = client.add_prompts(outside).await?.into_inner();
        while stream.message().await?.is_some() {}
        Ok::<_, tonic::Status>(())
    });
    // Whoever goes away while it waits has asked for nothing.
    let gone = bench.segmentation.clone().add_prompts(mask_only(&sessions[1])).await.unwrap();
    drop(gone);
    names(first.into_inner()).await;
    assert_eq!(late.await.unwrap().unwrap_err().code(), Code::OutOfRange);
    let look = v1::GetSessionRequest { session_id: sessions[1].clone() };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let untouched = bench.segmentation.get_session(look).await.unwrap().into_inner();
    assert_eq!(untouched.revision, 1, "its label, and no prompt");
}
