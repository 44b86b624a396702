use super::Child;
use super::masks::Target;
use super::wire::{Answer, Described, Job, Request};
use crate::dicom::SeriesSummary;
use crate::masks::ReadMasks;
use crate::scalar::allocate;
use crate::{Image, IntakeError, ReadOptions};
use isochrone_volume::{DAffine3, Grid, Volume};
use rayon::prelude::*;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Longest answer that is taken: a hundred thousand slices described.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Bytes of shared memory that a thread copies at a time.
const COPIED_AT_ONCE: usize = 4 << 20;

const STOPPED: IntakeError = IntakeError::Decoder("the decoder stopped at it");
const TOO_LONG: IntakeError = IntakeError::Decoder("decoding took longer than your site allows");

impl Child {
    pub(super) fn read(&self, paths: &[PathBuf], options: &ReadOptions) -> Result<Image, IntakeError> {
        let (answer, memory) = self.ask(&Request::new(Job::Read, paths, options, self))?;
        match answer {
            Answer::Image(described) => image(*described, memory, options),
            other => Err(fault(other)),
        }
    }

    pub(super) fn list(&self, paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<SeriesSummary>, IntakeError> {
        match self.ask(&Request::new(Job::List, paths, options, self))? {
            (Answer::List(list), _) => Ok(list),
            (other, _) => Err(fault(other)),
        }
    }

    pub(super) fn masks(
        &self,
        paths: &[PathBuf],
        grid: &Arc<Grid>,
        frame_of_reference: &str,
        options: &ReadOptions,
    ) -> Result<ReadMasks, IntakeError> {
        let mut request = Request::new(Job::Masks, paths, options, self);
        request.target = Some(Target::new(grid, frame_of_reference));
        match self.ask(&request)? {
            (Answer::Masks(sent), _) => sent.masks(grid).ok_or(STOPPED),
            (other, _) => Err(fault(other)),
        }
    }

    pub(super) fn registration(
        &self,
        path: &Path,
        [from, to]: [&str; 2],
        options: &ReadOptions,
    ) -> Result<DAffine3, IntakeError> {
        let mut request = Request::new(Job::Registration, &[path.to_owned()], options, self);
        request.frames = Some([from.to_owned(), to.to_owned()]);
        match self.ask(&request)? {
            (Answer::Registration(bits), _) => Ok(DAffine3::from_cols_array(&bits.map(f64::from_bits))),
            (other, _) => Err(fault(other)),
        }
    }

    fn ask(&self, request: &Request) -> Result<(Answer, File), IntakeError> {
        let no_decoder = |e: std::io::Error| IntakeError::NoDecoder(e.kind());
        let request = serde_json::to_vec(request).map_err(|_| STOPPED)?;
        let mut memory = shared_memory().map_err(no_decoder)?;
        memory.write_all(&request).and_then(|()| memory.seek(SeekFrom::Start(0))).map_err(no_decoder)?;
        let stdin = memory.try_clone().map_err(no_decoder)?;
        let mut child = Command::new(&self.program)
            .arg("decode")
            .env_clear()
            // One arena of memory a thread would count against the address space.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(no_decoder)?;
        let started = Instant::now();
        let (say, heard) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                // A child that goes on and on is not listened to.
                let read = out.take(MAX_ANSWER_BYTES).read_to_end(&mut text);
                let _ = say.send(read.map(|_| text));
            });
        }
        let text = heard.recv_timeout(self.wall);
        let left = self.wall.saturating_sub(started.elapsed()).min(Duration::from_secs(5));
        let ended = if text.is_ok() { wait(&mut child, left) } else { None };
        if ended.is_none() {
            // It may have ended by itself meanwhile; either way it is gone after this.
            let _ = child.kill();
            let _ = child.wait();
        }
        let Ok(Ok(text)) = text else { return Err(TOO_LONG) };
        let Some(status) = ended else { return Err(TOO_LONG) };
        if !status.success() {
            return Err(why(status));
        }
        let answer = serde_json::from_slice(&text).map_err(|_| STOPPED)?;
        Ok((answer, memory))
    }
}

/// Waits for a child that has said all it will.
fn wait(child: &mut std::process::Child, most: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if started.elapsed() < most => std::thread::sleep(Duration::from_micros(200)),
            _ => return None,
        }
    }
}

/// What the way in which the child ended means.
fn why(status: ExitStatus) -> IntakeError {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        // SIGXCPU, and SIGKILL where the system ended it for its memory or time.
        Some(24) => TOO_LONG,
        Some(9) => IntakeError::Decoder("decoding took more memory or time than there is"),
        Some(7) => IntakeError::Decoder("it changed while it was being read"),
        _ => STOPPED,
    }
}

fn fault(answer: Answer) -> IntakeError {
    match answer {
        Answer::Choose(list) => IntakeError::Choose(list),
        Answer::Fault { class, text } => IntakeError::Answered { class, text },
        Answer::Image(_) | Answer::List(_) | Answer::Masks(_) | Answer::Registration(_) => STOPPED,
    }
}

fn image(described: Described, memory: File, options: &ReadOptions) -> Result<Image, IntakeError> {
    let grid = described.grid()?;
    let bytes = grid.voxel_count() as u64 * described.scalar.bytes();
    let there = memory.metadata().map_err(|e| IntakeError::Read(e.kind()))?.len();
    if bytes > options.limits.max_voxel_bytes || there != bytes {
        return Err(STOPPED);
    }
    let voxels = allocate(described.scalar, grid.shape(), |out| {
        let part = |(n, part): (usize, &mut [u8])| memory.read_exact_at(part, (n * COPIED_AT_ONCE) as u64);
        let copied = out.par_chunks_mut(COPIED_AT_ONCE).enumerate().try_for_each(part);
        copied.map_err(|e| IntakeError::Read(e.kind()))
    })?;
    let volume = Volume::new(grid, voxels, described.rescale(), described.origin())?;
    let series = described.series.map(|mut series| {
        volume.frame_of_reference().clone_into(&mut series.frame_of_reference);
        series
    });
    Ok(Image { volume, series })
}

/// Memory without a name that can be handed to a child.
fn shared_memory() -> std::io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        let memory = rustix::fs::memfd_create("isochrone", rustix::fs::MemfdFlags::CLOEXEC)?;
        Ok(File::from(memory))
    }
    #[cfg(not(target_os = "linux"))]
    {
        tempfile::tempfile()
    }
}
