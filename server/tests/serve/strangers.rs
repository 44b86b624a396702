//! People without an account, and sessions that nobody works on: neither takes the places of those who work.

use crate::guarded::{Guarded, state};
use isochrone_api::v1;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_crowd_of_strangers_keeps_no_user_out() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut there = server.user(Some(&tokens[0])).await;
    there.describe().await.unwrap();
    // They speak HTTP/2, and ask for nothing.
    let mut crowd = Vec::new();
    for _ in 0..560 {
        let Ok(mut tcp) = TcpStream::connect(&server.address) else { continue };
        let _ = tcp.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        crowd.push(tcp);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    let mut new = server.user(Some(&tokens[0])).await;
    new.describe().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    there.describe().await.unwrap();
}

#[tokio::test]
async fn idle_sessions_make_room_and_come_back() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (volume_id, first, label_id) = alice.open().await;
    alice.reset(&first, label_id).await.unwrap();
    let (other_id, ..) = alice.open().await;
    let mut last = String::new();
    for n in 0..140 {
        // The one with which all places are taken: the first rests for it, and its image is needed again.
        let volume_ids = vec![if n == 126 { volume_id.clone() } else { other_id.clone() }];
        let request = v1::OpenSessionRequest { volume_ids, ..Default::default() };
        last = alice.segmentation.open_session(request).await.unwrap().into_inner().session_id;
    }
    let back = alice.look(&first).await.unwrap();
    assert_eq!((back.labels.len(), back.revision), (1, 2));
    assert!(back.notice.contains("restored"), "{}", back.notice);
    assert!(alice.look(&last).await.unwrap().notice.is_empty(), "what was used last is still open");
    let listed = alice.segmentation.list_sessions(v1::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert_eq!(listed.len(), 142, "and none is lost");
}
