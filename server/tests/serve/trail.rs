//! The audit trail of a real server, and that nobody's name is where it should not be.

use crate::guarded::{Guarded, isochrone, state};
use isochrone_api::v1;
use std::io::{Read, Write};

#[tokio::test]
#[cfg(unix)]
async fn who_opened_clicked_exported_and_was_refused() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader")]);
    let folder = state.path().to_str().unwrap();
    let server = Guarded::start(state.path(), &["--metrics", "127.0.0.1:0"]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (_, session_id, label_id) = alice.open().await;
    alice.reset(&session_id, label_id).await.unwrap();
    let save = v1::SaveNiftiRequest {
        session_id: session_id.clone(),
        path: "Planted_Export.nii.gz".to_owned(),
        ..Default::default()
    };
    alice.export.save_nifti(save).await.unwrap();
    server.user(Some(&tokens[1])).await.look(&session_id).await.unwrap_err();
    server.user(None).await.describe().await.unwrap_err();
    let root = server.root.path().file_name().unwrap().to_str().unwrap().to_owned();
    let page = metrics(&server.log());
    // A crash leaves no dump, in which images and names would be.
    #[cfg(target_os = "linux")]
    {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
        let core: Vec<&str> = limits.lines().find(|l| l.starts_with("Max core")).unwrap().split_whitespace().collect();
        assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    }
    let log = server.stop();

    let verified = isochrone(&["audit", "verify", "--state", folder]);
    assert!(verified.status.success(), "{verified:?}");
    let text = std::fs::read_to_string(state.path().join("audit.jsonl")).unwrap();
    let find = |parts: &[&str]| {
        assert!(text.lines().any(|line| parts.iter().all(|p| line.contains(p))), "{parts:?} in\n{text}");
    };
    let session = format!("session {session_id}");
    find(&["\"start\""]);
    find(&["\"log-in\"", "\"done\"", "\"alice\"", "\"reader\"", "127.0.0.1"]);
    find(&["\"import\"", "\"alice\"", "Volumes/LoadFile", "\"volume "]);
    find(&["\"change\"", "\"alice\"", "Segmentation/OpenSession", &session]);
    find(&["\"change\"", "\"alice\"", "Segmentation/ResetLabel", &session]);
    find(&["\"export\"", "\"alice\"", "Export/SaveNifti", &session]);
    find(&["\"refused\"", "\"failed\"", "\"bob\"", "Segmentation/GetSession", &session, "NOT_FOUND"]);
    find(&["\"log-in\"", "\"failed\"", "UNAUTHENTICATED"]);
    find(&["\"stop\""]);
    // The newest hash stands in the log.
    let head = String::from_utf8(verified.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned();
    assert!(log.contains(&head));
    assert!(isochrone(&["audit", "verify", "--state", folder, "--head", &head]).status.success());

    let xml = state.path().join("audit.xml");
    let exported = isochrone(&["audit", "export", "--state", folder, "--out", xml.to_str().unwrap()]);
    assert!(exported.status.success(), "{exported:?}");
    let xml = std::fs::read_to_string(xml).unwrap();
    assert_eq!(xml.matches("<AuditMessage>").count(), text.lines().count());

    // A label's name, a file's name, a folder's name: found in none of these.
    assert!(page.contains("isochrone_requests_total{method=\"Segmentation/ResetLabel\",code=\"OK\"} 1"), "{page}");
    assert!(page.contains("isochrone_sessions 1\n"), "{page}");
    for (name, text) in [("log", &log), ("trail", &text), ("metrics", &page), ("messages", &xml)] {
        for planted in ["Planted", "Patient", root.as_str(), &tokens[0], &tokens[0][27..]] {
            assert!(!text.contains(planted), "{planted} is in the {name}:\n{text}");
        }
    }

    // An end that is cut off, a line that is changed.
    let path = state.path().join("audit.jsonl");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    std::fs::write(&path, lines[..lines.len() - 1].concat()).unwrap();
    assert!(isochrone(&["audit", "verify", "--state", folder]).status.success());
    let cut = isochrone(&["audit", "verify", "--state", folder, "--head", &head]);
    assert!(cut.status.code() == Some(1) && String::from_utf8_lossy(&cut.stderr).contains("missing"), "{cut:?}");
    std::fs::write(&path, text.replacen("\"bob\"", "\"eve\"", 1)).unwrap();
    let changed = isochrone(&["audit", "verify", "--state", folder]);
    assert!(
        changed.status.code() == Some(1) && String::from_utf8_lossy(&changed.stderr).contains("line "),
        "{changed:?}"
    );
    let refused = isochrone(&["serve", "--listen", "127.0.0.1:0", "--state", folder]);
    assert_eq!(refused.status.code(), Some(64), "it does not write on after a damaged line");
}

/// The page of metrics, from the address in the log.
fn metrics(log: &str) -> String {
    let address = log.split("metrics on http://").nth(1).unwrap().split("/metrics").next().unwrap();
    let get = |path: &str| {
        let mut tcp = std::net::TcpStream::connect(address).unwrap();
        write!(tcp, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/").starts_with("HTTP/1.1 404"));
    let page = get("/metrics");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    page
}
