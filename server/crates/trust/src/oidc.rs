use crate::fresh::Fresh;
use crate::{Identity, Role, TrustError};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const FILE: &str = "The log-in service's keys (JWKS)";

/// Seconds by which the clocks of two machines may differ.
const LEEWAY: u64 = 30;

/// Bytes of a token; real ones have one or two thousand.
const LENGTH: usize = 16 << 10;

/// What to ask of a log-in service's tokens.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The service's name in its tokens (`iss`).
    pub issuer: String,
    /// Our name in its tokens (`aud`).
    pub audience: String,
    /// File with the service's public keys.
    pub jwks: PathBuf,
    /// The claim that holds roles: a text or a list, `reader`, `study-lead` or `admin`.
    pub role_claim: String,
}

/// Bearer tokens (JWT) of an OpenID Connect provider, checked against its public keys. The file of keys is
/// read anew when it changes, so that keys can be rotated without a restart.
pub struct Oidc {
    settings: OidcSettings,
    keys: Fresh<JwkSet>,
}

impl Oidc {
    /// A checker with keys that are good now.
    ///
    /// # Errors
    /// The file of keys cannot be read.
    pub fn open(settings: OidcSettings) -> Result<Self, TrustError> {
        let oidc = Self { keys: Fresh::new(settings.jwks.clone()), settings };
        oidc.keys.get(read)?;
        Ok(oidc)
    }

    /// Who a token speaks for: a signature by a public key that is known, issuer, audience, not before, not
    /// after, and a role.
    ///
    /// # Errors
    /// [`TrustError::Refused`] whatever is wrong with the token; [`TrustError::NoRole`].
    pub fn identify(&self, token: &str) -> Result<Identity, TrustError> {
        if token.len() > LENGTH {
            return Err(TrustError::Refused);
        }
        let header = decode_header(token).map_err(|_| TrustError::Refused)?;
        let keys = self.keys.get(read)?;
        let key = match &header.kid {
            Some(kid) => keys.find(kid),
            // A service with one key need not name it.
            None => keys.keys.first().filter(|_| keys.keys.len() == 1),
        };
        let key = key.filter(|k| usable(k, header.alg)).ok_or(TrustError::Refused)?;
        let decoding = DecodingKey::from_jwk(key).map_err(|_| TrustError::Refused)?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Map<String, Value>>(token, &decoding, &validation).map_err(|_| TrustError::Refused)?;
        let subject = claims.claims.get("sub").and_then(Value::as_str).ok_or(TrustError::Refused)?;
        if !is_subject(subject) {
            return Err(TrustError::Refused);
        }
        let role = self.role(&claims.claims).ok_or(TrustError::NoRole)?;
        Ok(Identity::named(&format!("{PREFIX}{subject}"), role))
    }

    /// The highest role that the token names.
    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let claim = claims.get(&self.settings.role_claim)?;
        let named = match claim {
            Value::Array(roles) => roles.iter().collect(),
            one => vec![one],
        };
        named.into_iter().filter_map(|r| r.as_str()?.parse().ok()).max()
    }
}

/// Stands before the names of those who are known by a log-in service's token.
pub(crate) const PREFIX: &str = "oidc:";

/// Whether a log-in service can call somebody so.
pub(crate) fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Only public-key signatures, and only the kind that the key is for: a public key must never be taken for a
/// shared secret.
fn usable(key: &Jwk, algorithm: Algorithm) -> bool {
    let public = !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let named = key.common.key_algorithm.is_none_or(|a| a.to_string() == format!("{algorithm:?}"));
    public && named
}

fn read(path: &Path) -> Result<JwkSet, TrustError> {
    let text = std::fs::read_to_string(path).map_err(|e| TrustError::File(FILE, e.kind()))?;
    serde_json::from_str(&text).map_err(|e| TrustError::Damaged(FILE, e.to_string()))
}
