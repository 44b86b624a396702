//! Files that arrive in chunks.

use crate::gate::call::Call;
use crate::{ApiError, House};
use isochrone_intake::ReadOptions;
use isochrone_volume::Modality;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a client announced.
pub(crate) struct Announced {
    pub size: u64,
    pub sha256: Vec<u8>,
    pub modality: Option<Modality>,
    pub file_name: &'static str,
}

/// One upload.
pub(crate) struct Upload {
    pub id: String,
    pub announced: Announced,
    /// Bytes that have arrived; beside the lock, so that nobody waits for it who only asks.
    received: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// Holds the file and nothing else, so that a header cannot name a neighbour as its data.
    folder: TempDir,
    file: File,
    hasher: Sha256,
    touched: Instant,
    /// Set once the file became a volume.
    volume_id: Option<String>,
}

impl Upload {
    fn new(id: &str, announced: Announced, folder: TempDir) -> std::io::Result<Self> {
        let file = File::create_new(folder.path().join(announced.file_name))?;
        let state = State { folder, file, hasher: Sha256::new(), touched: Instant::now(), volume_id: None };
        Ok(Self { id: id.to_owned(), announced, received: AtomicU64::new(0), state: Mutex::new(state) })
    }

    /// Bytes that have arrived.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Takes a chunk; what was there already is passed over.
    pub fn append(&self, offset: u64, data: &[u8]) -> Result<(), ApiError> {
        let mut state = self.lock();
        state.touched = Instant::now();
        let next = self.received();
        if offset > next {
            return Err(ApiError::field(
                "offset",
                format!("the next chunk starts at {next}, not at {offset}; go on from there"),
            ));
        }
        let end = offset.saturating_add(data.len() as u64);
        if end > self.announced.size {
            return Err(ApiError::field(
                "data",
                format!(
                    "the chunk ends at {end}, beyond the {} bytes that were announced; begin the upload again with the right size",
                    self.announced.size
                ),
            ));
        }
        let known = usize::try_from(next - offset).unwrap_or(usize::MAX);
        let Some(new) = data.get(known..) else { return Ok(()) };
        state.file.write_all(new).map_err(|e| disk(e.kind()))?;
        state.hasher.update(new);
        self.received.store(next.max(end), Ordering::Release);
        Ok(())
    }

    /// Checks the whole and reads it; a second time it only names the volume.
    pub fn finish(&self, house: &House) -> Result<String, ApiError> {
        let mut state = self.lock();
        state.touched = Instant::now();
        if let Some(id) = &state.volume_id {
            return Ok(id.clone());
        }
        let size = self.announced.size;
        let there = self.received();
        if there < size {
            return Err(ApiError::State(format!(
                "Only {there} of {size} bytes have arrived. Send the rest from offset {there}, then finish"
            )));
        }
        let digest = state.hasher.clone().finalize();
        if !self.announced.sha256.is_empty() && self.announced.sha256 != digest.as_slice() {
            return Err(ApiError::Damaged(
                "The bytes that arrived do not match the announced SHA-256. Upload the file again".to_owned(),
            ));
        }
        let options = ReadOptions {
            modality: self.announced.modality,
            limits: house.limits.file.clone(),
            ..ReadOptions::default()
        };
        let path: PathBuf = state.folder.path().join(self.announced.file_name);
        let held = house.read(std::slice::from_ref(&path), &options)?;
        // The file has served; the folder goes with the upload.
        let _ = std::fs::remove_file(path);
        state.volume_id = Some(held.id.clone());
        Ok(held.id)
    }

    fn idle(&self) -> Duration {
        // Somebody holds the lock: it is at work.
        self.state.try_lock().map_or(Duration::ZERO, |state| state.touched.elapsed())
    }

    /// Bytes that it takes or will take of the disk.
    fn unfinished_bytes(&self) -> u64 {
        if self.done() { 0 } else { self.announced.size }
    }

    fn done(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| state.volume_id.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often uploads are looked after.
const ROUND: Duration = Duration::from_secs(3);

impl House {
    /// Forgets uploads that were given up, as long as the house stands.
    pub async fn look_after_uploads(self: Arc<Self>) {
        let house = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(ROUND).await;
            let Some(house) = house.upgrade() else { return };
            // Files are deleted outside of the server's own threads.
            let forgotten = tokio::task::spawn_blocking(move || {
                house.uploads.retain(|u| u.idle() < house.limits.upload_idle);
            });
            if forgotten.await.is_err() {
                tracing::error!("looking after uploads panicked");
            }
        }
    }

    /// Begins an upload. Finished ones make room where it is scarce.
    pub(crate) fn begin_upload(&self, announced: Announced) -> Result<Arc<Upload>, ApiError> {
        let call = Call::current();
        let promised: u64 = self.uploads.of(&call.identity.account).iter().map(|u| u.unfinished_bytes()).sum();
        if call.has_account() && promised + announced.size > self.limits.upload_bytes_each {
            return Err(ApiError::Full(
                "Your uploads under way are as large as those of one user may be. Finish one first, then try again"
                    .to_owned(),
            ));
        }
        let folder = tempfile::tempdir_in(self.private.path()).map_err(|e| disk(e.kind()))?;
        let id = crate::ids::random_id();
        let upload = Arc::new(Upload::new(&id, announced, folder).map_err(|e| disk(e.kind()))?);
        let full = || {
            ApiError::Full(
                "As many uploads as the server takes are under way. Finish one, or try again later".to_owned(),
            )
        };
        // Finished ones are kept for clients that ask twice, as long as there is room.
        let taken = self.uploads.insert(&id, upload.clone()) || {
            self.uploads.retain(|u| !u.done());
            self.uploads.insert(&id, upload.clone())
        };
        taken.then_some(upload).ok_or_else(full)
    }

    pub(crate) fn upload(&self, id: &str) -> Result<Arc<Upload>, ApiError> {
        self.uploads.get(id).ok_or(ApiError::Unknown("upload", "Begin the upload again"))
    }
}

fn disk(kind: ErrorKind) -> ApiError {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ApiError::Full(
            "The server's disk is full; the image was not taken. Tell whoever runs the server, then try again"
                .to_owned(),
        ),
        _ => ApiError::Broken("its disk could not be written"),
    }
}
