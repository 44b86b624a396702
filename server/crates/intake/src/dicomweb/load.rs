//! WADO-RS: a series into a folder.

use super::multipart::parts;
use super::{DicomwebError, FoundInstance, Pacs, checked_uid};
use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much a series may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of all instances together.
    pub bytes: u64,
    /// Bytes that their pixels may take when they are unpacked.
    pub voxel_bytes: u64,
    /// Instances.
    pub instances: usize,
    /// Requests at a time.
    pub parallel: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { bytes: 8 << 30, voxel_bytes: 4 << 30, instances: 20_000, parallel: 4 }
    }
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Instances that are there.
    pub done: usize,
    /// Instances of the series.
    pub total: usize,
    /// Bytes that are there.
    pub bytes: u64,
}

/// Any transfer syntax: as it is stored.
const DICOM: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";

impl Pacs {
    /// Loads a series into a folder, one file an instance, several at a time, from the middle outwards. What there is
    /// and how large it is comes first, and the limits are checked before any image is asked for. Files of an earlier
    /// try are kept and not asked for again; instances without pixels are left out where the PACS tells which they are.
    /// `progress` hears how many there are before the first, and then of every instance, in any thread; what it
    /// returns says whether to go on.
    ///
    /// # Errors
    /// Wrong UIDs, a series beyond the limits, a PACS or a disk that fails, or a `progress` that says stop.
    pub fn load_series(
        &self,
        study_uid: &str,
        series_uid: &str,
        folder: &Path,
        limits: &LoadLimits,
        progress: &(dyn Fn(Progress) -> bool + Sync),
    ) -> Result<(), DicomwebError> {
        let mut instances = self.find_instances(study_uid, series_uid)?;
        if instances.iter().any(|i| i.pixels.is_some()) {
            instances.retain(|i| i.pixels.is_some());
        }
        if instances.is_empty() {
            return Err(DicomwebError::NotFound(self.name().to_owned()));
        }
        check(&instances, limits)?;
        let base = format!("/studies/{study_uid}/series/{series_uid}/instances/");
        let total = instances.len();
        if !progress(Progress { done: 0, total, bytes: 0 }) {
            return Err(DicomwebError::Stopped);
        }
        middle_first(&mut instances);
        let (done, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        let queue: Mutex<VecDeque<FoundInstance>> = Mutex::new(instances.into());
        let failed: Mutex<Option<DicomwebError>> = Mutex::new(None);
        let work = || {
            while let Some(instance) = next(&queue) {
                let place = folder.join(format!("{}.dcm", instance.sop_instance_uid));
                let left = limits.bytes.saturating_sub(bytes.load(Ordering::Relaxed));
                let size = match std::fs::metadata(&place) {
                    Ok(there) => Ok(there.len()),
                    Err(_) => self.instance(&base, &instance.sop_instance_uid, &place, left),
                };
                let went_on = size.and_then(|size| {
                    let bytes = bytes.fetch_add(size, Ordering::Relaxed) + size;
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if progress(Progress { done, total, bytes }) { Ok(()) } else { Err(DicomwebError::Stopped) }
                });
                if let Err(error) = went_on {
                    lock(&queue).clear();
                    lock(&failed).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            (0..limits.parallel.clamp(1, 16)).for_each(|_| drop(scope.spawn(work)));
        });
        match lock(&failed).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// One instance into one file, whole or not at all.
    fn instance(&self, base: &str, uid: &str, place: &Path, limit: u64) -> Result<u64, DicomwebError> {
        let uid = checked_uid("SOP Instance UID", uid)?;
        let (kind, body) = self.fetch(&format!("{base}{uid}"), DICOM, limit)?;
        let wrong = |why| DicomwebError::Answer(self.name().to_owned(), why);
        let content = if kind.starts_with("application/dicom") && !kind.starts_with("application/dicom+") {
            // Some servers leave the envelope away.
            body.as_slice()
        } else {
            match parts(&kind, &body).as_deref() {
                Some(&[one]) => one,
                Some(_) => return Err(wrong("one instance was asked for, another number came")),
                None => return Err(wrong("the multipart body is broken")),
            }
        };
        if content.get(128..132) != Some(b"DICM") {
            return Err(wrong("what came is not a DICOM file"));
        }
        let folder = place.parent().unwrap_or_else(|| Path::new("."));
        let disk = |e: std::io::Error| DicomwebError::Disk(e.kind());
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(disk)?;
        file.write_all(content).map_err(disk)?;
        file.persist(place).map_err(|e| disk(e.error))?;
        Ok(content.len() as u64)
    }
}

/// Refuses before anything is loaded, as far as the PACS tells.
fn check(instances: &[FoundInstance], limits: &LoadLimits) -> Result<(), DicomwebError> {
    if instances.len() > limits.instances {
        return Err(DicomwebError::TooLarge(format!(
            "The series has {} instances; at most {} are loaded",
            instances.len(),
            limits.instances
        )));
    }
    // Compressed images may be a fraction of it, but unpacked they take what they say.
    let voxels = |i: &FoundInstance| i.pixels.map(|n| n.saturating_mul(i.bits.unwrap_or(1)).div_ceil(8));
    let bytes = instances.iter().filter_map(voxels).fold(0u64, u64::saturating_add);
    if bytes > limits.voxel_bytes {
        return Err(DicomwebError::TooLarge(format!(
            "The series has {} MiB of pixels, beyond the limit of {} MiB set by your site. Raise the limit, or load a \
             smaller series",
            bytes >> 20,
            limits.voxel_bytes >> 20
        )));
    }
    Ok(())
}

/// From the middle outwards: there lies what readers look at first.
fn middle_first(instances: &mut [FoundInstance]) {
    let middle = instances.len() / 2;
    let mut order: Vec<(usize, FoundInstance)> = instances.iter().cloned().enumerate().collect();
    order.sort_by_key(|(n, _)| n.abs_diff(middle));
    instances.iter_mut().zip(order).for_each(|(place, (_, instance))| *place = instance);
}

fn next(queue: &Mutex<VecDeque<FoundInstance>>) -> Option<FoundInstance> {
    lock(queue).pop_front()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
