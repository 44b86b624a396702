//! Who asks, what they may do, and what they did.
//!
//! | part | what it holds |
//! |---|---|
//! | [`Role`], [`Identity`] | who somebody is, once that is known |
//! | [`Token`] | a bearer token: 256 random bits, of which the server keeps a hash |
//! | [`Users`] | the file of users, readable by its owner only |
//! | [`Directory`] | the same, read anew whenever the file changes |
//! | [`Oidc`] | bearer tokens of somebody else's log-in service |
//! | [`audit`] | the trail: one line an event, each bound to the one before |
//!
//! Nothing here knows sockets, requests or patients.
//!
//! ```
//! use isochrone_trust::{Role, Token, Users};
//! let mut users = Users::default();
//! let token = users.add("alice", Role::Reader, None)?;
//! assert_eq!(users.identify(&token.parse::<Token>()?, 0)?.user, "alice");
//! # Ok::<(), isochrone_trust::TrustError>(())
//! ```

pub mod audit;
mod directory;
mod error;
mod fresh;
mod oidc;
mod private;
mod role;
mod token;
mod users;

pub use directory::Directory;
pub use error::TrustError;
pub use oidc::{Oidc, OidcSettings};
pub use role::{Identity, Role, is_of_log_in_service, name_of_account};
pub use token::Token;
pub use users::{User, Users, check_user};

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of lower-case hexadecimal text, if it is some of the right length.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Seconds since 1970, for what expires.
#[must_use]
pub fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
