//! Originals below the root are never replaced, nor another's files, and no file is lost between two who write at once.
#![cfg(unix)]

use crate::guarded::{Guarded, User, state};
use crate::support::balls;
use isochrone_api::v1;
use sha2::{Digest, Sha256};
use tonic::Code;

async fn save(user: &mut User, session_id: &str, path: &str, overwrite: bool) -> Code {
    let request = v1::SaveNiftiRequest {
        session_id: session_id.to_owned(),
        path: path.to_owned(),
        overwrite,
        ..Default::default()
    };
    user.export.save_nifti(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

async fn export(user: &mut User, session_id: &str, path: &str) -> Code {
    let request = v1::ExportRequest {
        session_id: session_id.to_owned(),
        path: path.to_owned(),
        format: v1::ExportFormat::Nrrd.into(),
        overwrite: true,
        ..Default::default()
    };
    user.export.export(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn only_what_was_written_for_oneself_is_replaced() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("root", "admin")]);
    let server = Guarded::start(state.path(), &[]);
    let root = server.root.path().to_owned();
    isochrone_export::write_volume(&root.join("original.nrrd"), &balls()).unwrap();
    let originals = ["Planted_Patient.nii.gz", "original.nrrd"].map(|name| root.join(name));
    let before = originals.each_ref().map(|file| std::fs::read(file).unwrap());
    let mut sessions = Vec::new();
    for token in &tokens {
        let mut user = server.user(Some(token)).await;
        let session = user.open().await.1;
        assert_eq!(save(&mut user, &session, "Planted_Patient.nii.gz", true).await, Code::PermissionDenied);
        assert_eq!(export(&mut user, &session, "original.nrrd").await, Code::PermissionDenied);
        sessions.push((user, session));
    }
    let [(alice, of_alice), (bob, of_bob), (admin, of_admin)] = &mut sessions[..] else { panic!() };
    assert_eq!(save(alice, of_alice, "alice.nii.gz", false).await, Code::Ok);
    assert_eq!(save(alice, of_alice, "alice.nii.gz", false).await, Code::AlreadyExists);
    assert_eq!(save(alice, of_alice, "alice.nii.gz", true).await, Code::Ok);
    assert_eq!(export(alice, of_alice, "alice.nrrd").await, Code::Ok);
    assert_eq!(export(alice, of_alice, "alice.nrrd").await, Code::Ok);
    assert_eq!(save(bob, of_bob, "alice.nii.gz", true).await, Code::PermissionDenied);
    assert_eq!(export(bob, of_bob, "alice.nrrd").await, Code::PermissionDenied);
    assert_eq!(save(admin, of_admin, "alice.nii.gz", true).await, Code::PermissionDenied);
    // A file that another program has put in the place of one's own is an original too.
    isochrone_export::write_volume(&root.join("alice.nii.gz"), &balls()).unwrap();
    assert_eq!(save(alice, of_alice, "alice.nii.gz", true).await, Code::PermissionDenied);
    let after = originals.each_ref().map(|file| std::fs::read(file).unwrap());
    assert!(before == after, "an original was changed");
    let hidden =
        std::fs::read_dir(&root).unwrap().filter(|e| e.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
    assert_eq!(hidden.count(), 0);

    // The trail says which files, by the hash of the path.
    let trail = std::fs::read_to_string(state.path().join("audit.jsonl")).unwrap();
    for (method, path) in [
        ("Volumes/LoadFile", "Planted_Patient.nii.gz"),
        ("Export/SaveNifti", "alice.nii.gz"),
        ("Export/Export", "alice.nrrd"),
    ] {
        let hash: String = Sha256::digest(path.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect();
        let line = trail.lines().find(|l| l.contains(method) && l.contains(&format!("file {hash}")));
        assert!(line.is_some_and(|l| l.contains("alice") && !l.contains(path)), "{method} {path}: {line:?}");
    }
}

#[tokio::test]
async fn ones_own_files_are_known_after_a_restart() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().canonicalize().unwrap();
    let options = ["--root", path.to_str().unwrap()];
    isochrone_export::write_volume(&path.join("Planted_Patient.nii.gz"), &balls()).unwrap();
    for start in 0..2 {
        let server = Guarded::start(state.path(), &options);
        let (mut alice, mut bob) = (server.user(Some(&tokens[0])).await, server.user(Some(&tokens[1])).await);
        let (of_alice, of_bob) = (alice.open().await.1, bob.open().await.1);
        assert_eq!(save(&mut alice, &of_alice, "alice.nii.gz", start == 1).await, Code::Ok, "start {start}");
        assert_eq!(save(&mut bob, &of_bob, "alice.nii.gz", true).await, Code::PermissionDenied, "start {start}");
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_make_one_file_one_is_told() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let (mut alice, mut bob) = (server.user(Some(&tokens[0])).await, server.user(Some(&tokens[1])).await);
    let (of_alice, of_bob) = (alice.open().await.1, bob.open().await.1);
    for n in 0..20 {
        let path = format!("{n}.nii.gz");
        let (mut one, mut other, path_too) = (alice.clone(), bob.clone(), path.clone());
        let (of_one, of_other) = (of_alice.clone(), of_bob.clone());
        let one = tokio::spawn(async move { save(&mut one, &of_one, &path, false).await });
        let other = tokio::spawn(async move { save(&mut other, &of_other, &path_too, false).await });
        let mut codes = [one.await.unwrap(), other.await.unwrap()];
        codes.sort_by_key(|code| *code as i32);
        assert_eq!(codes, [Code::Ok, Code::AlreadyExists], "pair {n}");
    }
}
