//! Files that were written below the root, and for whom. Only those are ever replaced, and only for the same account:
//! all other files there are originals.

use crate::gate::call::Call;
use crate::{ApiError, Root};
use isochrone_export::ExportError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// What was written. With a list on the disk it outlives the server.
pub(crate) struct Outputs {
    written: Mutex<BTreeMap<PathBuf, Output>>,
    list: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    path: PathBuf,
    account: String,
    /// Length and time of change, in ns since 1970: they differ once another program has replaced the file.
    bytes: u64,
    changed_ns: u64,
}

/// A place for a file that may be written.
pub(crate) struct Place {
    path: PathBuf,
    replaces: bool,
}

impl Place {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Outputs {
    /// What the list says that is still as it was written; nothing without a list.
    pub fn open(list: Option<PathBuf>) -> std::io::Result<Self> {
        let outputs = Self { written: Mutex::default(), list };
        if let Some(list) = &outputs.list {
            let mut written = outputs.lock();
            match File::open(list) {
                Ok(file) => {
                    let lines = BufReader::new(file).lines().map_while(Result::ok);
                    let listed = lines.filter_map(|line| serde_json::from_str::<Output>(&line).ok());
                    written.extend(listed.map(|output| (output.path.clone(), output)));
                    written.retain(|_, output| output.is_there());
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let mut fresh = tempfile::NamedTempFile::new_in(list.parent().unwrap_or(Path::new(".")))?;
            for output in written.values() {
                fresh.write_all(&output.line()?)?;
            }
            fresh.persist(list).map_err(|e| e.error)?;
        }
        Ok(outputs)
    }

    /// A place below the root, if nothing is there, or a file that was written for the same account and may be replaced.
    pub fn place(&self, root: &Root, path: &str, overwrite: bool) -> Result<Place, ApiError> {
        let (place, call) = (root.place(path)?, Call::current());
        note_file(path);
        let replaces = place.symlink_metadata().is_ok();
        if replaces && !overwrite {
            return Err(ApiError::Exists);
        }
        let ours = |o: &Output| o.account == call.identity.account && o.is_there();
        if replaces && !self.lock().get(&place).is_some_and(ours) {
            return Err(ApiError::NotOurs);
        }
        Ok(Place { path: place, replaces })
    }

    /// Writes a file beside its place and moves it there, whole or not at all. Of two who make the same new file, one
    /// is told that it is there already.
    pub fn write<E>(&self, place: &Place, content: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), ApiError>
    where
        ApiError: From<E>,
    {
        let failed = |e: std::io::Error| ApiError::Export(ExportError::Write(e.kind()));
        let (Some(folder), Some(name)) = (place.path.parent(), place.path.file_name()) else {
            return Err(ApiError::field("path", "name a file"));
        };
        let beside = tempfile::Builder::new().prefix(".isochrone-").tempdir_in(folder).map_err(failed)?;
        let made = beside.path().join(name);
        content(&made)?;
        // Held until it is noted, so that nobody finds a file of his own that is not known yet.
        let mut written = self.lock();
        let moved = if place.replaces { std::fs::rename(&made, &place.path) } else { moved_to_new(&made, &place.path) };
        moved.map_err(|e| if e.kind() == ErrorKind::AlreadyExists { ApiError::Exists } else { failed(e) })?;
        #[cfg(unix)]
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let output = Output::of(&place.path, Call::current().identity.account.clone()).map_err(failed)?;
        if let Some(list) = &self.list {
            // Unlisted, it is not replaced after the next start, no more.
            let appended = File::options().append(true).open(list).and_then(|mut f| f.write_all(&output.line()?));
            if let Err(error) = appended {
                tracing::warn!("a file that was written is not listed ({})", error.kind());
            }
        }
        written.insert(place.path.clone(), output);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Output>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    fn of(path: &Path, account: String) -> std::io::Result<Self> {
        let (bytes, changed_ns) = stamp(&path.symlink_metadata()?);
        Ok(Self { path: path.to_owned(), account, bytes, changed_ns })
    }

    /// True if the file is the one that was written.
    fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|meta| meta.is_file() && stamp(&meta) == (self.bytes, self.changed_ns))
    }

    fn line(&self) -> std::io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

fn stamp(meta: &Metadata) -> (u64, u64) {
    let changed = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map(|d| d.as_nanos());
    (meta.len(), changed.and_then(|ns| u64::try_from(ns).ok()).unwrap_or_default())
}

/// Moves a file to a name that must be free.
fn moved_to_new(made: &Path, place: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(made, place) {
        // A file system without hard links: the name is taken first.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            File::create_new(place)?;
            std::fs::rename(made, place)
        }
        linked => linked,
    }
}

/// Names a file to the trail: by a hash of the path as the request has it, for names of files may be patients'.
pub(crate) fn note_file(path: &str) {
    let hash = Sha256::digest(path.as_bytes());
    let hash: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    Call::current().note("file", &hash, true);
}
