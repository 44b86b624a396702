//! Who may do what: tokens, roles, other people's things, web pages, old clients.

use crate::guarded::{Guarded, User, add_user, isochrone, state};
use isochrone_api::v1;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Every `/package.Service/Method` of the protocol.
fn every_method() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(isochrone_api::FILE_DESCRIPTOR_SET).unwrap();
    let own = set.file.into_iter().filter(|f| f.package() == "isochrone.v1");
    let services = own.flat_map(|f| f.service);
    services
        .flat_map(|s| s.method.iter().map(|m| format!("/isochrone.v1.{}/{}", s.name(), m.name())).collect::<Vec<_>>())
        .collect()
}

/// An empty message to a method, whatever it is.
async fn knock(channel: &Channel, path: &str, headers: &[(&'static str, String)]) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(());
    for (name, value) in headers {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    match client.server_streaming(request, path.parse().unwrap(), codec).await {
        Err(status) => status.code(),
        Ok(mut answer) => answer.get_mut().message().await.err().map_or(Code::Ok, |s: Status| s.code()),
    }
}

#[tokio::test]
async fn nobody_comes_in_without_a_token() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let server = Guarded::start(state.path(), &[]);
    let channel = server.endpoint().connect().await.unwrap();
    let methods = every_method();
    assert!(methods.len() > 20);
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let mut other = tokens[0].clone();
    let last = other.pop().unwrap();
    other.push(if last == '0' { '1' } else { '0' });
    let wrong: [Vec<(&'static str, String)>; 6] = [
        vec![],
        bearer(&other),
        bearer("isochrone_"),
        bearer(""),
        vec![("authorization", format!("Basic {}", tokens[0]))],
        [bearer(&tokens[0]), bearer(&tokens[0])].concat(),
    ];
    for headers in &wrong {
        for path in &methods {
            assert_eq!(knock(&channel, path, headers).await, Code::Unauthenticated, "{path} {headers:?}");
        }
    }
    for path in ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/isochrone.v1.Segmentation/Nothing"] {
        assert_eq!(knock(&channel, path, &[]).await, Code::Unauthenticated);
        assert_eq!(knock(&channel, path, &bearer(&tokens[0])).await, Code::Unimplemented);
    }
    server.user(Some(&tokens[0])).await.describe().await.unwrap();
    // Health is for load balancers.
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let (state, tokens) = state(&[("alice", "reader"), ("bob", "reader"), ("lead", "study-lead"), ("root", "admin")]);
    let server = Guarded::start(state.path(), &[]);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (volume_id, session_id, label_id) = alice.open().await;
    let absent = "0123456789abcdef0123456789abcdef";

    let mut bob = server.user(Some(&tokens[1])).await;
    let nothing = bob.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes;
    assert!(nothing.is_empty());
    // Each answer about Alice's is the very answer about what does not exist; ids stand in every message's field 1.
    let about = |id: &str| v1::GetSessionRequest { session_id: id.to_owned() }.encode_to_vec();
    for method in every_method() {
        let none = raw(&server, &tokens[1], &method, about(absent)).await;
        for id in [&volume_id, &session_id] {
            assert_eq!(raw(&server, &tokens[1], &method, about(id)).await, none, "{method}");
        }
    }
    let open = v1::OpenSessionRequest { volume_ids: vec![volume_id.clone()], ..Default::default() };
    assert_eq!(bob.segmentation.open_session(open).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(bob.look(&session_id).await.unwrap_err().code(), Code::NotFound);

    let mut lead = server.user(Some(&tokens[2])).await;
    assert_eq!(lead.look(&session_id).await.unwrap().labels.len(), 1);
    assert_eq!(lead.reset(&session_id, label_id).await.unwrap_err().code(), Code::NotFound, "may look only");
    let close = v1::CloseSessionRequest { session_id: session_id.clone() };
    assert_eq!(lead.segmentation.close_session(close.clone()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(lead.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes.len(), 1);

    let mut root = server.user(Some(&tokens[3])).await;
    root.reset(&session_id, label_id).await.unwrap();
    alice.reset(&session_id, label_id).await.unwrap();
    root.segmentation.close_session(close).await.unwrap();
    assert_eq!(alice.look(&session_id).await.unwrap_err().code(), Code::NotFound);

    // Taken away, and refused from the next request on, on a connection that is open.
    assert!(isochrone(&["user", "remove", "alice", "--state", state.path().to_str().unwrap()]).status.success());
    assert_eq!(alice.describe().await.unwrap_err().code(), Code::Unauthenticated);
    let newcomer = add_user(state.path(), "cara", "reader");
    server.user(Some(&newcomer)).await.describe().await.unwrap();
    bob.describe().await.unwrap();
}

/// Code and text of an answer to these bytes.
async fn raw(server: &Guarded, token: &str, path: &str, bytes: Vec<u8>) -> (Code, String) {
    let mut client = tonic::client::Grpc::new(server.endpoint().connect().await.unwrap());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(Verbatim(bytes));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    match client.server_streaming(request, path.parse().unwrap(), VerbatimCodec).await {
        Err(status) => (status.code(), status.message().to_owned()),
        Ok(mut answer) => match answer.get_mut().message().await {
            Err(status) => (status.code(), status.message().to_owned()),
            Ok(_) => (Code::Ok, String::new()),
        },
    }
}

/// A message that is encoded already.
pub struct Verbatim(pub Vec<u8>);
pub struct VerbatimCodec;

impl tonic::codec::Codec for VerbatimCodec {
    type Encode = Verbatim;
    type Decode = ();
    type Encoder = Self;
    type Decoder = <tonic_prost::ProstCodec<(), ()> as tonic::codec::Codec>::Decoder;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self::Decoder {
        tonic_prost::ProstCodec::<(), ()>::default().decoder()
    }
}

impl tonic::codec::Encoder for VerbatimCodec {
    type Item = Verbatim;
    type Error = Status;
    fn encode(&mut self, item: Verbatim, buffer: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), Status> {
        use prost::bytes::BufMut;
        buffer.put_slice(&item.0);
        Ok(())
    }
}

#[tokio::test]
async fn web_pages_and_bent_names() {
    let (state, _) = state(&[]);
    let server = Guarded::start(state.path(), &["--allow-origin", "https://viewer.example"]);
    let channel = server.endpoint().connect().await.unwrap();
    let with = |origin: &str| User::with(channel.clone(), vec![("origin", origin.to_owned())]);
    with("https://viewer.example").describe().await.unwrap();
    for page in ["https://evil.example", "null", "http://localhost:3000"] {
        let refused = with(page).describe().await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("--allow-origin"), "{refused}");
    }
    let named = |name: &str| server.endpoint().origin(format!("http://{name}").parse().unwrap());
    for (name, good) in [("localhost:1", true), ("[::1]:9", true), ("rebound.evil.example", false), ("10.1.2.3", false)]
    {
        let answer = User::on(named(name).connect().await.unwrap(), None).describe().await;
        assert_eq!(answer.is_ok(), good, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn clients_of_another_age_are_told_what_to_update() {
    let (state, _) = state(&[]);
    let server = Guarded::start(state.path(), &[]);
    let channel = server.endpoint().connect().await.unwrap();
    let speaking = |version: &str| User::with(channel.clone(), vec![("isochrone-protocol", version.to_owned())]);
    speaking(&isochrone_api::PROTOCOL_VERSION.to_string()).describe().await.unwrap();
    let old = speaking("0").describe().await.unwrap_err();
    assert_eq!(old.code(), Code::FailedPrecondition);
    assert!(old.message().contains("Update the client"), "{old}");
    let new = speaking("99").describe().await.unwrap_err();
    assert!(new.code() == Code::FailedPrecondition && new.message().contains("Ask whoever runs the server"), "{new}");
    assert_eq!(speaking("x").describe().await.unwrap_err().code(), Code::InvalidArgument);
}

#[test]
#[cfg(unix)]
fn what_others_could_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let (state, _) = state(&[("alice", "reader")]);
    let open =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let serve = || isochrone(&["serve", "--listen", "127.0.0.1:0", "--state", state.path().to_str().unwrap()]);
    for (path, bad, good) in [(state.path().to_owned(), 0o755, 0o700), (state.path().join("users.toml"), 0o644, 0o600)]
    {
        open(&path, bad);
        let refused = serve();
        assert_eq!(refused.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod"), "{refused:?}");
        open(&path, good);
    }
}
