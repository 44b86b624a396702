//! That nothing of patients stays where it was on its way, however a server ends.
#![cfg(unix)]

use crate::support::Server;
use isochrone_api::v1;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Stands in every chunk.
const PLANTED: &[u8] = b"Planted^Patient";

/// Files and folders below a folder that hold what was planted.
fn planted_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let holds = |path: &Path| std::fs::read(path).unwrap().windows(PLANTED.len()).any(|w| w == PLANTED);
    entries.map(|e| if e.path().is_dir() { planted_below(&e.path()) } else { usize::from(holds(&e.path())) }).sum()
}

async fn started(state: Option<&Path>, temporary: &Path) -> Server {
    let mut options = vec!["--model", "no-such-bundle", "--metrics", "127.0.0.1:0"];
    options.extend(state.iter().flat_map(|state| ["--state", state.to_str().unwrap()]));
    Server::launched(&options, &[("TMPDIR", temporary.to_str().unwrap()), ("RUST_LOG", "info")]).await
}

/// Half an upload.
async fn half_an_upload(server: &mut Server) {
    let begin = v1::BeginUploadRequest {
        format: v1::FileFormat::Nifti.into(),
        size_bytes: 1000,
        sha256: vec![0; 32],
        modality: v1::Modality::Ct.into(),
    };
    let upload_id = server.volumes.begin_upload(begin).await.unwrap().into_inner().upload_id;
    let chunk = v1::UploadChunkRequest { upload_id, offset: 0, data: PLANTED.to_vec() };
    server.volumes.upload_chunk(chunk).await.unwrap();
}

#[tokio::test]
async fn an_orderly_end_leaves_nothing() {
    let (state, _) = crate::guarded::state(&[]);
    let temporary = tempfile::tempdir().unwrap();
    for kept in [None, Some(state.path())] {
        let mut server = started(kept, temporary.path()).await;
        half_an_upload(&mut server).await;
        assert_eq!(planted_below(temporary.path()) + planted_below(state.path()), 1, "it is on its way");
        assert!(Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap().success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        assert_eq!(planted_below(temporary.path()) + planted_below(state.path()), 0);
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    }
    for folder in ["sessions", "volumes", "tmp"] {
        let mode = std::fs::metadata(state.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

#[tokio::test]
async fn the_next_server_clears_away_what_a_killed_one_left() {
    let (state, _) = crate::guarded::state(&[]);
    let temporary = tempfile::tempdir().unwrap();
    for kept in [None, Some(state.path())] {
        let mut killed = started(kept, temporary.path()).await;
        half_an_upload(&mut killed).await;
        // Of another server that goes on.
        let mut other = started(None, temporary.path()).await;
        half_an_upload(&mut other).await;
        killed.child.kill().unwrap();
        killed.child.wait().unwrap();
        assert_eq!(planted_below(temporary.path()) + planted_below(state.path()), 2);
        let mut next = started(kept, temporary.path()).await;
        assert_eq!(planted_below(temporary.path()) + planted_below(state.path()), 1, "the other's stays");
        next.still_serves().await;
        other.still_serves().await;
    }
}
