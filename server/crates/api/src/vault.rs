//! Sessions that outlive the process: journals and images in the server's folder.
//!
//! ```text
//! sessions/<id>.viewers    other users who may look at it, one a line
//! sessions/<id>.tally      what the journal must hold
//! sessions/<id>.journal    head: who, which images, how it was opened; then one record a change
//! volumes/<hash>.volume    each image once
//! tmp/                     what is on its way; emptied at every start
//! outputs.jsonl            which files below the root were written here, and for whom
//! ```

use crate::gate::call::Call;
use crate::house::HeldVolume;
use crate::tally::{TALLY, Tally, Tallying};
use crate::{ApiError, v1};
use isochrone_intake::dicom::SeriesInfo;
use isochrone_journal::{Found, Journal, JournalError, VolumeStore, first, read};
use isochrone_session::Keeper;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// The folder of a server's sessions.
pub struct Vault {
    sessions: PathBuf,
    temporary: PathBuf,
    store: VolumeStore,
    /// Held as long as the process uses the folder; a visitor holds none.
    lock: Option<File>,
    /// Images that are being kept have no journal yet: nobody sweeps meanwhile.
    opening: RwLock<()>,
}

/// The ending of the file beside a journal that names who may look.
const VIEWERS: &str = "viewers";

/// What a journal begins with.
#[derive(Serialize, Deserialize)]
struct Head {
    owner: String,
    /// Seconds since 1970.
    opened_s: u64,
    /// The request that opened it, as on the wire.
    request: Vec<u8>,
    volumes: Vec<KeptVolume>,
}

#[derive(Serialize, Deserialize)]
struct KeptVolume {
    id: String,
    hash: [u8; 32],
    series: Option<SeriesInfo>,
}

/// A session of the folder, for whoever looks after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// Its random id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// When it was opened, seconds since 1970.
    pub opened_s: u64,
    /// When its file last changed, seconds since 1970.
    pub changed_s: u64,
    /// Changes that were kept.
    pub changes: usize,
    /// Bytes of the journal.
    pub bytes: u64,
    /// The file is damaged after so many changes.
    pub damaged_after: Option<usize>,
}

/// A session as it comes back.
pub(crate) struct Comeback {
    pub owner: String,
    /// Others who may look at it.
    pub viewers: BTreeSet<String>,
    pub request: v1::OpenSessionRequest,
    pub volumes: Vec<HeldVolume>,
    /// Records of its changes.
    pub records: Vec<Vec<u8>>,
    pub keeper: JournalKeeper,
    /// For the reader.
    pub notice: String,
}

/// Writes a session's changes to its journal.
pub(crate) struct JournalKeeper {
    journal: Journal,
    tally: Tallying,
}

impl Keeper for JournalKeeper {
    fn keep(&mut self, record: &[u8]) -> Result<(), String> {
        self.journal.append(record).map_err(|e| e.to_string())?;
        // The change is kept; that the count lags behind takes nothing away.
        if let Err(error) = self.tally.one_more() {
            tracing::warn!("a session's count of changes was not written ({})", error.kind());
        }
        Ok(())
    }
}

impl Drop for Vault {
    /// By name: a child that is being started shares the descriptor until it runs its program, and with it the lock.
    fn drop(&mut self) {
        if let Some(file) = &self.lock {
            let _ = file.unlock();
        }
    }
}

impl Vault {
    /// The vault below a server's folder, for one process at a time.
    ///
    /// # Errors
    /// The disk; [`JournalError::Busy`] where another process uses it.
    pub fn open(state: &Path) -> Result<Self, JournalError> {
        let vault = Self::visit(state)?;
        if vault.lock.is_some() { Ok(vault) } else { Err(JournalError::Busy) }
    }

    /// The same beside a server that may be running: to list, and to delete what it does not have open.
    ///
    /// # Errors
    /// The disk.
    pub fn visit(state: &Path) -> Result<Self, JournalError> {
        let sessions = state.join("sessions");
        for folder in [&sessions, &state.join("volumes")] {
            private_folder(folder)?;
        }
        let file = File::create(sessions.join("lock"))?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(std::fs::TryLockError::WouldBlock) => None,
            Err(std::fs::TryLockError::Error(e)) => return Err(e.into()),
        };
        let (temporary, store) = (state.join("tmp"), VolumeStore::open(&state.join("volumes"))?);
        Ok(Self { sessions, temporary, store, lock, opening: RwLock::default() })
    }

    /// A folder for what is on its way, emptied of what a process before this one left there, however it ended.
    pub(crate) fn temporary(&self) -> std::io::Result<&Path> {
        if self.lock.is_some() && self.temporary.exists() {
            std::fs::remove_dir_all(&self.temporary)?;
        }
        private_folder(&self.temporary)?;
        Ok(&self.temporary)
    }

    /// The list of files that were written below the root.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.temporary.with_file_name("outputs.jsonl")
    }

    /// Keeps a session's images, and begins its journal.
    pub(crate) fn begin(
        &self,
        id: &str,
        request: &v1::OpenSessionRequest,
        volumes: &[HeldVolume],
    ) -> Result<JournalKeeper, JournalError> {
        let _opening = self.opening.read().unwrap_or_else(PoisonError::into_inner);
        for held in volumes {
            self.store.keep(&held.volume)?;
        }
        let kept = |held: &HeldVolume| KeptVolume {
            id: held.id.clone(),
            hash: held.volume.content_hash(),
            series: held.series.as_deref().cloned(),
        };
        let head = Head {
            owner: Call::current().identity.account.clone(),
            opened_s: seconds(SystemTime::now()),
            request: request.encode_to_vec(),
            volumes: volumes.iter().map(kept).collect(),
        };
        let bytes = serde_json::to_vec(&head).map_err(|_| JournalError::NotAJournal)?;
        let path = self.path(id)?;
        let volumes = head.volumes.iter().map(|v| v.hash).collect();
        // First, so that there is no journal without one.
        let tally = Tally { owner: head.owner, changes: 0, volumes }.begin(&path)?;
        let journal = Journal::create(&path, &bytes)?;
        Ok(JournalKeeper { journal, tally })
    }

    /// The journal of a session that the caller may use; `None` where there is none, or it is another user's.
    pub(crate) fn at_rest(&self, id: &str) -> Option<PathBuf> {
        let path = self.path(id).ok()?;
        // Whose it is comes first: for anybody else it is not there, whatever state it is in.
        let owner = owner_of(&path)?;
        let call = Call::current();
        let may = call.may(&owner) || call.may_look(&viewers(&path));
        call.note("session", id, may);
        may.then_some(path)
    }

    /// Whether there is a journal of this id, of any owner: never for an answer to a client.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.path(id).is_ok_and(|path| path.exists())
    }

    /// A session from its journal; `None` where there is none, or it belongs to somebody else.
    pub(crate) fn comeback(&self, id: &str) -> Result<Option<Comeback>, ApiError> {
        let Some(path) = self.at_rest(id) else { return Ok(None) };
        let Some(head) = head_of(&path) else {
            return Err(ApiError::Damaged(
                "The saved session is damaged at its beginning, so nothing of it can be restored. Have its file restored \
                 from a backup, or close the session to delete it"
                    .to_owned(),
            ));
        };
        let (viewers, tally) = (viewers(&path), Tally::read(&path));
        let (journal, found) = Journal::open(&path)?;
        let damaged = found.damaged_after.is_some();
        let Found { mut records, torn, .. } = found;
        if records.is_empty() {
            return Err(JournalError::NotAJournal.into());
        }
        records.remove(0);
        let request = v1::OpenSessionRequest::decode(head.request.as_slice()).map_err(|_| JournalError::NotAJournal)?;
        let volume = |kept: KeptVolume| {
            let volume = Arc::new(self.store.get(&kept.hash)?);
            Ok::<_, JournalError>(HeldVolume { id: kept.id, volume, series: kept.series.map(Arc::new) })
        };
        let hashes = head.volumes.iter().map(|v| v.hash).collect();
        let volumes = head.volumes.into_iter().map(volume).collect::<Result<Vec<_>, _>>()?;
        let changes = records.len();
        let acknowledged = tally.map_or(0, |t| t.changes);
        let notice = if damaged {
            format!("The saved session is damaged after change {changes}; those before it were restored")
        } else if changes < acknowledged {
            format!(
                "The saved session ends after change {changes}, and {acknowledged} were saved: {} are lost. Have its file \
                 restored from a backup before you go on",
                acknowledged - changes
            )
        } else if torn > 0 {
            format!("Session restored, {changes} changes. One more was being saved when the server ended; repeat it")
        } else {
            format!("Session restored, {changes} changes")
        };
        // From here on the journal is what it is; the notice says what was lost.
        let tally =
            Tally { owner: head.owner.clone(), changes, volumes: hashes }.begin(&path).map_err(JournalError::from)?;
        Ok(Some(Comeback {
            owner: head.owner,
            viewers,
            request,
            volumes,
            records,
            keeper: JournalKeeper { journal, tally },
            notice,
        }))
    }

    /// Keeps who may look at a session beside its owner.
    pub(crate) fn show_to(&self, id: &str, viewers: &BTreeSet<String>) -> Result<(), JournalError> {
        let path = self.path(id)?.with_extension(VIEWERS);
        let mut file = tempfile::NamedTempFile::new_in(&self.sessions)?;
        file.write_all(viewers.iter().map(|user| format!("{user}\n")).collect::<String>().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(File::open(&self.sessions)?.sync_all()?)
    }

    /// Deletes a session that no server has open; false if there is none of this id.
    ///
    /// # Errors
    /// The disk; [`JournalError::Busy`] if a server has it open.
    pub fn delete_at_rest(&self, id: &str) -> Result<bool, JournalError> {
        let Ok(path) = self.path(id) else { return Ok(false) };
        let Ok(file) = File::open(&path) else { return Ok(false) };
        match file.try_lock() {
            Ok(()) => self.delete(id),
            Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::Busy),
            Err(std::fs::TryLockError::Error(e)) => Err(e.into()),
        }
    }

    /// Deletes a session's journal, whoever has it open.
    pub(crate) fn delete(&self, id: &str) -> Result<bool, JournalError> {
        let path = self.path(id)?;
        if !path.exists() {
            return Ok(false);
        }
        std::fs::remove_file(&path)?;
        for beside in ["damaged", VIEWERS, TALLY] {
            let _ = std::fs::remove_file(path.with_extension(beside));
        }
        File::open(&self.sessions)?.sync_all()?;
        Ok(true)
    }

    /// All sessions of the folder, newest change last. Files that are none are left out.
    ///
    /// # Errors
    /// The disk.
    pub fn list(&self) -> Result<Vec<KeptSession>, JournalError> {
        let mut found = Vec::new();
        for (id, path) in self.journals()? {
            // The tally first: a server may add a change between the two.
            let (meta, tally) = (std::fs::metadata(&path)?, Tally::read(&path));
            let (records, damaged_after) = match read(&path) {
                Ok(Found { records, damaged_after, .. }) => (records, damaged_after),
                // What does not even begin like one: empty, or overwritten.
                Err(JournalError::NotAJournal | JournalError::Disk(std::io::ErrorKind::UnexpectedEof)) => {
                    (Vec::new(), None)
                }
                Err(error) => return Err(error),
            };
            let head = records.first().and_then(|r| head(r).ok());
            let changed_s = seconds(meta.modified()?);
            let changes = records.len().saturating_sub(1);
            let cut = tally.as_ref().is_some_and(|t| changes < t.changes) || head.is_none();
            let owner = head.as_ref().map(|h| h.owner.clone()).or(tally.map(|t| t.owner));
            found.push(KeptSession {
                id,
                owner: owner.unwrap_or_else(|| "(unknown)".to_owned()),
                opened_s: head.map_or(changed_s, |h| h.opened_s),
                changed_s,
                changes,
                bytes: meta.len(),
                damaged_after: damaged_after.map(|n| n.saturating_sub(1)).or(cut.then_some(changes)),
            });
        }
        found.sort_by_key(|s| s.changed_s);
        Ok(found)
    }

    /// The accounts that own its sessions, as far as they can be read.
    ///
    /// # Errors
    /// The disk.
    pub fn owners(&self) -> Result<BTreeSet<String>, JournalError> {
        Ok(self.journals()?.iter().filter_map(|(_, path)| owner_of(path)).collect())
    }

    /// Deletes images that no session needs any more; returns how many went. A session that is being
    /// opened meanwhile keeps its own. None beside a running server, which sees to it itself when it starts and
    /// whenever a session is closed.
    ///
    /// # Errors
    /// The disk; a journal that cannot be read, for nobody knows what it needs.
    pub fn sweep(&self) -> Result<usize, JournalError> {
        if self.lock.is_none() {
            return Ok(0);
        }
        let _nobody_opens = self.opening.write().unwrap_or_else(PoisonError::into_inner);
        let mut used = Vec::new();
        for (_, path) in self.journals()? {
            match (head_of(&path), Tally::read(&path)) {
                (Some(head), _) => used.extend(head.volumes.iter().map(|v| v.hash)),
                (None, Some(tally)) => used.extend(tally.volumes),
                (None, None) => return Err(JournalError::NotAJournal),
            }
        }
        self.store.sweep(&used)
    }

    /// Sessions that whoever asks may have, newest change first.
    pub(crate) fn mine(&self) -> Result<Vec<v1::SessionEntry>, JournalError> {
        let (mut found, call) = (Vec::new(), Call::current());
        for (id, path) in self.journals()? {
            // One that is being deleted meanwhile is not there any more.
            let Some(owner) = owner_of(&path) else { continue };
            if !call.may(&owner) && !call.may_look(&viewers(&path)) {
                continue;
            }
            // One whose beginning is damaged is listed too: opening it says what can be done.
            let (head, changed) = (head_of(&path), std::fs::metadata(&path).and_then(|m| m.modified()));
            let changed = changed.ok().map(seconds);
            let opened = head.as_ref().map(|h| h.opened_s).or(changed).unwrap_or_default();
            let first = head.as_ref().and_then(|h| h.volumes.first());
            let hash = first.map(|v| v.hash).or_else(|| Tally::read(&path)?.volumes.first().copied());
            found.push(v1::SessionEntry {
                session_id: id,
                opened_unix_s: opened,
                changed_unix_s: changed.unwrap_or(opened),
                content_hash: hash.map(|h| h.to_vec()).unwrap_or_default(),
                series_uid: first.and_then(|v| v.series.as_ref()).map(|s| s.series_uid.clone()).unwrap_or_default(),
            });
        }
        found.sort_by(|a, b| b.changed_unix_s.cmp(&a.changed_unix_s).then_with(|| a.session_id.cmp(&b.session_id)));
        Ok(found)
    }

    fn journals(&self) -> Result<Vec<(String, PathBuf)>, JournalError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.sessions)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "journal")
                && let Some(id) = path.file_stem().and_then(|s| s.to_str())
            {
                found.push((id.to_owned(), path));
            }
        }
        Ok(found)
    }

    /// Where a session's journal lies: an id of ours names no other file.
    fn path(&self, id: &str) -> Result<PathBuf, JournalError> {
        if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(self.sessions.join(format!("{id}.journal")))
        } else {
            Err(JournalError::NotAJournal)
        }
    }
}

/// Who may look at a session beside its owner, one name a line; without the file, nobody.
fn viewers(journal: &Path) -> BTreeSet<String> {
    let names = std::fs::read_to_string(journal.with_extension(VIEWERS)).unwrap_or_default();
    names.lines().map(str::to_owned).collect()
}

/// Whose a session is; its tally knows where its journal's beginning is damaged.
fn owner_of(journal: &Path) -> Option<String> {
    head_of(journal)
        .map(|h| h.owner)
        .or_else(|| journal.exists().then(|| Tally::read(journal)).flatten().map(|t| t.owner))
}

/// Makes a folder that only its owner may look into.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    // One of an earlier version, too.
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn head(record: &[u8]) -> Result<Head, JournalError> {
    serde_json::from_slice(record).map_err(|_| JournalError::NotAJournal)
}

fn head_of(path: &Path) -> Option<Head> {
    head(&first(path).ok()??).ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
