//! DICOMweb against a PACS that misbehaves in every way it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake_pacs;

use fake_pacs::{Answer, FakePacs, dicom, instance_list, multipart};
use isochrone_intake::dicomweb::{Auth, DicomwebError, LoadLimits, Pacs, PacsConfig, Progress, SeriesQuery};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const STUDY: &str = "1.2.3";
const SERIES: &str = "1.2.3.4";

fn client(pacs: &FakePacs) -> Pacs {
    Pacs::new(format!("main={}", pacs.root()).parse().unwrap()).unwrap()
}

fn load(pacs: &Pacs, folder: &std::path::Path) -> Result<(), DicomwebError> {
    pacs.load_series(STUDY, SERIES, folder, &LoadLimits::default(), &|_| true)
}

/// Files of a folder, sorted.
fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_load_goes_on_where_it_broke() {
    let broken = AtomicUsize::new(1);
    let pacs = FakePacs::start(move |request| match request.path.rsplit('/').next().unwrap() {
        list if list.starts_with("instances?") => instance_list(&["9.1", "9.2", "9.3", "9.4"]),
        // From the middle outwards it is the third that is asked for.
        "9.4" if broken.load(Ordering::SeqCst) > 0 => {
            broken.fetch_sub(1, Ordering::SeqCst);
            Answer::status(500)
        }
        uid => multipart(&[&dicom(uid)]),
    });
    let folder = tempfile::tempdir().unwrap();
    let client = client(&pacs);
    let limits = LoadLimits { parallel: 1, ..LoadLimits::default() };
    let first = client.load_series(STUDY, SERIES, folder.path(), &limits, &|_| true);
    assert_eq!(first, Err(DicomwebError::Status("main".to_owned(), 500)));
    assert_eq!(names(folder.path()), ["9.2.dcm", "9.3.dcm"]);
    let steps = AtomicUsize::new(0);
    client
        .load_series(STUDY, SERIES, folder.path(), &limits, &|p| {
            assert_eq!((p.done, p.total), (steps.fetch_add(1, Ordering::SeqCst), 4));
            true
        })
        .unwrap();
    assert_eq!(names(folder.path()), ["9.1.dcm", "9.2.dcm", "9.3.dcm", "9.4.dcm"]);
    assert_eq!(std::fs::read(folder.path().join("9.4.dcm")).unwrap(), dicom("9.4"));
    for (uid, times) in [("9.1", 1), ("9.2", 1), ("9.3", 1), ("9.4", 2)] {
        assert_eq!(pacs.paths().iter().filter(|p| p.ends_with(&format!("/{uid}"))).count(), times, "{uid}");
    }
}

#[test]
fn what_there_is_comes_first_and_then_the_middle() {
    let heard = Mutex::new(Vec::new());
    let uids = ["9.0", "9.1", "9.2", "9.3", "9.4"];
    let pacs = FakePacs::start(move |request| match request.path.rsplit('/').next().unwrap() {
        list if list.starts_with("instances?") => instance_list(&uids),
        uid => multipart(&[&dicom(uid)]),
    });
    let folder = tempfile::tempdir().unwrap();
    let limits = LoadLimits { parallel: 1, ..LoadLimits::default() };
    let told = |p: Progress| {
        heard.lock().unwrap().push((p.done, p.total, names(folder.path()).len()));
        true
    };
    client(&pacs).load_series(STUDY, SERIES, folder.path(), &limits, &told).unwrap();
    assert_eq!(heard.into_inner().unwrap()[..2], [(0, 5, 0), (1, 5, 1)]);
    let asked: Vec<String> = pacs.paths()[1..].iter().map(|p| p.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(asked, ["9.2", "9.1", "9.3", "9.0", "9.4"]);
    // 5 images of 4 × 4 pixels; no bits are told, so each counts one.
    let small = LoadLimits { voxel_bytes: 9, ..LoadLimits::default() };
    let refused = client(&pacs).load_series(STUDY, SERIES, folder.path(), &small, &|_| true);
    assert!(matches!(refused, Err(DicomwebError::TooLarge(_))), "{refused:?}");
    assert_eq!(pacs.paths().len(), 7, "only the list was asked for");
}

#[test]
fn whoever_asked_can_stop() {
    let pacs = FakePacs::start(|request| match request.path.rsplit('/').next().unwrap() {
        list if list.starts_with("instances?") => instance_list(&["9.1", "9.2", "9.3"]),
        uid => multipart(&[&dicom(uid)]),
    });
    let folder = tempfile::tempdir().unwrap();
    let limits = LoadLimits { parallel: 1, ..LoadLimits::default() };
    let stopped = client(&pacs).load_series(STUDY, SERIES, folder.path(), &limits, &|p| p.done < 2);
    assert_eq!(stopped, Err(DicomwebError::Stopped));
    assert_eq!(names(folder.path()), ["9.1.dcm", "9.2.dcm"]);
}

#[test]
fn a_busy_pacs_is_asked_again_and_then_left_alone() {
    for status in [429, 503] {
        let asked = AtomicUsize::new(0);
        let pacs = FakePacs::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Answer::status(status).with("Retry-After", "0"),
            _ => Answer::json("[]"),
        });
        assert_eq!(client(&pacs).find_series(&SeriesQuery::default()), Ok(Vec::new()));
        assert_eq!(pacs.paths().len(), 3);
    }
    let pacs = FakePacs::start(|_| Answer::status(503).with("Retry-After", "0"));
    assert_eq!(client(&pacs).find_series(&SeriesQuery::default()), Err(DicomwebError::Busy("main".to_owned())));
    assert_eq!(pacs.paths().len(), 5);
}

#[test]
fn redirects_are_not_followed_to_anywhere() {
    let elsewhere = FakePacs::start(|_| Answer::json("[]"));
    let target = format!("{}/series", elsewhere.root());
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let pacs = FakePacs::start(move |_| Answer::status(status).with("Location", &target));
        let refused = client(&pacs).find_series(&SeriesQuery::default());
        assert_eq!(refused, Err(DicomwebError::Redirect("main".to_owned())));
    }
    assert!(elsewhere.paths().is_empty());
}

#[test]
fn only_good_addresses_are_taken() {
    for good in ["main=https://pacs.example/dicom-web", "a-1=http://127.0.0.1:8042/dicom-web/", "x=http://[::1]:80"] {
        let config: PacsConfig = good.parse().unwrap();
        assert!(!config.root.ends_with('/'));
    }
    for wrong in [
        "https://pacs.example/dicom-web",
        "=https://pacs.example",
        "m n=https://pacs.example",
        "main=file:///etc/passwd",
        "main=ftp://pacs.example",
        "main=/etc/passwd",
        "main=http://169.254.169.254/latest/meta-data",
        "main=http://pacs.example/dicom-web",
        "main=http://127.0.0.1.example/",
        "main=http://0x7f000001.example/",
        "main=https://user:password@pacs.example/",
        "main=https://pacs.example/dicom-web?x=1",
        "main=https://",
    ] {
        let refused = wrong.parse::<PacsConfig>();
        assert!(matches!(refused, Err(DicomwebError::Config(_))), "{wrong}: {refused:?}");
    }
}

#[test]
fn uids_make_no_paths() {
    let pacs = FakePacs::start(|request| match request.path.rsplit('/').next().unwrap() {
        list if list.starts_with("instances?") => instance_list(&["9.1", "../../evil"]),
        uid => multipart(&[&dicom(uid)]),
    });
    let client = client(&pacs);
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    let long = "1".repeat(65);
    for uid in
        ["", "../x", "1.2/../..", "1.2\\3", "1.2\0", "1..2", ".1", "1.", "CON", "1.2?x=1", "1.2%2f", "１.2", &long]
    {
        let refused = client.load_series(uid, SERIES, &inner, &LoadLimits::default(), &|_| true);
        assert_eq!(refused, Err(DicomwebError::Uid("study_uid")), "{uid}");
        let refused = client.load_series(STUDY, uid, &inner, &LoadLimits::default(), &|_| true);
        assert_eq!(refused, Err(DicomwebError::Uid("series_uid")), "{uid}");
        let query = SeriesQuery { study_uid: uid.to_owned(), ..SeriesQuery::default() };
        assert!(uid.is_empty() || client.find_series(&query) == Err(DicomwebError::Uid("study_uid")));
    }
    assert!(pacs.paths().is_empty(), "nothing was sent");
    // Nor those that a PACS sends.
    assert_eq!(load(&client, &inner), Err(DicomwebError::Uid("SOP Instance UID")));
    assert!(names(&inner).is_empty());
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn answers_that_cannot_be_used_are_refused() {
    let one = dicom("9.1");
    let mut unended = multipart(&[&one]);
    unended.body.truncate(unended.body.len() - 10);
    let bare = Answer { body: one.clone(), ..Answer::json("") }.with("Content-Type", "application/dicom");
    let cases: Vec<(Answer, Option<&str>)> = vec![
        (multipart(&[&one]), None),
        (bare, None),
        (unended, Some("multipart")),
        (multipart(&[&one, &one]), Some("another number")),
        (multipart(&[]), Some("another number")),
        (multipart(&[b"<html>Log in</html>"]), Some("not a DICOM file")),
        (Answer::json("[]"), Some("multipart")),
        (multipart(&[&vec![0; 3 << 20]]), Some("limit")),
        (Answer::status(401), Some("credentials")),
        (Answer::status(404), Some("no such")),
    ];
    for (answer, text) in cases {
        let pacs = FakePacs::start(move |request| match request.path.rsplit('/').next().unwrap() {
            list if list.starts_with("instances?") => instance_list(&["9.1"]),
            _ => answer.clone(),
        });
        let folder = tempfile::tempdir().unwrap();
        let limits = LoadLimits { bytes: 2 << 20, ..LoadLimits::default() };
        let loaded = client(&pacs).load_series(STUDY, SERIES, folder.path(), &limits, &|_| true);
        match text {
            None => assert_eq!((loaded, names(folder.path()).len()), (Ok(()), 1)),
            Some(text) => {
                let error = loaded.unwrap_err().to_string();
                assert!(error.contains(text), "{error}");
                assert!(names(folder.path()).is_empty());
            }
        }
    }
    for body in ["", "{}", "[", "\"x\"", "<html>"] {
        let pacs = FakePacs::start(move |_| Answer::json(body));
        let found = client(&pacs).find_series(&SeriesQuery::default());
        assert_eq!(found.is_ok(), body.is_empty(), "{body}");
    }
}

#[test]
fn a_query_is_escaped_and_its_answer_read() {
    let pacs = FakePacs::start(|_| {
        Answer::json(
            r#"[{"0020000D":{"vr":"UI","Value":["1.2.3"]},"0020000E":{"vr":"UI","Value":["1.2.3.4"]},
            "00080060":{"vr":"CS","Value":["CT"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller^Eva"}]},
            "00201209":{"vr":"IS","Value":[134]},"0008103E":{"vr":"LO"}}]"#,
        )
    });
    let query =
        SeriesQuery { patient_name: "Mü*&limit=9".to_owned(), modality: "CT".to_owned(), ..SeriesQuery::default() };
    let found = client(&pacs).find_series(&query).unwrap();
    assert_eq!(
        (found[0].patient_name.as_str(), found[0].instances, found[0].modality.as_str()),
        ("Müller^Eva", 134, "CT")
    );
    let path = &pacs.paths()[0];
    assert!(path.contains("00100010=M%C3%BC*%26limit%3D9&"), "{path}");
    let query = SeriesQuery { patient_id: "a\r\nHost: x".to_owned(), ..SeriesQuery::default() };
    assert_eq!(client(&pacs).find_series(&query), Err(DicomwebError::Query("patient_id")));
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let pacs = FakePacs::start(|_| Answer::json("[]"));
    for (file, header) in [("eva:s3cret\n", "Basic ZXZhOnMzY3JldA=="), ("Bearer abc.def", "Bearer abc.def")] {
        let mut config: PacsConfig = format!("main={}", pacs.root()).parse().unwrap();
        config.auth = file.parse().unwrap();
        assert!(!format!("{config:?}").contains("s3cret") && !format!("{config:?}").contains("abc.def"));
        Pacs::new(config).unwrap().find_series(&SeriesQuery::default()).unwrap();
        assert_eq!(pacs.last_header("authorization").as_deref(), Some(header));
    }
    assert!("no colon".parse::<Auth>().is_err() && "a:b\nc:d".parse::<Auth>().is_err());
}

#[test]
fn objects_are_stored_and_refusals_named() {
    let pacs = FakePacs::start(|request| {
        assert_eq!(request.method, "POST");
        if request.body.windows(4).any(|w| w == b"evil") {
            Answer {
                status: 409,
                ..Answer::json(r#"{"00081198":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[272]}}]}}"#)
            }
        } else {
            Answer::json(r#"{"00081199":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["9.1"]}}]}}"#)
        }
    });
    let client = client(&pacs);
    let stored = client.store(&[&dicom("9.1")]).unwrap();
    assert_eq!(stored.sop_instance_uids, ["9.1"]);
    assert!(pacs.last_header("content-type").unwrap().starts_with("multipart/related; type=\"application/dicom\""));
    assert_eq!(client.store(&[b"evil"]), Err(DicomwebError::NotStored("main".to_owned(), 272)));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"])
        .args(["subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: openssl is not installed");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
        .arg(&certificate)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut config: PacsConfig = format!("main=https://localhost:{port}").parse().unwrap();
    let refused = Pacs::new(config.clone()).unwrap().find_series(&SeriesQuery::default());
    config.authorities_pem = Some(std::fs::read(&certificate).unwrap());
    // Trusted now: the page that comes is no DICOM, and that is what is said.
    let trusted = Pacs::new(config).unwrap().find_series(&SeriesQuery::default());
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(refused, Err(DicomwebError::Untrusted("main".to_owned())));
    assert!(matches!(trusted, Err(DicomwebError::Answer(..))), "{trusted:?}");
}
