use super::confine::confine;
use super::masks::SentMasks;
use super::wire::{Answer, Described, Job, Request};
use crate::image::{Opened, Parts};
use crate::scalar::{ScalarType, bytes_of};
use crate::{IntakeError, dicom};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Real files nest a few sequences deep; some parsers take a kilobyte of stack for each.
const STACK_BYTES: usize = 64 << 20;

/// The decoding child: does the one thing that its standard input asks for. The program must call this, and
/// nothing else, when its first argument is `decode`.
#[must_use]
pub fn run_child() -> ExitCode {
    // What a panic says might be of the patient.
    std::panic::set_hook(Box::new(|_| ()));
    match talk() {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn talk() -> Option<()> {
    let mut memory = File::from(rustix::stdio::stdin().as_fd().try_clone_to_owned().ok()?);
    let mut text = Vec::new();
    memory.read_to_end(&mut text).ok()?;
    memory.set_len(0).ok()?;
    memory.seek(SeekFrom::Start(0)).ok()?;
    let request: Request = serde_json::from_slice(&text).ok()?;
    limit(&request)?;
    confine()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build_global().ok()?;
    let work = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || work(&request, &memory)).ok()?;
    let answer = work.join().ok()?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer).ok()?;
    out.flush().ok()
}

fn limit(request: &Request) -> Option<()> {
    let set = |resource, most: u64| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).ok();
    set(Resource::As, request.address_space)?;
    set(Resource::Cpu, request.cpu_seconds)?;
    set(Resource::Core, 0)?;
    // Shared memory counts as a file.
    set(Resource::Fsize, request.options().limits.max_voxel_bytes.saturating_add(1 << 20))?;
    #[cfg(target_os = "linux")]
    {
        // Ends with the server, and gains no rights.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).ok()?;
        rustix::thread::set_no_new_privs(true).ok()?;
    }
    Some(())
}

fn work(request: &Request, memory: &File) -> Answer {
    let paths: Vec<PathBuf> = request.paths.iter().map(PathBuf::from).collect();
    let done = match request.job {
        Job::List => dicom::list(&paths, &request.options()).map(Answer::List),
        Job::Masks => masks(request, &paths).map(Answer::Masks),
        Job::Registration => registration(request, &paths),
        Job::Read => crate::open_image(&paths, &request.options()).and_then(|opened| image(opened, memory)),
    };
    done.unwrap_or_else(Answer::fault)
}

fn masks(request: &Request, paths: &[PathBuf]) -> Result<SentMasks, IntakeError> {
    let target = request.target.as_ref().ok_or(IntakeError::Damaged("no grid was named for its masks"))?;
    let read = crate::masks::read(paths, &target.grid()?, &target.frame_of_reference, &request.options().limits)?;
    Ok(SentMasks::new(&read))
}

fn registration(request: &Request, paths: &[PathBuf]) -> Result<Answer, IntakeError> {
    let (Some(path), Some([from, to])) = (paths.first(), &request.frames) else {
        return Err(IntakeError::Damaged("no frames of reference were named"));
    };
    let found = dicom::read_registration(path, from, to, &request.options().limits)?;
    Ok(Answer::Registration(found.to_cols_array().map(f64::to_bits)))
}

/// Leaves the voxels in the shared memory.
fn image(opened: Opened, mut memory: &File) -> Result<Answer, IntakeError> {
    let full = |e: std::io::Error| IntakeError::TooLarge(format!("there is no memory for its voxels ({})", e.kind()));
    let described = match opened {
        Opened::Parts(parts) => {
            let Parts { grid, voxels, rescale, origin } = *parts;
            memory.write_all(bytes_of(&voxels)).map_err(full)?;
            Described::new(&grid, ScalarType::of(&voxels), rescale, origin, None)
        }
        Opened::Series(plan) => {
            memory.set_len(plan.bytes()).map_err(full)?;
            // Written, not mapped: a new page of shared memory need not be cleared first.
            plan.decode_each(|slice, at| memory.write_all_at(slice, at).map_err(full))?;
            Described::new(&plan.grid, plan.scalar, plan.rescale, plan.origin, Some(plan.info))
        }
    };
    Ok(Answer::Image(Box::new(described)))
}
