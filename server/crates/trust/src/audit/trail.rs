use super::event::Line;
use super::verify::{Checked, FILE, verify};
use super::{Event, Kind};
use crate::{TrustError, private};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;
use time::macros::format_description;

/// A trail that is being written; one process at a time.
pub struct Trail(Mutex<Open>);

struct Open {
    file: File,
    state: Checked,
}

impl Trail {
    /// Opens a trail, or begins one, after following its chain. A torn last line is cut off.
    ///
    /// # Errors
    /// The file cannot be used, is in another server's hands, can be read by others, or was tampered with.
    pub fn open(path: &Path) -> Result<Self, TrustError> {
        let failed = |e: std::io::Error| TrustError::File(FILE, e.kind());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        private::check(&file, FILE)?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => TrustError::File(FILE, ErrorKind::ResourceBusy),
            TryLockError::Error(e) => failed(e),
        })?;
        let state = verify(&mut file)?;
        file.set_len(state.whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let torn = state.torn;
        let trail = Self(Mutex::new(Open { file, state }));
        let detail = if torn > 0 { format!("{torn} bytes of a torn line were cut off") } else { String::new() };
        trail.record(&Event::of_server(Kind::Start, &detail))?;
        trail.sync()?;
        Ok(trail)
    }

    /// Writes an event; a process that is killed afterwards does not lose it.
    ///
    /// # Errors
    /// The file cannot be written: the event is not in the trail, and what asked for it should not go on.
    pub fn record(&self, event: &Event) -> Result<(), TrustError> {
        let mut open = self.lock();
        let line =
            Line { n: open.state.events + 1, time: stamp(), event: event.clone(), prev: open.state.head.clone() };
        let (text, hash) = line.seal().map_err(|e| TrustError::Damaged(FILE, e.to_string()))?;
        if let Err(error) = open.file.write_all(text.as_bytes()) {
            // What went out of half a line is taken back, so that the next one starts a line.
            let whole = open.state.whole;
            let _ = open.file.set_len(whole).and_then(|()| open.file.seek(SeekFrom::Start(whole)));
            return Err(TrustError::File(FILE, error.kind()));
        }
        open.state.events += 1;
        open.state.head = hash;
        open.state.whole += text.len() as u64;
        Ok(())
    }

    /// Waits until the disk has what was written; a power cut afterwards does not lose it.
    ///
    /// # Errors
    /// The disk says no.
    pub fn sync(&self) -> Result<(), TrustError> {
        self.lock().file.sync_data().map_err(|e| TrustError::File(FILE, e.kind()))
    }

    /// Number and hash of the newest event.
    #[must_use]
    pub fn head(&self) -> (u64, String) {
        let open = self.lock();
        (open.state.events, open.state.head.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp() -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
