use super::event::Line;
use super::verify::{Checked, FILE, verify};
use super::{Event, Kind};
use crate::{TrustError, private};
use std::collections::VecDeque;
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
    /// Events that could not be written yet, with their times, oldest first.
    waiting: VecDeque<(String, Event)>,
}

/// As many events wait for a file that cannot be written; those after them are lost.
const WAITING: usize = 10_000;

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
        let trail = Self(Mutex::new(Open { file, state, waiting: VecDeque::new() }));
        let detail = if torn > 0 { format!("{torn} bytes of a torn line were cut off") } else { String::new() };
        trail.record(&Event::of_server(Kind::Start, &detail))?;
        trail.sync()?;
        Ok(trail)
    }

    /// Writes an event; a process that is killed afterwards does not lose it.
    ///
    /// # Errors
    /// The file cannot be written. The event waits in memory, as long as there is room, and is written with its own
    /// time before the next one that can be.
    pub fn record(&self, event: &Event) -> Result<(), TrustError> {
        let mut open = self.lock();
        if open.waiting.len() < WAITING {
            open.waiting.push_back((stamp(), event.clone()));
        }
        open.catch_up()
    }

    /// Tries to write what waits.
    ///
    /// # Errors
    /// The file still cannot be written.
    pub fn catch_up(&self) -> Result<(), TrustError> {
        self.lock().catch_up()
    }

    /// Events that wait, and whether there is room for more.
    #[must_use]
    pub fn waiting(&self) -> (usize, bool) {
        let waiting = self.lock().waiting.len();
        (waiting, waiting < WAITING)
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

impl Drop for Open {
    /// By name: a child that is being started shares the descriptor until it runs its program, and with it the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Open {
    fn catch_up(&mut self) -> Result<(), TrustError> {
        while let Some((time, event)) = self.waiting.front() {
            let (time, event) = (time.clone(), event.clone());
            let line = Line { n: self.state.events + 1, time, event, prev: self.state.head.clone() };
            let (text, hash) = line.seal().map_err(|e| TrustError::Damaged(FILE, e.to_string()))?;
            if let Err(error) = self.file.write_all(text.as_bytes()) {
                // What went out of half a line is taken back, so that the next one starts a line.
                let whole = self.state.whole;
                let _ = self.file.set_len(whole).and_then(|()| self.file.seek(SeekFrom::Start(whole)));
                return Err(TrustError::File(FILE, error.kind()));
            }
            self.waiting.pop_front();
            self.state.events += 1;
            self.state.head = hash;
            self.state.whole += text.len() as u64;
        }
        Ok(())
    }
}

fn stamp() -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
