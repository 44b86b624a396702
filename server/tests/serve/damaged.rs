//! Sessions that were damaged while they lay at rest.

use crate::guarded::state;
use crate::support::{BALL, Reader, Server};
use isochrone_api::v1;
use std::path::Path;
use tonic::{Code, Status};

async fn on(state: &Path) -> Server {
    Server::with(&["--model", "no-such-bundle", "--state", state.to_str().unwrap()]).await
}

async fn look(server: &Server, session: &str) -> Result<v1::Session, Status> {
    let request = v1::GetSessionRequest { session_id: session.to_owned() };
    server.segmentation.clone().get_session(request).await.map(tonic::Response::into_inner)
}

async fn worked_on(server: &mut Server) -> Reader {
    let mut reader = server.ready().await;
    reader.click(BALL, true).await.unwrap();
    for _ in 0..3 {
        reader.undo().await.unwrap();
        reader.redo().await.unwrap();
    }
    reader
}

#[tokio::test]
async fn a_journal_cut_at_rest_is_told() {
    let (state, _) = state(&[]);
    let mut server = on(state.path()).await;
    let session = worked_on(&mut server).await.session;
    drop(server);
    let journal = state.path().join("sessions").join(&session).with_extension("journal");
    let whole = std::fs::read(&journal).unwrap();
    let mut reported = 0;
    // Wherever it is cut, between two changes or within one.
    for cut in (1..12).map(|n| whole.len() - n * whole.len() / 40) {
        std::fs::write(&journal, &whole[..cut]).unwrap();
        let tally = std::fs::read(journal.with_extension("tally")).unwrap();
        let server = on(state.path()).await;
        let notice = look(&server, &session).await.unwrap().notice;
        assert!(notice.contains("are lost"), "cut at {cut} of {}: {notice}", whole.len());
        reported += 1;
        drop(server);
        std::fs::write(journal.with_extension("tally"), tally).unwrap();
    }
    assert_eq!(reported, 11);
    // A whole one is not blamed.
    std::fs::write(&journal, &whole).unwrap();
    let server = on(state.path()).await;
    let notice = look(&server, &session).await.unwrap().notice;
    assert!(notice.starts_with("Session restored, ") && notice.ends_with(" changes"), "{notice}");
}

#[tokio::test]
async fn one_whose_image_is_lost_can_be_deleted() {
    let (state, _) = state(&[]);
    let mut server = on(state.path()).await;
    let session = worked_on(&mut server).await.session;
    drop(server);
    for image in std::fs::read_dir(state.path().join("volumes")).unwrap() {
        std::fs::remove_file(image.unwrap().path()).unwrap();
    }
    let mut server = on(state.path()).await;
    assert_eq!(look(&server, &session).await.unwrap_err().code(), Code::DataLoss);
    server.segmentation.close_session(v1::CloseSessionRequest { session_id: session }).await.unwrap();
    let left = std::fs::read_dir(state.path().join("sessions")).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
}
