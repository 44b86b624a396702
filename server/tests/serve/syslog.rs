//! The audit trail at a collector of ours: syslog over TLS, and none lost while it is away.

use crate::guarded::{Guarded, isochrone, state};
use crate::tls::Authority;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Messages as they came.
type Heard = Arc<Mutex<Vec<String>>>;

/// A collector at an address, until it is aborted.
async fn collector(
    address: SocketAddr,
    (certificate, key): &(String, String),
    heard: Heard,
) -> (SocketAddr, JoinHandle<()>) {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let work = tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut bytes = Vec::new();
            while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {
                while let Some((message, taken)) = first(&bytes) {
                    heard.lock().unwrap().push(message);
                    bytes.drain(..taken);
                }
            }
        }
    });
    (address, work)
}

/// The first whole frame: its length in decimal, a space, and so many bytes.
fn first(bytes: &[u8]) -> Option<(String, usize)> {
    let space = bytes.iter().position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
    let message = bytes.get(space + 1..space + 1 + length)?;
    Some((String::from_utf8(message.to_vec()).unwrap(), space + 1 + length))
}

/// What a message says, without what goes before it.
fn xml(message: &str) -> &str {
    message.split('\u{feff}').nth(1).unwrap()
}

/// Every event of the trail as a message, in its order.
fn expected(folder: &Path) -> Vec<String> {
    let trail = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    trail.lines().map(|line| isochrone_trust::audit::message_of(line, "isochrone").unwrap().0).collect()
}

async fn all_heard(folder: &Path, heard: &Heard) {
    let begun = Instant::now();
    loop {
        let wanted = expected(folder);
        let got: Vec<String> = heard.lock().unwrap().iter().map(|m| xml(m).to_owned()).collect();
        // Twice is allowed, out of order is not. Two events of one millisecond may read the same.
        let mut rest = got.iter();
        if wanted.iter().all(|w| rest.any(|g| g == w)) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{} of {} events", got.len(), wanted.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(unix)]
async fn none_is_lost_while_the_collector_is_away() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let certificates = tempfile::tempdir().unwrap();
    let authority = Authority::new(certificates.path());
    let certificate = authority.certify(&["127.0.0.1"], 7, 2090);
    let ca = authority.file("ca.pem", &authority.certificate());
    let heard = Heard::default();
    let (address, first_life) = collector("127.0.0.1:0".parse().unwrap(), &certificate, heard.clone()).await;
    let options = ["--syslog", &address.to_string(), "--syslog-ca", &ca];
    let server = Guarded::start(state.path(), &options);
    let mut alice = server.user(Some(&tokens[0])).await;
    let (_, session_id, label_id) = alice.open().await;
    all_heard(state.path(), &heard).await;
    let one = heard.lock().unwrap().last().unwrap().clone();
    assert!(
        one.starts_with("<85>1 20")
            && one.contains(" isochrone ")
            && one.contains(" DICOM+RFC3881 - \u{feff}<AuditMessage>"),
        "{one}"
    );
    // The collector is away, and somebody else answers at its place.
    first_life.abort();
    let _ = first_life.await;
    for _ in 0..50 {
        alice.reset(&session_id, label_id).await.unwrap();
    }
    let stranger = Authority::new(certificates.path()).certify(&["127.0.0.1"], 8, 2090);
    let wrong = Heard::default();
    let (_, second_life) = collector(address, &stranger, wrong.clone()).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(wrong.lock().unwrap().is_empty(), "nothing for a stranger");
    second_life.abort();
    let _ = second_life.await;
    // The server ends and begins anew meanwhile.
    server.stop();
    let server = Guarded::start(state.path(), &options);
    server.user(Some(&tokens[0])).await.reset(&session_id, label_id).await.unwrap();
    let (_, _third_life) = collector(address, &certificate, heard.clone()).await;
    all_heard(state.path(), &heard).await;
    let needs = isochrone(&["serve", "--listen", "127.0.0.1:0", "--syslog", "127.0.0.1:1"]);
    assert_eq!(needs.status.code(), Some(64), "{needs:?}");
}
