//! The server's private folder: uploads and series on their way. What a process left there that was killed is removed
//! by the next one.

use crate::Vault;
use std::fs::{File, TryLockError};
use std::path::Path;
use tempfile::TempDir;

/// What the folder's name begins with.
const PREFIX: &str = "isochrone-";

/// A file within, locked as long as its process lives.
const LOCK: &str = "lock";

/// A folder that only this user may look into, with whatever keeps other servers from sweeping it.
pub(crate) struct Private {
    folder: TempDir,
    _lock: File,
}

impl Private {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A new one: in the server's own folder if there is one, else where temporary files go.
pub(crate) fn folder(vault: Option<&Vault>) -> std::io::Result<Private> {
    let place = vault.map(Vault::temporary).transpose()?.map(Path::to_owned);
    let place = place.unwrap_or_else(std::env::temp_dir);
    sweep(&place);
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&place)?;
    let lock = File::create_new(folder.path().join(LOCK))?;
    lock.try_lock().map_err(std::io::Error::from)?;
    Ok(Private { folder, _lock: lock })
}

/// Removes folders of ours whose process has ended.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.filter_map(Result::ok) {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // A link is no folder here; without the file within, it is none of these.
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        match lock.try_lock() {
            Ok(()) => match std::fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!("what an earlier server left in its private folder was removed"),
                Err(e) => tracing::warn!("what an earlier server left in its private folder stays ({})", e.kind()),
            },
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}
