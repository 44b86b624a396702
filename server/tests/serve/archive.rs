//! A PACS, where there are accounts: whose the loaded series is, who may store, and that its answers stay out of the log.

#[allow(dead_code)]
#[path = "../../crates/intake/tests/fake_pacs/mod.rs"]
mod fake_pacs;

use crate::guarded::{Guarded, Headers, User, state};
use crate::support::Server;
use fake_pacs::{Answer, FakePacs, instance_list, multipart};
use isochrone_api::v1;
use isochrone_api::v1::pacs_client::PacsClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};

const STUDY: &str = "1.2.3";
const SERIES: &str = "1.2.3.4";

fn element(group: u16, number: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let padded = value.len().next_multiple_of(2);
    let mut out = [group.to_le_bytes(), number.to_le_bytes()].concat();
    out.extend(vr);
    if vr == b"OW" {
        out.extend([0, 0]);
        out.extend(u32::try_from(padded).unwrap().to_le_bytes());
    } else {
        out.extend(u16::try_from(padded).unwrap().to_le_bytes());
    }
    out.extend(value);
    out.resize(out.len() + padded - value.len(), if vr == b"UI" { 0 } else { b' ' });
    out
}

/// A CT slice of 8×8; its number follows from its UID.
fn slice(uid: &str) -> Vec<u8> {
    let height = uid.rsplit('.').next().unwrap();
    let text = |group, number, vr, value: &str| element(group, number, vr, value.as_bytes());
    let class = "1.2.840.10008.5.1.4.1.1.2";
    let meta = [text(2, 2, b"UI", class), text(2, 3, b"UI", uid), text(2, 0x10, b"UI", "1.2.840.10008.1.2.1")].concat();
    let number = |n, value: u16| element(0x28, n, b"US", &value.to_le_bytes());
    let voxels: Vec<u8> = (0..64i16).flat_map(i16::to_le_bytes).collect();
    let length = element(2, 0, b"UL", &u32::try_from(meta.len()).unwrap().to_le_bytes());
    [
        vec![0; 128],
        b"DICM".to_vec(),
        length,
        meta,
        text(8, 0x16, b"UI", class),
        text(8, 0x18, b"UI", uid),
        text(8, 0x60, b"CS", "CT"),
        text(0x10, 0x10, b"PN", "Planted^Patient"),
        text(0x10, 0x20, b"LO", "PLANTED1"),
        text(0x20, 0x0D, b"UI", STUDY),
        text(0x20, 0x0E, b"UI", SERIES),
        text(0x20, 0x13, b"IS", height),
        text(0x20, 0x32, b"DS", &format!("1\\2\\{height}")),
        text(0x20, 0x37, b"DS", "1\\0\\0\\0\\1\\0"),
        text(0x20, 0x52, b"UI", "1.2.3.9"),
        number(0x02, 1),
        text(0x28, 0x04, b"CS", "MONOCHROME2"),
        number(0x10, 8),
        number(0x11, 8),
        text(0x28, 0x30, b"DS", "1\\1"),
        number(0x100, 16),
        number(0x101, 16),
        number(0x102, 15),
        number(0x103, 1),
        text(0x28, 0x1052, b"DS", "0"),
        text(0x28, 0x1053, b"DS", "1"),
        element(0x7FE0, 0x10, b"OW", &voxels),
    ]
    .concat()
}

/// A PACS of one series of four slices, that takes whatever is stored.
fn archive() -> FakePacs {
    FakePacs::start(|request| match request.path.rsplit('/').next().unwrap() {
        _ if request.method == "POST" => Answer::json("{}"),
        list if list.starts_with("instances?") => instance_list(&["9.1", "9.2", "9.3", "9.4"]),
        series if series.starts_with("series?") => Answer::json(
            r#"[{"0020000D":{"vr":"UI","Value":["1.2.3"]},"0020000E":{"vr":"UI","Value":["1.2.3.4"]},
                 "00100010":{"vr":"PN","Value":[{"Alphabetic":"Planted^Patient"}]}}]"#,
        ),
        uid => multipart(&[&slice(uid)]),
    })
}

type Client = PacsClient<InterceptedService<Channel, Headers>>;

async fn client(server: &Guarded, token: &str) -> Client {
    let headers = Headers(vec![("authorization", format!("Bearer {token}"))]);
    PacsClient::with_interceptor(server.endpoint().connect().await.unwrap(), headers)
}

async fn load(pacs: &mut Client) -> Result<v1::Volume, Status> {
    let request =
        v1::LoadFromPacsRequest { study_uid: STUDY.to_owned(), series_uid: SERIES.to_owned(), ..Default::default() };
    let mut events = pacs.load_from_pacs(request).await?.into_inner();
    loop {
        let event = events.message().await?.and_then(|e| e.event).expect("a volume at the end");
        if let v1::load_event::Event::Volume(volume) = event {
            return Ok(volume);
        }
    }
}

async fn volumes_of(user: &mut User) -> usize {
    user.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes.len()
}

#[tokio::test]
async fn a_loaded_series_is_of_whoever_loaded_it_and_stored_by_whoever_may_change() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("lead", "study-lead")]);
    let archive = archive();
    let server = Guarded::start(state.path(), &["--pacs", &format!("main={}", archive.root())]);
    let mut pacs = client(&server, &tokens[0]).await;
    let volume_id = load(&mut pacs).await.unwrap().volume_id;
    let [mut alice, mut bob, mut lead] =
        [server.user(Some(&tokens[0])).await, server.user(Some(&tokens[1])).await, server.user(Some(&tokens[2])).await];
    let image = v1::GetVolumeRequest { volume_id: volume_id.clone() };
    alice.volumes.get_volume(image.clone()).await.unwrap();
    assert_eq!([volumes_of(&mut alice).await, volumes_of(&mut bob).await, volumes_of(&mut lead).await], [1, 0, 1]);
    assert_eq!(bob.volumes.get_volume(image).await.unwrap_err().code(), Code::NotFound);
    let open = v1::OpenSessionRequest { volume_ids: vec![volume_id.clone()], ..Default::default() };
    let session_id = alice.segmentation.open_session(open).await.unwrap().into_inner().session_id;
    let label = v1::AddLabelRequest { session_id: session_id.clone(), name: "lesion".to_owned(), ..Default::default() };
    alice.segmentation.add_label(label).await.unwrap();
    let grant = v1::GrantViewRequest { session_id: session_id.clone(), user: "bob".to_owned() };
    alice.segmentation.grant_view(grant).await.unwrap();
    bob.look(&session_id).await.unwrap();

    let store = v1::StoreToPacsRequest { session_id: session_id.clone(), ..Default::default() };
    let stored = || archive.paths().iter().filter(|path| path.ends_with("/studies")).count();
    for (who, token) in [("viewer", &tokens[1]), ("study-lead", &tokens[2])] {
        let refused = client(&server, token).await.store_to_pacs(store.clone()).await.unwrap_err();
        assert_eq!((refused.code(), stored()), (Code::NotFound, 0), "{who}: {refused}");
    }
    let done = pacs.store_to_pacs(store).await;
    assert_eq!(stored(), usize::from(done.is_ok()), "{done:?}");
    assert!(!done.is_err_and(|status| status.code() == Code::NotFound), "its owner may");
    // The trail says which volume came.
    let unload = v1::UnloadVolumeRequest { volume_id: volume_id.clone() };
    let close = v1::CloseSessionRequest { session_id };
    alice.segmentation.close_session(close).await.unwrap();
    alice.volumes.unload_volume(unload).await.unwrap();
    let trail = std::fs::read_to_string(state.path().join("audit.jsonl")).unwrap();
    let named = |l: &str| l.contains("Pacs/LoadFromPacs") && l.contains("alice") && l.contains(&volume_id);
    assert!(trail.lines().any(named), "{trail}");
}

#[tokio::test]
async fn the_log_names_nobody_whatever_it_is_asked_to_say() {
    let archive = archive();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "planted-user:planted-password\n").unwrap();
    let (named, auth) = (format!("main={}", archive.root()), format!("main={}", secret.path().to_str().unwrap()));
    let options = ["--model", "no-such-bundle", "--pacs", &named, "--pacs-auth", &auth];
    let server = Server::logging("trace", &options).await;
    let mut pacs = PacsClient::new(server.channel.clone());
    let query = v1::FindSeriesRequest { patient_name: "Planted^Patient".to_owned(), ..Default::default() };
    assert_eq!(pacs.find_series(query).await.unwrap().into_inner().series.len(), 1);
    let log = server.log();
    assert!(log.contains("listening on"), "{log}");
    // As it is, in a query, in a dump of bytes, in base64.
    for planted in ["Planted", "planted", "506c616e746564", "cGxhbnRlZC11c2Vy", "1.2.3.4"] {
        let line = log.lines().find(|l| l.contains(planted));
        assert!(line.is_none(), "{planted} is in the log: {line:?}");
    }
}
