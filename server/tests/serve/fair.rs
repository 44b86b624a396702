//! Users share the server, however many sessions each has open.

use crate::guarded::{Guarded, User, add_user, state};
use crate::support::{BALL, OTHER_BALL};
use isochrone_api::v1;
use isochrone_volume::DVec3;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::Code;

/// A click, to the end of its answer.
async fn click(user: &mut User, session: &str, label: u32, at: DVec3) -> Result<(), tonic::Status> {
    let position = Some(v1::Point { x: at.x, y: at.y, z: at.z });
    let click = v1::Click { position, polarity: v1::Polarity::Positive.into() };
    let request = v1::AddPromptsRequest {
        session_id: session.to_owned(),
        label_id: label,
        prompts: vec![v1::Prompt { kind: Some(v1::prompt::Kind::Click(click)) }],
        mask_only: true,
        ..Default::default()
    };
    let mut stream = user.segmentation.add_prompts(request).await?.into_inner();
    while stream.message().await?.is_some() {}
    let undo = v1::UndoRequest { session_id: session.to_owned(), ..Default::default() };
    user.segmentation.undo(undo).await.map(drop)
}

/// Clicks in a session of its own, one after the other, until it is told to stop.
async fn clicks(mut user: User, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Vec<Duration> {
    let (_, session, label) = user.open().await;
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let at = if times.len() % 2 == 0 { BALL } else { OTHER_BALL };
        click(&mut user, &session, label, at).await.unwrap();
        times.push(begun.elapsed());
        count.fetch_add(1, Ordering::Relaxed);
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_sessions_of_one_user_count_as_one() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let [of_alice, of_bob]: [Arc<AtomicUsize>; 2] = Default::default();
    let mut jobs = Vec::new();
    for _ in 0..30 {
        let bob = server.user(Some(&tokens[1])).await;
        jobs.push(tokio::spawn(clicks(bob, stop.clone(), of_bob.clone())));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Three of hers, so that one of them waits whenever there is a place.
    let mut reading = Vec::new();
    for _ in 0..3 {
        let alice = server.user(Some(&tokens[0])).await;
        reading.push(tokio::spawn(clicks(alice, stop.clone(), of_alice.clone())));
    }
    while of_alice.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = [&of_alice, &of_bob].map(|n| n.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let after = [&of_alice, &of_bob].map(|n| n.load(Ordering::Relaxed));
    stop.store(true, Ordering::Relaxed);
    let [a, b] = [after[0] - before[0], after[1] - before[1]];
    let mut times = Vec::new();
    for reader in reading {
        times.extend(reader.await.unwrap());
    }
    times.sort();
    println!("three sessions {a}, thirty sessions {b}; the median click of the few {:?}", times[times.len() / 2]);
    for job in jobs {
        job.await.unwrap();
    }
    assert!(b as f64 <= 2.0 * a as f64, "{a} and {b}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_ends_with_its_account() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut bob = server.user(Some(&tokens[1])).await;
    let (_, session, label) = bob.open().await;
    let prompts = (0..250).map(|n: usize| {
        let at = DVec3::new(-20.0 + 0.8 * (n % 50) as f64, 10.0 + 5.0 * (n / 50) as f64, 30.0);
        let position = Some(v1::Point { x: at.x, y: at.y, z: at.z });
        let click = v1::Click { position, polarity: v1::Polarity::Positive.into() };
        v1::Prompt { kind: Some(v1::prompt::Kind::Click(click)) }
    });
    let request = move |prompts: Vec<v1::Prompt>| v1::AddPromptsRequest {
        session_id: session.clone(),
        label_id: label,
        prompts,
        mask_only: true,
        ..Default::default()
    };
    let prompts: Vec<_> = prompts.collect();
    let asking = tokio::spawn(async move {
        loop {
            let status = match bob.segmentation.add_prompts(request(prompts.clone())).await {
                Err(status) => status,
                Ok(stream) => {
                    let mut stream = stream.into_inner();
                    loop {
                        match stream.message().await {
                            Err(status) => break status,
                            Ok(None) => break tonic::Status::ok(""),
                            Ok(Some(_)) => {}
                        }
                    }
                }
            };
            match status.code() {
                Code::Ok => {}
                // A session holds so many prompts and no more; he asks on.
                Code::ResourceExhausted => tokio::time::sleep(Duration::from_millis(5)).await,
                code => return code,
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(600)).await;
    add_user(state.path(), "carol", "reader");
    let removed = crate::guarded::isochrone(&["user", "remove", "bob", "--state", state.path().to_str().unwrap()]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    let code = tokio::time::timeout(Duration::from_secs(2), asking).await.expect("it ends").unwrap();
    assert!(matches!(code, Code::Aborted | Code::Unauthenticated), "{code:?}");
}

#[tokio::test]
async fn a_viewer_starts_no_sweep() {
    let (state, tokens) = state(&[("alice", "reader"), ("eve", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (_, session_id, _) = alice.open().await;
    let grant = v1::GrantViewRequest { session_id: session_id.clone(), user: "eve".to_owned() };
    alice.segmentation.grant_view(grant).await.unwrap();
    let mut eve = server.user(Some(&tokens[1])).await;
    eve.look(&session_id).await.unwrap();
    let request = v1::SweepVolumeRequest { session_id, ..Default::default() };
    let status = match eve.segmentation.sweep_volume(request).await {
        Err(status) => status,
        Ok(stream) => stream.into_inner().message().await.unwrap_err(),
    };
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
}

/// One who promises the disk away.
#[tokio::test]
async fn uploads_under_way_are_limited_for_each_user() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let begin = || v1::BeginUploadRequest { format: 1, size_bytes: 4 << 30, ..Default::default() };
    let mut bob = server.user(Some(&tokens[1])).await;
    bob.volumes.begin_upload(begin()).await.unwrap();
    assert_eq!(bob.volumes.begin_upload(begin()).await.unwrap_err().code(), Code::ResourceExhausted);
    let mut alice = server.user(Some(&tokens[0])).await;
    alice.volumes.begin_upload(begin()).await.unwrap();
}
