//! TLS: who is refused, and why.

use crate::guarded::{Guarded, User, isochrone, state};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

/// An authority of our own, and files in a folder.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, folder: folder.to_owned() }
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Certificate and key, PEM.
    pub fn certify(&self, names: &[&str], serial: u64, last_year: i32) -> (String, String) {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn revoke(&self, serial: u64) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.issuer.pem())).domain_name("server.example")
    }
}

async fn reach(server: &Guarded, tls: ClientTlsConfig, token: Option<&str>) -> Result<(), String> {
    let port = server.address.rsplit_once(':').unwrap().1;
    let endpoint = Channel::from_shared(format!("https://127.0.0.1:{port}")).unwrap().tls_config(tls).unwrap();
    let channel = endpoint.connect().await.map_err(|e| format!("{e:?}"))?;
    User::on(channel, token).describe().await.map_err(|e| e.to_string())
}

#[tokio::test]
async fn other_machines_only_with_tls_and_accounts() {
    let (state, tokens) = state(&[("alice", "reader")]);
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (cert, key) = authority.certify(&["server.example"], 1, 2090);
    let (cert, key) = (authority.file("cert.pem", &cert), authority.file("key.pem", &key));
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let (nobody, _) = super::guarded::state(&[]);
    let with_users = ["--state", state.path().to_str().unwrap()];
    let without = ["--state", nobody.path().to_str().unwrap()];
    let open = ["serve", "--listen", "0.0.0.0:0"];
    for options in [&[][..], &tls[..], &with_users[..], &[&tls[..], &without[..]].concat()] {
        let refused = isochrone(&[&open[..], options].concat());
        assert_eq!(refused.status.code(), Some(64), "{options:?}");
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(text.contains("--tls-cert") && text.contains("isochrone user add"), "{text}");
    }
    let mixed = ["--tls-cert", &cert, "--tls-key", &cert];
    assert_eq!(isochrone(&[&open[..], &mixed[..], &with_users[..]].concat()).status.code(), Some(64));

    let server = Guarded::start(state.path(), &[&["--listen", "0.0.0.0:0"][..], &tls].concat());
    reach(&server, authority.client(), Some(&tokens[0])).await.unwrap();
    let refused = reach(&server, authority.client(), None).await.unwrap_err();
    assert!(refused.contains("Say who you are"), "{refused}");
    // A server that another authority vouches for, or of another name: the client's part.
    let other = Authority::new(folder.path());
    reach(&server, other.client(), Some(&tokens[0])).await.unwrap_err();
    reach(&server, authority.client().domain_name("other.example"), Some(&tokens[0])).await.unwrap_err();
    // Without TLS, and with one that is too old.
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    let plain = Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await;
    if let Ok(plain) = plain {
        User::on(plain, Some(&tokens[0])).describe().await.unwrap_err();
    }
    let mut tcp = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    tcp.write_all(&hello_of_tls_1_1()).unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    // An alert (21), fatal (2), and the end: handshake_failure (40), or protocol_version (70).
    let refused = answer.len() == 7 && answer[0] == 21 && answer[5] == 2 && [40, 70].contains(&answer[6]);
    assert!(refused, "{answer:?}");
    reach(&server, authority.client(), Some(&tokens[0])).await.unwrap();

    // A renewed certificate counts without a restart.
    let next = Authority::new(folder.path());
    let (cert, key) = next.certify(&["server.example"], 2, 2090);
    next.file("key.pem", &key);
    next.file("cert.pem", &cert);
    reach(&server, next.client(), Some(&tokens[0])).await.unwrap();
    reach(&server, authority.client(), Some(&tokens[0])).await.unwrap_err();
}

/// A ClientHello that offers nothing newer than TLS 1.1.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    // No session; the suites RSA and ECDHE-RSA with AES-128-CBC-SHA; no compression; no extensions.
    body.extend([0, 0, 4, 0, 0x2f, 0xc0, 0x13, 1, 0]);
    let mut hello = vec![22, 3, 1, 0, (body.len() + 4) as u8, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    hello
}

#[tokio::test]
async fn clients_with_certificates() {
    let (state, _) = state(&[]);
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (cert, key) = authority.certify(&["server.example"], 1, 2090);
    let good = authority.certify(&["alice"], 10, 2090);
    let stranger = authority.certify(&["stranger"], 11, 2090);
    let revoked = authority.certify(&["bob"], 12, 2090);
    let expired = authority.certify(&["cara"], 13, 2021);
    let forged = Authority::new(folder.path()).certify(&["alice"], 10, 2090);
    for (name, (pem, _)) in [("alice", &good), ("bob", &revoked), ("cara", &expired), ("dora", &forged)] {
        let file = authority.file("user.pem", pem);
        let state = state.path().to_str().unwrap();
        let added = isochrone(&["user", "add", name, "--certificate", &file, "--state", state]);
        assert!(added.status.success() && added.stdout.is_empty());
    }
    let files = [
        authority.file("cert.pem", &cert),
        authority.file("key.pem", &key),
        authority.file("ca.pem", &authority.certificate()),
        authority.file("crl.pem", &authority.revoke(12)),
    ];
    let names = ["--tls-cert", "--tls-key", "--tls-client-ca", "--tls-client-crl"];
    let mut options = vec!["--listen", "0.0.0.0:0"];
    for (name, file) in names.iter().zip(&files) {
        options.extend([*name, file.as_str()]);
    }
    let server = Guarded::start(state.path(), &options);
    let shows = |(cert, key): &(String, String)| authority.client().identity(Identity::from_pem(cert, key));
    reach(&server, shows(&good), None).await.unwrap();
    let unknown = reach(&server, shows(&stranger), None).await.unwrap_err();
    assert!(unknown.contains("not good here"), "the authority vouches, but there is no account: {unknown}");
    for (who, tls) in [
        ("no certificate", authority.client()),
        ("revoked", shows(&revoked)),
        ("expired", shows(&expired)),
        ("another authority's", shows(&forged)),
    ] {
        let refused = reach(&server, tls, None).await.unwrap_err();
        assert!(
            !refused.contains("not good here") && !refused.contains("Say who"),
            "{who}: in the handshake, {refused}"
        );
    }
    let state = state.path().to_str().unwrap();
    assert!(isochrone(&["user", "remove", "alice", "--state", state]).status.success());
    reach(&server, shows(&good), None).await.unwrap_err();
}
