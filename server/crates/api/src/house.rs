//! What the server holds.

use crate::gate::call::Call;
use crate::ids::random_id;
use crate::keyed::KeyedLocks;
use crate::line::Place;
use crate::outputs::{Outputs, note_file};
use crate::registry::Registry;
use crate::sessions::Slot;
use crate::spool::Busy;
use crate::temporary::{self, Private};
use crate::turns::{Places, Turns};
use crate::uploads::Upload;
use crate::v1::align_volume_request::By as AlignBy;
use crate::{ApiError, Engines, Limits, Root, Vault};
use isochrone_intake::dicom::SeriesInfo;
use isochrone_intake::dicomweb::Pacs;
use isochrone_intake::masks::ReadMasks;
use isochrone_intake::{Image, ReadOptions};
use isochrone_volume::{DAffine3, Volume, Voxels};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A volume with its id.
#[derive(Clone)]
pub(crate) struct HeldVolume {
    pub id: String,
    pub volume: Arc<Volume>,
    /// The DICOM series that it was read from, if it was one.
    pub series: Option<Arc<SeriesInfo>>,
}

/// Volumes, uploads, sessions and engines of one server: all services share it.
pub struct House {
    pub(crate) limits: Limits,
    pub(crate) engines: Engines,
    pub(crate) root: Option<Root>,
    pub(crate) volumes: Registry<HeldVolume>,
    pub(crate) uploads: Registry<Arc<Upload>>,
    pub(crate) sessions: Registry<Arc<Slot>>,
    /// Where uploads lie until they are read; only this user can look into it.
    pub(crate) private: Private,
    /// Files below the root that were written, and for whom.
    pub(crate) outputs: Outputs,
    /// Archives that requests may name.
    pub(crate) pacs: Vec<Arc<Pacs>>,
    /// Where sessions are kept, if they are.
    pub(crate) vault: Option<Arc<Vault>>,
    /// Each session comes back once, however many ask for it.
    pub(crate) coming_back: KeyedLocks,
    /// Series that are on their way from one.
    pub(crate) spooling: Busy,
    jobs: Turns,
    /// One window of one sweep at a time.
    pub(crate) sweeps: Arc<Turns>,
    /// Held while volumes come, go or are taken into use, so that their numbers and sizes add up.
    pub(crate) volumes_move: Mutex<()>,
}

impl House {
    /// An empty house. `root` is the folder whose files requests may name, if any; `pacs` are the archives. With a
    /// `vault`, sessions outlive the process.
    ///
    /// # Errors
    /// No private folder can be made for uploads.
    pub fn new(
        engines: Engines,
        root: Option<Root>,
        pacs: Vec<Arc<Pacs>>,
        vault: Option<Vault>,
        limits: Limits,
    ) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            volumes: Registry::new("volume", limits.volumes, limits.volumes_each),
            uploads: Registry::new("upload", limits.uploads, limits.uploads_each),
            sessions: Registry::new("session", limits.sessions, limits.sessions_each),
            private: temporary::folder(vault.as_ref())?,
            outputs: Outputs::open(vault.as_ref().map(Vault::outputs))?,
            jobs: Turns::new(Places { all: limits.jobs, group: limits.jobs_each, lane: limits.jobs_each }),
            sweeps: Arc::new(Turns::new(Places { all: 1, group: 1, lane: 1 })),
            volumes_move: Mutex::default(),
            limits,
            engines,
            root,
            pacs,
            vault: vault.map(Arc::new),
            coming_back: KeyedLocks::default(),
            spooling: Busy::default(),
        }))
    }

    /// Removes temporary files while references to the house are left: for the end of the process.
    pub fn clear_away(&self) {
        if let Err(error) = std::fs::remove_dir_all(self.private.path()) {
            tracing::warn!("the server's private folder was not removed ({}); the next start does it", error.kind());
        }
    }

    /// Runs heavy work on a thread of its own, when its session's turn has come. Once begun it is finished, whether
    /// or not anybody waits.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ApiError> + Send + 'static,
    {
        let call = Call::current();
        let turn = self.jobs.take(&call.queue(), &call.ticket).await.ok_or(ApiError::Broken("it is shutting down"))?;
        let job = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            call.sync_scope(work)
        });
        job.await.map_err(|_| {
            tracing::error!("a job panicked");
            ApiError::Broken("an unexpected condition in a job")
        })?
    }

    /// Requests and heavy jobs that are served before this request, whose place in its session's line is given.
    pub(crate) fn ahead(&self, place: &Place) -> usize {
        let (call, before) = (Call::current(), place.ahead());
        // It comes to the jobs when it is the first of its line.
        let soon = before == 0 && call.ticket.is_new();
        before + if soon { 0 } else { self.jobs.ahead(&call.queue(), &call.ticket) }
    }

    /// Heavy jobs that wait, and that are at work.
    pub(crate) fn jobs(&self) -> (usize, usize) {
        self.jobs.load()
    }

    /// Reads files where the settings say that files are decoded, and takes the image in.
    pub(crate) fn read(&self, paths: &[PathBuf], options: &ReadOptions) -> Result<HeldVolume, ApiError> {
        self.hold(self.limits.decoder.read(paths, options)?)
    }

    /// Takes an image in.
    pub(crate) fn hold(&self, image: Image) -> Result<HeldVolume, ApiError> {
        let Image { volume, series } = image;
        let _moving = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
        let held: u64 = self.volumes.everything().iter().map(|v| voxel_bytes(&v.volume)).sum();
        let full = || {
            ApiError::Full(
                "The server holds as many images as it may. Unload one that is no longer needed, then try again"
                    .to_owned(),
            )
        };
        if held + voxel_bytes(&volume) > self.limits.volume_bytes {
            return Err(full());
        }
        let call = Call::current();
        let of_user =
            || -> u64 { self.volumes.of(&call.identity.account).iter().map(|v| voxel_bytes(&v.volume)).sum() };
        if call.has_account() && of_user() + voxel_bytes(&volume) > self.limits.volume_bytes_each {
            return Err(ApiError::Full(
                "You hold as many images as one user may. Unload one that is no longer needed, then try again"
                    .to_owned(),
            ));
        }
        let held = HeldVolume { id: random_id(), volume: Arc::new(volume), series: series.map(Arc::new) };
        if self.volumes.insert(&held.id, held.clone()) { Ok(held) } else { Err(full()) }
    }

    /// A volume in the frame of reference of another one.
    pub(crate) fn align(&self, moving: &HeldVolume, fixed: &HeldVolume, by: AlignBy) -> Result<HeldVolume, ApiError> {
        let (from, to) = (moving.volume.frame_of_reference(), fixed.volume.frame_of_reference());
        let (motion, warning) = match by {
            AlignBy::RegistrationPath(path) => {
                let file = self.root(&path)?.image(&path)?;
                note_file(&path);
                let options = ReadOptions { limits: self.limits.file.clone(), ..ReadOptions::default() };
                let motion = self.limits.decoder.registration(&file, [from, to], &options)?;
                (motion, "It was moved into another frame of reference by a registration")
            }
            AlignBy::SamePlace(true) => {
                (DAffine3::IDENTITY, "It was put into another frame of reference on the word of the reader")
            }
            AlignBy::SamePlace(false) => {
                return Err(ApiError::field("same_place", "false; say true, or name registration_path"));
            }
        };
        let volume = moving.volume.moved(motion, to, warning).map_err(isochrone_intake::IntakeError::from)?;
        // What is drawn on it cannot point back at the series: that lies elsewhere.
        self.hold(Image { volume, series: None })
    }

    /// The masks of the DICOM objects of a folder, on the grid of a volume.
    pub(crate) fn read_masks(&self, folder: &Path, volume: &Volume) -> Result<ReadMasks, ApiError> {
        let options = ReadOptions { limits: self.limits.file.clone(), ..ReadOptions::default() };
        let paths = [folder.to_owned()];
        Ok(self.limits.decoder.masks(&paths, volume.grid(), volume.frame_of_reference(), &options)?)
    }

    /// The folder for a path of a request.
    pub(crate) fn root(&self, path: &str) -> Result<&Root, ApiError> {
        if path.len() > self.limits.path_bytes {
            return Err(ApiError::field("path", format!("longer than {} bytes", self.limits.path_bytes)));
        }
        let closed = || {
            ApiError::State(
                "This server opens no files by path. Upload the image, or have the server started with --root"
                    .to_owned(),
            )
        };
        self.root.as_ref().ok_or_else(closed)
    }

    pub(crate) fn volume(&self, id: &str) -> Result<HeldVolume, ApiError> {
        // The images of a session come with a look at it.
        let shown = || {
            let viewed = self.sessions.granted();
            viewed.iter().any(|s| s.volume_ids.iter().any(|v| v == id)).then(|| self.volumes.held(id)).flatten()
        };
        self.volumes.get(id).or_else(shown).ok_or(ApiError::Unknown("volume", "Upload or load the image again"))
    }

    /// A session; one that the process before this one left behind comes back.
    pub(crate) async fn session(&self, id: &str) -> Result<Arc<Slot>, ApiError> {
        match self.sessions.get(id) {
            Some(slot) => {
                slot.touch();
                Ok(slot)
            }
            None => self.come_back(id).await?.ok_or(ApiError::Unknown("session", "Open a session again")),
        }
    }
}

/// Bytes of a volume's voxels.
pub(crate) fn voxel_bytes(volume: &Volume) -> u64 {
    let bytes = match volume.voxels() {
        Voxels::U8(_) | Voxels::I8(_) => 1,
        Voxels::U16(_) | Voxels::I16(_) => 2,
        Voxels::U32(_) | Voxels::I32(_) | Voxels::F32(_) => 4,
        Voxels::U64(_) | Voxels::I64(_) | Voxels::F64(_) => 8,
    };
    volume.grid().voxel_count() as u64 * bytes
}
