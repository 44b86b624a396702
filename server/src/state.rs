//! The server's folder: accounts, audit trail, sessions.

use crate::cli::Usage;
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

    /// The audit trail.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }
}
