//! Sessions at rest belong to their owners; two windows do not corrupt one.

use crate::guarded::{isochrone, state};
use crate::support::{BALL, OTHER_BALL, Reader, Server, balls, next};
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
    let mut stream = reader.segmentation.add_prompts(request).await?.into_inner();
    Ok(next(&mut stream).await?.and_then(|event| match event {
        v1::segmentation_event::Event::Mask(update) => Some(update),
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

fn sessions(arguments: &[&str], state: &Path) -> std::process::Output {
    isochrone(&[&["sessions"], arguments, &["--state", state.to_str().unwrap()]].concat())
}

#[tokio::test]
async fn looked_after_by_command_beside_the_server() {
    let (state, _) = state(&[]);
    let mut server = on(state.path()).await;
    let (at_rest, open) = (server.ready().await, server.ready().await);
    drop(server);
    let server = on(state.path()).await;
    look(&server, &open.session).await;
    let listed = sessions(&["list"], state.path());
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && text.lines().count() == 2 && text.contains(&at_rest.session), "{text}");
    // The same over the wire, newest first.
    let mine = server.segmentation.clone().list_sessions(v1::ListSessionsRequest {}).await.unwrap().into_inner();
    assert!(
        mine.sessions.len() == 2 && mine.sessions.iter().all(|s| s.opened_unix_s > 0 && s.content_hash.len() == 32)
    );
    // What is open is left, what is not goes; neither disturbs the server.
    let busy = sessions(&["delete", &open.session], state.path());
    assert!(
        !busy.status.success() && String::from_utf8_lossy(&busy.stderr).contains("has this session open"),
        "{busy:?}"
    );
    let pruned = sessions(&["prune", "--days", "0"], state.path());
    assert!(pruned.status.success(), "{pruned:?}");
    let journal = |id: &str| state.path().join("sessions").join(format!("{id}.journal")).exists();
    assert!(journal(&open.session) && !journal(&at_rest.session));
    let gone = server.segmentation.clone().get_session(v1::GetSessionRequest { session_id: at_rest.session }).await;
    assert_eq!(gone.unwrap_err().code(), Code::NotFound);
    reader(&server, &open.session, open.label).click(BALL, true).await.unwrap();
    assert!(!sessions(&["delete", "0123456789abcdef0123456789abcdef"], state.path()).status.success());
}

#[tokio::test]
#[cfg(unix)]
async fn another_may_be_let_look() {
    use crate::guarded::Guarded;
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("cara", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let mut bob = server.user(Some(&tokens[1])).await;
    let (volume_id, session_id, label_id) = alice.open().await;
    let (_, other, _) = alice.open().await;
    let grant = |user: &str| v1::GrantViewRequest { session_id: session_id.clone(), user: user.to_owned() };
    assert_eq!(bob.segmentation.grant_view(grant("bob")).await.unwrap_err().code(), Code::NotFound, "not for himself");
    assert_eq!(bob.look(&session_id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(alice.segmentation.grant_view(grant("no such\nname")).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(alice.segmentation.grant_view(grant("bob")).await.unwrap().into_inner().users, ["bob"]);
    // He sees this session, its image and its masks, and changes and grants nothing.
    let sees = |session: v1::Session| session.viewers == ["bob"] && session.labels.len() == 1;
    assert!(sees(bob.look(&session_id).await.unwrap()));
    let mask = v1::GetMaskRequest { session_id: session_id.clone(), label_id };
    bob.segmentation.get_mask(mask.clone()).await.unwrap();
    let image = v1::GetVolumeRequest { volume_id: volume_id.clone() };
    bob.volumes.get_volume(image.clone()).await.unwrap();
    let mine = bob.segmentation.list_sessions(v1::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert!(mine.len() == 1 && mine[0].session_id == session_id, "{mine:?}");
    assert_eq!(bob.look(&other).await.unwrap_err().code(), Code::NotFound, "of the same owner, but not shown");
    assert_eq!(bob.reset(&session_id, label_id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(bob.segmentation.grant_view(grant("cara")).await.unwrap_err().code(), Code::NotFound);
    let open = v1::OpenSessionRequest { volume_ids: vec![volume_id], ..Default::default() };
    assert_eq!(bob.segmentation.open_session(open).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(server.user(Some(&tokens[2])).await.look(&session_id).await.unwrap_err().code(), Code::NotFound);
    server.stop();
    // It holds after a restart, whoever comes first, and can be taken back.
    let server = Guarded::start(state.path(), &[]);
    let mut bob = server.user(Some(&tokens[1])).await;
    assert!(sees(bob.look(&session_id).await.unwrap()));
    let mut alice = server.user(Some(&tokens[0])).await;
    alice.reset(&session_id, label_id).await.unwrap();
    let revoke = v1::RevokeViewRequest { session_id: session_id.clone(), user: "bob".to_owned() };
    assert!(alice.segmentation.revoke_view(revoke).await.unwrap().into_inner().users.is_empty());
    assert_eq!(bob.look(&session_id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(bob.segmentation.get_mask(mask).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(bob.volumes.get_volume(image).await.unwrap_err().code(), Code::NotFound);
    let trail = std::fs::read_to_string(state.path().join("audit.jsonl")).unwrap();
    for method in ["GrantView", "RevokeView"] {
        let noted =
            |l: &&str| l.contains(method) && l.contains("viewer bob") && l.contains(&session_id) && l.contains("alice");
        assert!(trail.lines().any(|l| noted(&l)), "{method}");
    }
}
