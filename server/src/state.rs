//! The server's folder: accounts, audit trail, sessions.

use crate::cli::Usage;
use isochrone_api::Vault;
use isochrone_trust::Identity;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A folder that only its owner may look into.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// [`Usage`]: it cannot be used, or others may look into it.
    pub fn open(path: &Path) -> Result<Self, Usage> {
        let failed = |e: std::io::Error| Usage(format!("--state: this folder cannot be used ({})", e.kind()));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
                return Err(Usage(
                    "--state: other users of this machine can look into this folder. Run chmod 700 on it first"
                        .to_owned(),
                ));
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of users.
    pub fn users(&self) -> PathBuf {
        self.0.join("users.toml")
    }

    /// Whether accounts were made here, or a session or an event of the trail is of an account.
    pub fn had_accounts(&self) -> bool {
        let local = Identity::local().user;
        let owners = || Vault::visit(&self.0).and_then(|vault| vault.owners());
        self.users().with_extension("lock").exists()
            || owners().is_ok_and(|owners| owners.iter().any(|owner| *owner != local))
            || File::open(self.audit()).is_ok_and(|trail| names_somebody(BufReader::new(trail), &local))
    }

    /// The audit trail.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }
}

/// Whether an event of a trail is of a user with an account, not of a server without accounts.
fn names_somebody(trail: impl BufRead, local: &str) -> bool {
    let text = |event: &serde_json::Value, key: &str| event.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    trail.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok()).any(
        |event| {
            let (user, role) = (text(&event, "user"), text(&event, "role"));
            role.is_some_and(|r| !r.is_empty()) && user.is_some_and(|u| !u.is_empty() && u != local)
        },
    )
}
