use crate::JournalError;
use crate::frame::{self, Decoded};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A journal that is being written; one process at a time.
pub struct Journal {
    file: File,
    /// Bytes that are good.
    end: u64,
    head: blake3::Hash,
    /// A failed write could not be taken back.
    closed: bool,
}

/// What a journal's file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Payloads of the good records, oldest first.
    pub records: Vec<Vec<u8>>,
    /// Bytes of a record that was never finished, at the end.
    pub torn: u64,
    /// After how many good records the file is damaged, if it is.
    pub damaged_after: Option<usize>,
    end: u64,
    head: Option<[u8; 32]>,
}

impl Journal {
    /// Begins a journal with its first record; the file must not be there.
    ///
    /// # Errors
    /// The disk.
    pub fn create(path: &Path, first: &[u8]) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        lock(&file)?;
        file.write_all(frame::MAGIC)?;
        let mut journal = Self { file, end: frame::MAGIC.len() as u64, head: frame::start(), closed: false };
        journal.append(first)?;
        // So that the name outlives a power cut too.
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(journal)
    }

    /// Goes on with a journal after what [`read`] found good; a torn or damaged rest is cut off, a damaged one
    /// only after it was copied beside the file (`.damaged`).
    ///
    /// # Errors
    /// The disk; another process has it; it is no journal.
    pub fn open(path: &Path) -> Result<(Self, Found), JournalError> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0 {
            // Deleted by another process, between the name and the lock.
            return Err(JournalError::Disk(ErrorKind::NotFound));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let found = parse(&bytes)?;
        if found.damaged_after.is_some() {
            std::fs::copy(path, path.with_extension("damaged"))?;
        }
        file.set_len(found.end)?;
        file.seek(SeekFrom::Start(found.end))?;
        file.sync_all()?;
        let head = found.head.map_or_else(frame::start, blake3::Hash::from);
        Ok((Self { file, end: found.end, head, closed: false }, found))
    }

    /// Adds a record. When this returns, the disk has it; when it fails, the journal is as it was before.
    ///
    /// # Errors
    /// The disk is full, or did not confirm.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if self.closed {
            self.take_back().map_err(|_| JournalError::Closed)?;
            self.closed = false;
        }
        let (bytes, hash) = frame::encode(&self.head, payload).ok_or(JournalError::Full)?;
        if let Err(error) = self.file.write_all(&bytes).and_then(|()| self.file.sync_data()) {
            self.closed = self.take_back().is_err();
            return Err(error.into());
        }
        self.end += bytes.len() as u64;
        self.head = hash;
        Ok(())
    }

    /// Cuts off what was not confirmed. The record must not come back after a restart, for nobody was told that it
    /// was kept; and after a failed fsync nobody knows what the disk has, so this must be confirmed itself.
    fn take_back(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.sync_all()
    }
}

impl Drop for Journal {
    /// By name: a child that is being started shares the descriptor until it runs its program, and with it the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn lock(file: &File) -> Result<(), JournalError> {
    file.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => JournalError::Busy,
        TryLockError::Error(e) => e.into(),
    })
}

/// The first record alone, without reading the others; `None` if it is not whole.
///
/// # Errors
/// The disk.
pub fn first(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    (&mut file).take((frame::MAGIC.len() + frame::HEAD) as u64).read_to_end(&mut bytes)?;
    let Some(rest) = frame::rest_of(bytes.get(frame::MAGIC.len()..).unwrap_or_default()) else { return Ok(None) };
    file.take(rest as u64).read_to_end(&mut bytes)?;
    let Some(record) = bytes.strip_prefix(frame::MAGIC) else { return Ok(None) };
    match frame::decode(record, Some(&frame::start())) {
        Decoded::Record(payload, ..) => Ok(Some(payload.to_vec())),
        Decoded::Short | Decoded::Wrong => Ok(None),
    }
}

/// Reads a journal without changing it.
///
/// # Errors
/// The disk; the file is no journal of this version.
pub fn read(path: &Path) -> Result<Found, JournalError> {
    parse(&std::fs::read(path)?)
}

fn parse(bytes: &[u8]) -> Result<Found, JournalError> {
    let Some(mut rest) = bytes.strip_prefix(frame::MAGIC) else {
        // A crash within the first eight bytes.
        let short = bytes.len() < frame::MAGIC.len() && frame::MAGIC.starts_with(bytes);
        return if short { Err(JournalError::Disk(ErrorKind::UnexpectedEof)) } else { Err(JournalError::NotAJournal) };
    };
    let mut found = Found { end: frame::MAGIC.len() as u64, ..Found::default() };
    let mut head = frame::start();
    while !rest.is_empty() {
        match frame::decode(rest, Some(&head)) {
            Decoded::Record(payload, hash, size) => {
                found.records.push(payload.to_vec());
                found.end += size as u64;
                found.head = Some(hash.into());
                head = hash;
                rest = rest.get(size..).unwrap_or_default();
            }
            // A torn write leaves a beginning. Whatever else stands here was whole once: the reader is told.
            Decoded::Short if !frame::goes_on(rest) => {
                found.torn = rest.len() as u64;
                break;
            }
            Decoded::Short | Decoded::Wrong => {
                found.damaged_after = Some(found.records.len());
                break;
            }
        }
    }
    Ok(found)
}
