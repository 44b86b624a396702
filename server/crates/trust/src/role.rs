use crate::TrustError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What somebody may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Holds own images and sessions, and sees no others.
    Reader,
    /// May look at everybody's images and sessions, and change own ones.
    StudyLead,
    /// May change and close everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => "reader",
            Self::StudyLead => "study-lead",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        [Self::Reader, Self::StudyLead, Self::Admin]
            .into_iter()
            .find(|role| role.to_string() == text)
            .ok_or(TrustError::Name("A role is reader, study-lead or admin"))
    }
}

/// Somebody who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name of the account; `oidc:` and the subject for a log-in service's.
    pub user: String,
    /// The account itself, to which things belong: `name#id`, so that a later account of the same name is another one;
    /// the name alone for accounts that were made before there were ids, and for a log-in service's.
    pub account: String,
    /// What the account may do.
    pub role: Role,
}

/// The name of an account, as [`Identity::account`] has it.
#[must_use]
pub fn name_of_account(account: &str) -> &str {
    if account.starts_with(crate::oidc::PREFIX) { account } else { account.split('#').next().unwrap_or_default() }
}

/// Whether a name is of a log-in service's user.
#[must_use]
pub fn is_of_log_in_service(user: &str) -> bool {
    user.starts_with(crate::oidc::PREFIX)
}

impl Identity {
    /// Whoever works on this machine, where nobody has to say who they are.
    #[must_use]
    pub fn local() -> Self {
        Self::named("local", Role::Admin)
    }

    /// Code of the server's own that acts for nobody in particular: it sees only what it made itself.
    #[must_use]
    pub fn nobody() -> Self {
        Self::named("(server)", Role::Reader)
    }

    /// An identity whose account id is its name.
    pub(crate) fn named(user: &str, role: Role) -> Self {
        Self { user: user.to_owned(), account: user.to_owned(), role }
    }
}
