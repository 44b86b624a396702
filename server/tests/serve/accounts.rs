//! What belongs to an account, and to no other: looks taken back, writing for others, a name that is given again.
#![cfg(unix)]

use crate::guarded::{Guarded, add_user, isochrone, state};
use isochrone_api::v1;
use std::path::Path;
use tonic::Code;

/// Each of these takes one look back while it grants another.
const ROUNDS: usize = 40;

#[tokio::test]
async fn a_look_taken_back_is_gone_whoever_is_granted_one_meanwhile() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("cara", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let mut bob = server.user(Some(&tokens[1])).await;
    let (_, session_id, _) = alice.open().await;
    let grant = |user: &str| v1::GrantViewRequest { session_id: session_id.clone(), user: user.to_owned() };
    let revoke = |user: &str| v1::RevokeViewRequest { session_id: session_id.clone(), user: user.to_owned() };
    let mut seen = 0;
    for _ in 0..ROUNDS {
        alice.segmentation.grant_view(grant("bob")).await.unwrap();
        bob.look(&session_id).await.unwrap();
        let mut other = alice.clone();
        let (granted, revoked) =
            tokio::join!(other.segmentation.grant_view(grant("cara")), alice.segmentation.revoke_view(revoke("bob")));
        granted.unwrap();
        revoked.unwrap();
        seen += usize::from(bob.look(&session_id).await.is_ok());
        alice.segmentation.revoke_view(revoke("cara")).await.unwrap();
    }
    assert_eq!(seen, 0, "of {ROUNDS} looks taken back are in force");
    let nobody = alice.segmentation.grant_view(grant("dora")).await.unwrap_err();
    assert_eq!(nobody.code(), Code::InvalidArgument, "{nobody}");
    server.stop();
    // Nor does a restart bring one back.
    let server = Guarded::start(state.path(), &[]);
    assert_eq!(server.user(Some(&tokens[1])).await.look(&session_id).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn whoever_may_only_look_writes_no_file() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("lead", "study-lead"), ("root", "admin")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (_, session_id, _) = alice.open().await;
    let grant = v1::GrantViewRequest { session_id: session_id.clone(), user: "bob".to_owned() };
    alice.segmentation.grant_view(grant).await.unwrap();
    let image = server.root.path().join("Planted_Patient.nii.gz");
    let before = std::fs::read(&image).unwrap();
    let nifti = |path: &str| v1::SaveNiftiRequest {
        session_id: session_id.clone(),
        path: path.to_owned(),
        overwrite: true,
        ..Default::default()
    };
    let object = v1::ExportRequest {
        session_id: session_id.clone(),
        path: "made.nrrd".to_owned(),
        format: v1::ExportFormat::Nrrd.into(),
        overwrite: true,
        ..Default::default()
    };
    for (who, token) in [("viewer", &tokens[1]), ("study-lead", &tokens[2])] {
        let mut looker = server.user(Some(token)).await;
        looker.look(&session_id).await.unwrap();
        for path in ["Planted_Patient.nii.gz", "new.nii.gz"] {
            let refused = looker.export.save_nifti(nifti(path)).await.unwrap_err();
            assert_eq!(refused.code(), Code::NotFound, "{who}, {path}: {refused}");
        }
        let refused = looker.export.export(object.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{who}: {refused}");
        // What is seen may be taken along.
        let download = v1::DownloadNiftiRequest { session_id: session_id.clone(), ..Default::default() };
        looker.export.download_nifti(download).await.unwrap();
    }
    assert!(std::fs::read(&image).unwrap() == before, "the image was overwritten");
    assert_eq!(std::fs::read_dir(server.root.path()).unwrap().count(), 1);
    let mut root = server.user(Some(&tokens[3])).await;
    root.export.save_nifti(nifti("new.nii.gz")).await.unwrap();
}

#[tokio::test]
async fn a_name_given_again_is_another_account() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let folder = state.path().to_str().unwrap();
    let server = Guarded::start(state.path(), &[]);
    let mut bob = server.user(Some(&tokens[1])).await;
    let (_, shown, _) = bob.open().await;
    let grant = v1::GrantViewRequest { session_id: shown.clone(), user: "alice".to_owned() };
    assert_eq!(bob.segmentation.grant_view(grant).await.unwrap().into_inner().users, ["alice"]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (volume_id, session_id, _) = alice.open().await;
    alice.look(&shown).await.unwrap();
    assert!(isochrone(&["user", "remove", "alice", "--state", folder]).status.success());
    let token = add_user(state.path(), "alice", "reader");
    let server = {
        unseen(&server, &token, &[&session_id, &shown], &volume_id).await;
        server.stop();
        Guarded::start(state.path(), &[])
    };
    unseen(&server, &token, &[&session_id, &shown], &volume_id).await;
    let listed = String::from_utf8(isochrone(&["sessions", "list", "--state", folder]).stdout).unwrap();
    assert!(listed.contains("alice") && !listed.contains('#'), "{listed}");
}

#[tokio::test]
async fn accounts_from_before_there_were_ids_keep_their_sessions() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let users = state.path().join("users.toml");
    let text = std::fs::read_to_string(&users).unwrap();
    // The account's id comes before its token's.
    let older = text.replacen(text.lines().find(|l| l.starts_with("id = ")).unwrap(), "", 1);
    std::fs::write(&users, older).unwrap();
    let server = Guarded::start(state.path(), &[]);
    let (_, session_id, _) = server.user(Some(&tokens[0])).await.open().await;
    server.stop();
    add_user(state.path(), "bob", "reader");
    let server = Guarded::start(state.path(), &[]);
    server.user(Some(&tokens[0])).await.look(&session_id).await.unwrap();
}

/// That sessions and images of an earlier account are not there for a later one.
async fn unseen(server: &Guarded, token: &str, sessions: &[&str], volume_id: &str) {
    let mut later = server.user(Some(token)).await;
    let listed = later.segmentation.list_sessions(v1::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert!(listed.is_empty(), "{listed:?}");
    for session in sessions {
        assert_eq!(later.look(session).await.unwrap_err().code(), Code::NotFound);
    }
    let image = v1::GetVolumeRequest { volume_id: volume_id.to_owned() };
    assert_eq!(later.volumes.get_volume(image).await.unwrap_err().code(), Code::NotFound);
}

/// A server on loopback asks nobody who they are as long as there are no accounts, so it must know that there were.
// Two threads: a client has to hear that the server stops while the test waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_list_of_users_does_not_let_everybody_in() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    server.user(Some(&tokens[0])).await.open().await;
    server.stop();
    std::fs::remove_file(state.path().join("users.toml")).unwrap();
    refused(state.path());
    // Whatever else was lost with it: the sessions alone tell, and so does the trail.
    std::fs::remove_file(state.path().join("users.lock")).unwrap();
    let trail = std::fs::read(state.path().join("audit.jsonl")).unwrap();
    std::fs::remove_file(state.path().join("audit.jsonl")).unwrap();
    refused(state.path());
    std::fs::remove_dir_all(state.path().join("sessions")).unwrap();
    std::fs::write(state.path().join("audit.jsonl"), trail).unwrap();
    refused(state.path());
    // One without accounts stays one without.
    let (state, _) = crate::guarded::state(&[]);
    for _ in 0..2 {
        let server = Guarded::start(state.path(), &[]);
        server.user(None).await.open().await;
        server.stop();
    }
}

fn refused(state: &Path) {
    // One that does start is ended.
    let started = std::process::Command::new("timeout")
        .args(["20", env!("CARGO_BIN_EXE_isochrone"), "serve", "--listen", "127.0.0.1:0", "--model", "no-such-bundle"])
        .arg("--state")
        .arg(state)
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(64), "{started:?}");
    assert!(String::from_utf8_lossy(&started.stderr).contains("has had accounts"), "{started:?}");
}
