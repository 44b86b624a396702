//! Sessions at rest belong to their owners; two windows do not corrupt one.

use crate::guarded::{isochrone, state};
use crate::support::{BALL, OTHER_BALL, Reader, Server, balls};
use isochrone_api::v1;
use isochrone_volume::{Mask, VoxelBox};
use std::path::Path;
use tonic::{Code, Status};

async fn on(state: &Path) -> Server {
    Server::with(&["--model", "no-such-bundle", "--state", state.to_str().unwrap()]).await
}

fn reader(server: &Server, session: &str, label: u32) -> Reader {
    let mask = Mask::empty(balls().grid().clone());
    Reader { session: session.to_owned(), label, mask, segmentation: server.segmentation.clone() }
}

async fn look(server: &Server, session: &str) -> v1::Session {
    let request = v1::GetSessionRequest { session_id: session.to_owned() };
    server.segmentation.clone().get_session(request).await.unwrap().into_inner()
}

async fn first(reader: &mut Reader, request: v1::AddPromptsRequest) -> Result<Option<v1::MaskUpdate>, Status> {
    let event = reader.segmentation.add_prompts(request).await?.into_inner().message().await?;
    Ok(event.and_then(|e| match e.event {
        Some(v1::segmentation_event::Event::Mask(update)) => Some(update),
        _ => None,
    }))
}

#[tokio::test]
#[cfg(unix)]
async fn others_do_not_see_what_is_at_rest() {
    use crate::guarded::Guarded;
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("lead", "study-lead")]);
    let folder = state.path().to_str().unwrap().to_owned();
    let server = Guarded::start(state.path(), &[]);
    let (_, session, label) = server.user(Some(&tokens[0])).await.open().await;
    let second = isochrone(&["serve", "--listen", "127.0.0.1:0", "--state", &folder]);
    assert_eq!(second.status.code(), Some(64), "one server a folder: {second:?}");
    server.stop();
    let server = Guarded::start(state.path(), &[]);
    let mut bob = server.user(Some(&tokens[1])).await;
    let foreign = bob.look(&session).await.unwrap_err();
    let absent = bob.look("0123456789abcdef0123456789abcdef").await.unwrap_err();
    assert_eq!((foreign.code(), foreign.message()), (absent.code(), absent.message()));
    let mut alice = server.user(Some(&tokens[0])).await;
    // A study lead who looks first does not become the owner.
    let mut lead = server.user(Some(&tokens[2])).await;
    assert_eq!(lead.look(&session).await.unwrap().labels.len(), 1);
    assert_eq!(lead.reset(&session, label).await.unwrap_err().code(), Code::NotFound);
    alice.reset(&session, label).await.unwrap();
    let refused = std::fs::read_to_string(state.path().join("audit.jsonl")).unwrap();
    assert!(refused.lines().any(|l| l.contains("\"refused\"") && l.contains("\"bob\"") && l.contains(&session)));

    // An image goes with the last session that needs it.
    let images = || std::fs::read_dir(state.path().join("volumes")).unwrap().count();
    assert_eq!(images(), 1);
    let close = v1::CloseSessionRequest { session_id: session.clone() };
    alice.segmentation.close_session(close).await.unwrap();
    assert_eq!(images(), 0);
    assert_eq!(alice.look(&session).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn two_windows_on_one_session() {
    let (state, _) = state(&[]);
    let mut server = on(state.path()).await;
    let mut one = server.ready().await;
    let mut other = reader(&server, &one.session, one.label);
    let revision = one.click(BALL, true).await.unwrap().revision;
    one.paint(VoxelBox { min: [1, 1, 1], max: [4, 4, 2] }).await;
    // The other window has seen only the click.
    let stale = v1::AddPromptsRequest { expected_revision: Some(revision), ..other.prompts(&[OTHER_BALL], true) };
    let refused = other.send(stale).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    assert!(refused.message().contains("Read the session again"), "{refused}");
    other.mask = other.whole().await;
    let now = look(&server, &one.session).await;
    let fresh = v1::AddPromptsRequest { expected_revision: Some(now.revision), ..other.prompts(&[OTHER_BALL], true) };
    other.send(fresh).await.unwrap();
    // Both at once, neither looking: one after the other, and the journal has both.
    let mut undoing = one.segmentation.clone();
    let (a, b) =
        tokio::join!(undoing.undo(v1::UndoRequest { session_id: one.session.clone(), ..Default::default() }), async {
            first(&mut other, one.prompts(&[OTHER_BALL], true)).await
        });
    let newest = a.unwrap().into_inner().revision.max(b.unwrap().unwrap().revision);
    let mask = one.whole().await;
    drop(server);
    let server = on(state.path()).await;
    let back = look(&server, &one.session).await;
    assert_eq!(back.revision, newest);
    assert!(reader(&server, &one.session, one.label).whole().await == mask);
}
