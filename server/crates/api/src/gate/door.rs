use http::HeaderMap;
use http::header::AUTHORIZATION;
use isochrone_trust::{Directory, Identity, Oidc, Token, TrustError};
use std::sync::Arc;

/// How people say who they are.
pub enum Door {
    /// Not at all: whoever reaches the port is the user of this machine.
    Open,
    /// With a token of ours, a certificate that we know, or a log-in service's token.
    Accounts {
        /// Our own accounts.
        directory: Arc<Directory>,
        /// A log-in service, if there is one.
        oidc: Option<Box<Oidc>>,
    },
}

impl Door {
    /// Who asks. `certificate` is the client's, DER, if it showed one.
    pub(crate) fn identify(&self, headers: &HeaderMap, certificate: Option<&[u8]>) -> Result<Identity, TrustError> {
        let Self::Accounts { directory, oidc } = self else { return Ok(Identity::local()) };
        match (bearer(headers)?, certificate, oidc) {
            (Some(token), _, oidc) => match (token.parse::<Token>(), oidc) {
                (Ok(token), _) => directory.identify(&token),
                (Err(_), Some(oidc)) => oidc.identify(token),
                (Err(refused), None) => Err(refused),
            },
            (None, Some(certificate), _) => directory.identify_certificate(certificate),
            (None, None, _) => Err(TrustError::Unknown),
        }
    }

    /// Whether an authenticated caller still has the same account. What a log-in service says of its own is good until
    /// it expires, and an unreadable list ends nobody's work.
    pub(crate) fn still_knows(&self, identity: &Identity) -> bool {
        match self {
            Self::Accounts { directory, oidc: None } => {
                directory.account(&identity.user).map_or(true, |now| now.as_ref() == Some(&identity.account))
            }
            Self::Open | Self::Accounts { .. } => true,
        }
    }

    /// Our own accounts, if there are any.
    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        match self {
            Self::Open => None,
            Self::Accounts { directory, .. } => Some(directory.clone()),
        }
    }

    /// True where nobody has to say who they are.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// The bearer token, if there is one; two are one too many.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TrustError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), second) = (all.next(), all.next()) else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| second.is_none()).ok_or(TrustError::Refused)?;
    let (scheme, token) = text.split_once(' ').ok_or(TrustError::Refused)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(TrustError::Refused) }
}
