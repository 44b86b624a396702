//! What a decoding child may not ask of the system: to talk to anybody, to start programs, to change files.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn confine() -> Option<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};
    use std::collections::BTreeMap;

    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_openat, to_write(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, to_write(1)?);
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let here = std::env::consts::ARCH.try_into().ok()?;
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refused, here).ok()?.try_into().ok()?;
    // Threads that this one starts inherit it.
    seccompiler::apply_filter(&program).ok()
}

/// Elsewhere the limits must do.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn confine() -> Option<()> {
    Some(())
}

/// Opening a file whose flags, in this argument, ask for more than reading it.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn to_write(argument: u8) -> Option<Vec<seccompiler::SeccompRule>> {
    use seccompiler::{SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq, SeccompCondition, SeccompRule};

    let asks = |flag: i32| {
        let flag = u64::from(flag.cast_unsigned());
        let condition = SeccompCondition::new(argument, Dword, MaskedEq(flag), flag).ok()?;
        SeccompRule::new(vec![condition]).ok()
    };
    [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC].into_iter().map(asks).collect()
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const FORBIDDEN: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_openat2,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::confine;
    use std::fs::{File, OpenOptions, create_dir, remove_file, rename};
    use std::io::ErrorKind::PermissionDenied;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    #[test]
    fn a_confined_thread_reads_and_does_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "content").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The filter holds for the thread that takes it, and for those that it starts.
        let confined = std::thread::spawn(move || {
            confine().unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), b"content");
            let child = || {
                let denied = [
                    TcpStream::connect(address).map(drop),
                    TcpListener::bind("127.0.0.1:0").map(drop),
                    UdpSocket::bind("127.0.0.1:0").map(drop),
                    Command::new("/bin/true").status().map(drop),
                    File::create(&file).map(drop),
                    File::create(file.with_extension("new")).map(drop),
                    OpenOptions::new().append(true).open(&file).map(drop),
                    remove_file(&file),
                    rename(&file, file.with_extension("new")),
                    create_dir(file.with_extension("folder")),
                ];
                denied.map(|r| r.unwrap_err().kind())
            };
            std::thread::scope(|scope| scope.spawn(child).join().unwrap())
        });
        assert!(confined.join().unwrap().iter().all(|kind| *kind == PermissionDenied));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        // Others go on as before.
        assert!(TcpStream::connect(address).is_ok());
    }
}
