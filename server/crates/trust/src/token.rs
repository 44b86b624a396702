use crate::{TrustError, hex, unhex};
use rand::Rng;
use std::fmt;
use std::str::FromStr;

/// A bearer token, `isochrone_<16 digits>_<64 digits>` (hexadecimal): a number to find it by, and 256 random
/// bits that nobody else knows.
///
/// The server keeps only a salted BLAKE3 of the secret. A password hash such as Argon2 makes guessing
/// dear; 256 random bits cannot be guessed at any price, and a hash that takes 50 ms would let strangers
/// keep the server busy.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) id: [u8; 8],
    secret: [u8; 32],
}

impl Token {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let mut token = Self { id: [0; 8], secret: [0; 32] };
        rand::rng().fill_bytes(&mut token.id);
        rand::rng().fill_bytes(&mut token.secret);
        token
    }

    /// What the server keeps of the secret.
    pub(crate) fn hash(&self, salt: &[u8; 16]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("isochrone user token, version 1");
        hasher.update(salt).update(&self.secret);
        hasher.finalize()
    }

    /// The whole token, to be shown once to whom it is for.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("isochrone_{}_{}", hex(&self.id), hex(&self.secret))
    }
}

impl FromStr for Token {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        let (id, secret) =
            text.strip_prefix("isochrone_").and_then(|t| t.split_once('_')).ok_or(TrustError::Refused)?;
        let (Some(id), Some(secret)) = (unhex(id), unhex(secret)) else { return Err(TrustError::Refused) };
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for Token {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", hex(&self.id))
    }
}
