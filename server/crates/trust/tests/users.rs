//! Accounts, tokens and the log-in service's tokens.

use isochrone_trust::{Directory, Oidc, OidcSettings, Role, Token, TrustError, Users, now};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn tokens() {
    let mut users = Users::default();
    let alice = users.add("alice", Role::Reader, None).unwrap();
    let bob = users.add("bob", Role::Admin, Some(1000)).unwrap();
    let token = |text: &str| text.parse::<Token>().unwrap();
    assert_eq!(users.identify(&token(&alice), 0).unwrap().user, "alice");
    assert_eq!(users.identify(&token(&bob), 999).unwrap().role, Role::Admin);
    assert!(matches!(users.identify(&token(&bob), 1000), Err(TrustError::Refused)), "expired");
    // Any digit changed; another's number with one's own secret.
    for n in "isochrone_".len()..alice.len() {
        let mut wrong = alice.clone().into_bytes();
        wrong[n] = if wrong[n] == b'0' { b'1' } else { b'0' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert!(wrong.parse::<Token>().map_or(true, |t| users.identify(&t, 0).is_err()), "{n}");
    }
    let mixed = format!("{}_{}", bob.rsplit_once('_').unwrap().0, alice.rsplit_once('_').unwrap().1);
    assert!(users.identify(&token(&mixed), 0).is_err());
    for none in
        ["", "isochrone_", "isochrone__", "bearer x", &alice.to_uppercase(), &format!("{alice}0"), &"é".repeat(40)]
    {
        assert!(none.parse::<Token>().is_err(), "{none}");
    }
    assert!(!format!("{:?}", token(&alice)).contains(alice.rsplit_once('_').unwrap().1), "never in a log");
    users.remove("alice").unwrap();
    assert!(users.identify(&token(&alice), 0).is_err());
    assert!(matches!(users.remove("alice"), Err(TrustError::Absent)));
    assert!(matches!(users.add("bob", Role::Reader, None), Err(TrustError::Exists)));
    for name in ["", "a b", "oidc:bob", "é", &"x".repeat(65)] {
        assert!(matches!(users.add(name, Role::Reader, None), Err(TrustError::Name(_))), "{name}");
    }
}

#[test]
fn the_file_is_private_and_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.toml");
    let alice = Users::edit(&path, |users| users.add("alice", Role::StudyLead, None)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("alice") && !text.contains(alice.rsplit_once('_').unwrap().1), "only the hash is kept");
    let directory = Directory::open(path.clone()).unwrap();
    let token: Token = alice.parse().unwrap();
    assert_eq!(directory.identify(&token).unwrap().role, Role::StudyLead);
    Users::edit(&path, |users| users.add_certificate("cara", Role::Reader, None, b"a certificate")).unwrap();
    assert_eq!(directory.identify_certificate(b"a certificate").unwrap().user, "cara");
    assert!(directory.identify_certificate(b"another").is_err());
    Users::edit(&path, |users| users.remove("alice")).unwrap();
    assert!(matches!(directory.identify(&token), Err(TrustError::Refused)), "from the next request on");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Users::load(&path), Err(TrustError::Exposed(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::write(&path, "[[user]]\nname = \"x\"\nrole = \"emperor\"\n").unwrap();
    let damaged = Users::load(&path).unwrap_err();
    assert!(matches!(damaged, TrustError::Damaged(..)), "{damaged}");
    assert!(directory.identify_certificate(b"a certificate").is_err(), "a damaged file lets nobody in");
}

/// A log-in service: a key pair and its public half as a JWKS.
struct Service {
    signing: EncodingKey,
    jwks: Value,
}

impl Service {
    fn new(kid: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let public = pair.public_key_raw();
        let x = base64url(public);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x});
        Self { signing: EncodingKey::from_ed_der(&pair.serialize_der()), jwks: json!({"keys": [key]}) }
    }

    fn token(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = kid.map(str::to_owned);
        encode(&header, claims, &self.signing).unwrap()
    }
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for d in 0..=chunk.len() {
            text.push(char::from(DIGITS[(n >> (18 - 6 * d) & 63) as usize]));
        }
    }
    text
}

fn checker(path: &Path) -> Oidc {
    Oidc::open(OidcSettings {
        issuer: "https://login.example".to_owned(),
        audience: "isochrone".to_owned(),
        jwks: path.to_owned(),
        role_claim: "roles".to_owned(),
    })
    .unwrap()
}

#[test]
fn a_log_in_service() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let service = Service::new("one");
    std::fs::write(&path, service.jwks.to_string()).unwrap();
    let oidc = checker(&path);
    let good = json!({
        "iss": "https://login.example", "aud": "isochrone", "sub": "4711",
        "exp": now() + 600, "roles": ["reader", "something else", "study-lead"],
    });
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        claims
    };
    let who = oidc.identify(&service.token(Some("one"), &good)).unwrap();
    assert_eq!((who.user.as_str(), who.role), ("oidc:4711", Role::StudyLead));
    assert!(oidc.identify(&service.token(None, &good)).is_ok(), "one key need not be named");
    assert!(oidc.identify(&service.token(None, &with("aud", json!(["other", "isochrone"])))).is_ok());
    for (field, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another service")),
        ("exp", json!(now() - 60)),
        ("nbf", json!(now() + 600)),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("aud", Value::Null),
        ("exp", Value::Null),
    ] {
        let refused = oidc.identify(&service.token(Some("one"), &with(field, value.clone())));
        assert!(matches!(refused, Err(TrustError::Refused)), "{field} {value}: {refused:?}");
    }
    for value in [json!([]), json!("emperor"), json!(7), Value::Null] {
        let refused = oidc.identify(&service.token(Some("one"), &with("roles", value.clone())));
        assert!(matches!(refused, Err(TrustError::NoRole)), "{value}: {refused:?}");
    }
    // Another's signature under the known name, an unknown name, an unsigned token, the public key taken for a
    // shared secret.
    assert!(oidc.identify(&Service::new("one").token(Some("one"), &good)).is_err());
    assert!(oidc.identify(&service.token(Some("two"), &good)).is_err());
    let claims = base64url(good.to_string().as_bytes());
    let unsigned = format!("{}.{claims}.", base64url(br#"{"alg":"none","kid":"one"}"#));
    assert!(oidc.identify(&unsigned).is_err());
    let secret = service.jwks["keys"][0]["x"].as_str().unwrap().as_bytes();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    assert!(oidc.identify(&encode(&header, &good, &EncodingKey::from_secret(secret)).unwrap()).is_err());
    for junk in ["", ".", "..", "a.b.c", &"x".repeat(1 << 20)] {
        assert!(oidc.identify(junk).is_err());
    }
    // The service changes its key; a set without it.
    let next = Service::new("two");
    std::fs::write(&path, next.jwks.to_string() + " ").unwrap();
    assert!(oidc.identify(&next.token(Some("two"), &good)).is_ok());
    assert!(oidc.identify(&service.token(Some("one"), &good)).is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(oidc.identify(&next.token(Some("two"), &good)), Err(TrustError::File(..))));
}
