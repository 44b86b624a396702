//! Where a series lies while it comes from a PACS: kept while it is broken, so that it can go on; gone once it is read.

use crate::{ApiError, House};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Broken loads that are kept.
const KEPT: usize = 4;

/// Folders that a load is at work on.
pub(crate) type Busy = Arc<Mutex<HashSet<PathBuf>>>;

/// One series on its way.
pub(crate) struct Spool {
    folder: PathBuf,
    busy: Busy,
}

impl Spool {
    /// The folder of a series, with what an earlier try left there.
    pub fn begin(house: &House, pacs: &str, study_uid: &str, series_uid: &str) -> Result<Self, ApiError> {
        let mut hasher = Sha256::new();
        for part in [pacs, study_uid, series_uid] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        let name: String = hasher.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
        let all = house.private.path().join("pacs");
        let folder = all.join(name);
        let mut busy = house.spooling.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.contains(&folder) {
            return Err(ApiError::State(
                "This series is being loaded already. Wait for it, then list the volumes".to_owned(),
            ));
        }
        tidy(&all, &folder, &busy);
        std::fs::create_dir_all(&folder).map_err(|_| ApiError::Broken("its disk could not be written"))?;
        busy.insert(folder.clone());
        drop(busy);
        Ok(Self { folder, busy: house.spooling.clone() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The series has been read.
    pub fn done(self) {
        // What stays is tidied by a later load, or with the server's private folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.folder);
    }
}

/// Removes the oldest broken loads beyond the few that are kept.
fn tidy(all: &Path, wanted: &Path, busy: &HashSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(all) else { return };
    let mut idle: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|e| e.path() != wanted && !busy.contains(&e.path()))
        .map(|e| (e.metadata().and_then(|m| m.modified()).ok(), e.path()))
        .collect();
    idle.sort();
    let surplus = idle.len().saturating_sub(KEPT);
    for (_, path) in idle.into_iter().take(surplus) {
        let _ = std::fs::remove_dir_all(path);
    }
}
