//! Sessions against `kill -9` and a full disk.
//!
//! `ISOCHRONE_KILLS` sets how often the server is killed (12 by default; `make crash-test` takes 1,000).

use crate::guarded::state;
use crate::support::{BALL, OTHER_BALL, Reader, Server};
use isochrone_api::v1;
use isochrone_volume::DVec3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tonic::Code;

const SESSIONS: usize = 8;
/// A session serves for so many kills, then there is a new one: lists of steps stay of a natural length.
const KILLS_EACH: usize = 25;

async fn server(state: &Path) -> Server {
    Server::with(&["--model", "no-such-bundle", "--state", state.to_str().unwrap()]).await
}

/// A session as its client knows it: what was acknowledged.
struct Known {
    reader: Reader,
    revision: u64,
    acknowledged: usize,
    /// Changes that can be taken back; the first is the label itself.
    undoable: u32,
}

impl Known {
    /// Prompts, takes back and removes, until the server is gone.
    async fn work(mut self, mut rng: ChaCha8Rng) -> Self {
        loop {
            let near = if rng.random_bool(0.5) { BALL } else { OTHER_BALL };
            let at = near + DVec3::new(rng.random_range(-6.0..6.0), rng.random_range(-6.0..6.0), 0.0);
            let done = match rng.random_range(0..10) {
                0 if self.undoable > 1 => self.reader.undo().await,
                1 => self.reader.redo().await,
                n => self.reader.click(at, n != 2).await,
            };
            match done {
                Ok(update) => {
                    self.revision = update.revision;
                    self.undoable = update.can_undo;
                    self.acknowledged += 1;
                }
                Err(status) => match status.code() {
                    Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound => {}
                    Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => return self,
                    code => panic!("{code:?}: {}", status.message()),
                },
            }
        }
    }

    /// What the server that came after knows of it. At most the request that was under way is beyond what was
    /// acknowledged.
    async fn compare(&mut self, server: &Server) -> Duration {
        self.reader.segmentation = server.segmentation.clone();
        let begun = Instant::now();
        let request = v1::GetSessionRequest { session_id: self.reader.session.clone() };
        let found = self.reader.segmentation.get_session(request).await.unwrap().into_inner();
        let took = begun.elapsed();
        assert!(found.notice.starts_with("Session restored"), "{}", found.notice);
        let beyond = found.revision.checked_sub(self.revision).expect("an acknowledged change was lost");
        assert!(beyond <= 1, "{beyond} changes more than were asked for");
        let mask = self.reader.whole().await;
        assert!(beyond == 1 || mask == self.reader.mask, "another mask of revision {}", self.revision);
        self.reader.mask = mask;
        self.revision = found.revision;
        self.undoable = found.can_undo;
        took
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_nothing_acknowledged_is_lost() {
    let kills: usize = std::env::var("ISOCHRONE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let (folder, _) = state(&[]);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut sessions: Vec<Known> = Vec::new();
    let (mut acknowledged, mut slowest) = (0, Duration::ZERO);
    let mut running = server(folder.path()).await;
    for kill in 0..kills {
        if kill % KILLS_EACH == 0 {
            acknowledged += sessions.iter().map(|s| s.acknowledged).sum::<usize>();
            for old in std::mem::take(&mut sessions) {
                assert!(old.reader.segmentation.clone().replay(replay(&old)).await.unwrap().into_inner().identical);
                let request = v1::CloseSessionRequest { session_id: old.reader.session };
                running.segmentation.close_session(request).await.unwrap();
            }
            for _ in 0..SESSIONS {
                sessions.push(Known { reader: running.ready().await, revision: 1, acknowledged: 0, undoable: 1 });
            }
        }
        let tasks: Vec<_> = std::mem::take(&mut sessions)
            .into_iter()
            .map(|known| tokio::spawn(known.work(ChaCha8Rng::seed_from_u64(rng.random()))))
            .collect();
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..400_000))).await;
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        for task in tasks {
            sessions.push(task.await.unwrap());
        }
        running = server(folder.path()).await;
        for known in &mut sessions {
            slowest = slowest.max(known.compare(&running).await);
        }
    }
    acknowledged += sessions.iter().map(|s| s.acknowledged).sum::<usize>();
    println!("{kills} kills, {acknowledged} acknowledged changes, none lost; slowest return {slowest:?}");
    assert!(acknowledged > kills, "too little happened: {acknowledged}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}

fn replay(known: &Known) -> v1::ReplayRequest {
    v1::ReplayRequest { session_id: known.reader.session.clone() }
}

#[tokio::test]
async fn a_closed_session_is_gone_and_the_folder_is_looked_after_by_command() {
    let (folder, _) = state(&[]);
    let path = folder.path().to_str().unwrap();
    let sessions = |arguments: &[&str]| {
        let done = crate::guarded::isochrone(&[&["sessions"], arguments, &["--state", path]].concat());
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let mut running = server(folder.path()).await;
    let (mut kept, closed) = (running.ready().await, running.ready().await);
    kept.click(BALL, true).await.unwrap();
    let request = v1::CloseSessionRequest { session_id: closed.session.clone() };
    running.segmentation.close_session(request).await.unwrap();
    drop(running);
    let (code, list, _) = sessions(&["list"]);
    assert!(code == Some(0) && list.lines().count() == 1 && list.starts_with(&kept.session), "{list}");
    assert!(list.contains("2 changes"), "{list}");
    assert_eq!(sessions(&["prune", "--days", "1"]).0, Some(0));
    // It is not old: it comes back.
    let mut running = server(folder.path()).await;
    kept.segmentation = running.segmentation.clone();
    assert_eq!(kept.whole().await, kept.mask);
    let request = v1::GetSessionRequest { session_id: closed.session };
    assert_eq!(running.segmentation.get_session(request).await.unwrap_err().code(), Code::NotFound);
    for wrong in ["../../etc/passwd", "", "0123456789abcdef0123456789abcdef", &"a".repeat(5000)] {
        let request = v1::GetSessionRequest { session_id: wrong.to_owned() };
        assert_eq!(running.segmentation.get_session(request).await.unwrap_err().code(), Code::NotFound);
    }
    drop(running);
    assert_eq!(sessions(&["delete", "0123456789abcdef0123456789abcdef"]).0, Some(64));
    let (code, _, text) = sessions(&["delete", &kept.session]);
    assert!(code == Some(0) && text.contains("1 images are deleted"), "{text}");
    assert_eq!(sessions(&["list"]).1, "");
    assert_eq!(std::fs::read_dir(folder.path().join("volumes")).unwrap().count(), 0);
}

/// Damage in the middle is named, and what came before it is there.
#[tokio::test]
async fn a_damaged_file_says_so() {
    let (folder, _) = state(&[]);
    let mut running = server(folder.path()).await;
    let mut reader = running.ready().await;
    let first = reader.click(BALL, true).await.unwrap();
    let mask = reader.mask.clone();
    for n in 0..3 {
        reader.click(OTHER_BALL + DVec3::new(f64::from(n), 0.0, 0.0), true).await.unwrap();
    }
    drop(running);
    let journal = folder.path().join(format!("sessions/{}.journal", reader.session));
    let mut bytes = std::fs::read(&journal).unwrap();
    // Records begin with their mark: head, label, first click, second click.
    let marks: Vec<usize> = (0..bytes.len() - 4).filter(|&n| &bytes[n..n + 4] == b"ISOR").collect();
    bytes[marks[3] + 30] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    let mut running = server(folder.path()).await;
    let request = v1::GetSessionRequest { session_id: reader.session.clone() };
    let found = running.segmentation.get_session(request).await.unwrap().into_inner();
    assert_eq!(found.notice, "The saved session is damaged after change 2; those before it were restored");
    assert_eq!(found.revision, first.revision);
    reader.segmentation = running.segmentation.clone();
    assert_eq!(reader.whole().await, mask);
    assert!(journal.with_extension("damaged").exists());
}

/// A folder on a disk of its own, of 4 MB; `None` where this user may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=700", "isochrone-test"]).arg(folder.path());
        mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|s| s.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn on_a_full_disk_a_click_is_refused_and_nothing_is_pretended() {
    let Some(disk) = SmallDisk::new() else {
        println!("passed over: this user may not mount a small disk");
        return;
    };
    let path = disk.0.path();
    let mut running = server(path).await;
    let mut reader = running.ready().await;
    reader.click(BALL, true).await.unwrap();
    let filler = path.join("filler");
    let whole = std::fs::write(&filler, vec![1u8; 8 << 20]);
    assert!(whole.is_err(), "the disk is not full");
    let before = reader.mask.clone();
    let mut refused = 0;
    for n in 0..40 {
        match reader.click(OTHER_BALL + DVec3::new(f64::from(n) * 0.3, 0.0, 0.0), true).await {
            // A record may still fit into the last block.
            Ok(_) => assert_eq!(refused, 0),
            Err(status) => {
                // The audit trail, on the same disk, refuses first; there is no room for it either.
                let text = status.message();
                match status.code() {
                    Code::ResourceExhausted => assert!(text.contains("disk is full") && text.contains("not saved")),
                    Code::Unavailable => assert!(text.contains("audit trail"), "{text}"),
                    code => panic!("{code:?}: {text}"),
                }
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert!(reader.mask != before || refused == 40);
    // Looking goes on, and is not forgotten; nothing leaves the server meanwhile.
    for _ in 0..3 {
        assert_eq!(reader.whole().await, reader.mask);
    }
    let download = v1::DownloadNiftiRequest { session_id: reader.session.clone(), ..Default::default() };
    assert_eq!(running.export.download_nifti(download).await.unwrap_err().code(), Code::Unavailable);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(reader.whole().await, reader.mask);
    let trail = std::fs::read_to_string(path.join("audit.jsonl")).unwrap();
    assert!(trail.matches("Segmentation/GetMask").count() >= 3, "{trail}");
    assert!(isochrone_trust::audit::verify(trail.as_bytes()).is_ok());
    reader.click(OTHER_BALL, true).await.unwrap();
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let running = server(path).await;
    reader.segmentation = running.segmentation.clone();
    assert_eq!(reader.whole().await, reader.mask);
}

/// Fails fsync and fdatasync with EIO for as long as a file is there.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int broken(void) {
    const char *file = getenv("FSYNC_FAULT");
    return file && access(file, F_OK) == 0;
}
int fsync(int fd) {
    if (broken()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
    if (broken()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"#;

#[tokio::test]
#[cfg(target_os = "linux")]
async fn what_the_disk_does_not_confirm_is_not_acknowledged() {
    let work = tempfile::tempdir().unwrap();
    let (source, shim, fault) = (work.path().join("shim.c"), work.path().join("shim.so"), work.path().join("broken"));
    std::fs::write(&source, SHIM).unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).arg("-ldl").status();
    if !compiled.is_ok_and(|s| s.success()) {
        println!("passed over: no C compiler");
        return;
    }
    let (folder, _) = state(&[]);
    let options = ["--model", "no-such-bundle", "--state", folder.path().to_str().unwrap()];
    let (preload, broken) = (shim.to_str().unwrap(), fault.to_str().unwrap());
    let mut running = Server::launched(&options, &[("LD_PRELOAD", preload), ("FSYNC_FAULT", broken)]).await;
    let mut reader = running.ready().await;
    let done = reader.click(BALL, true).await.unwrap();
    std::fs::write(&fault, "").unwrap();
    for _ in 0..3 {
        let refused = reader.click(OTHER_BALL, true).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        // Taking it back needs the disk's word too; without it, the journal waits for that.
        let text = refused.message();
        assert!(text.contains("not saved") || text.contains("cannot be saved"), "{text}");
        let undo = v1::UndoRequest { session_id: reader.session.clone(), ..Default::default() };
        assert_eq!(reader.segmentation.undo(undo).await.unwrap_err().code(), Code::ResourceExhausted);
        assert_eq!(reader.whole().await, reader.mask, "nothing is done that is not kept");
    }
    let volume = running.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes.remove(0);
    assert_eq!(running.open(&volume, "").await.unwrap_err().code(), Code::ResourceExhausted);
    // Power goes before the disk is well again: what was acknowledged is there, and nothing else.
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let mut running = Server::launched(&options, &[("LD_PRELOAD", preload), ("FSYNC_FAULT", "/none")]).await;
    reader.segmentation = running.segmentation.clone();
    assert_eq!(reader.whole().await, reader.mask);
    let request = v1::GetSessionRequest { session_id: reader.session.clone() };
    assert_eq!(running.segmentation.get_session(request).await.unwrap().into_inner().revision, done.revision);
    reader.click(OTHER_BALL, true).await.unwrap();
}
