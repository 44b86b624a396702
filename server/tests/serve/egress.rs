//! Nothing leaves the machine: server and command line with the network, in a network namespace of their own in which
//! every address is this machine's, so that whatever anybody asks or greets is heard here.
#![cfg(target_os = "linux")]

use crate::network::with_network;
use crate::support::{BALL, balls, repository};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Set for the process that is in the namespace.
const INSIDE: &str = "ISOCHRONE_TEST_NAMESPACE";

/// ONNX Runtime's first report comes within it.
const WATCHED: Duration = Duration::from_secs(12);

#[test]
fn nothing_leaves_the_machine() {
    let namespace = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && \
         { ip -6 route add local ::/0 dev lo || true; } && exec \"$@\"";
    let possible = Command::new("unshare").args(["-rn", "sh", "-c", namespace, "sh", "true"]).output();
    if !possible.is_ok_and(|o| o.status.success()) {
        println!("passed over: no network namespace can be made here (unshare -rn, ip)");
        return;
    }
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = Command::new("unshare")
        .args(["-rn", "sh", "-c", namespace, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "egress::within_the_namespace", "--ignored", "--nocapture"])
        .envs([("HOME", home.path()), ("TMPDIR", temporary.path()), (INSIDE, home.path())])
        .env_remove("ORT_DISABLE_TELEMETRY")
        .env_remove("XDG_CACHE_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
    for (what, folder) in [("HOME", &home), ("TMPDIR", &temporary)] {
        let left = files_below(folder.path());
        assert!(left.is_empty(), "{what} holds {left:?}");
    }
}

#[tokio::test]
#[ignore = "started by nothing_leaves_the_machine in a network namespace"]
async fn within_the_namespace() {
    assert!(std::env::var_os(INSIDE).is_some(), "this test is started by another one");
    let heard = Heard::default();
    heard.names();
    for port in [25, 80, 443, 8080] {
        heard.greetings(port);
    }
    // That the decoys hear at all.
    let _ = Command::new("getent").args(["hosts", "decoy.example"]).output();
    assert!(heard.take().iter().any(|h| h.contains("decoy")), "the decoy of names hears nothing");

    let Some(mut server) = with_network().await else { return };
    let volume = server.load("balls.nii.gz", &balls()).await;
    let session = server.open(&volume, "network").await.unwrap();
    let label = server.add_label(&session, "lesion").await;
    let mut reader = crate::support::Reader {
        session,
        label,
        mask: isochrone_volume::Mask::empty(balls().grid().clone()),
        segmentation: server.segmentation.clone(),
    };
    reader.click(BALL, true).await.unwrap();
    thread::sleep(WATCHED);
    assert_eq!(heard.take(), [""; 0], "the server asked or greeted somebody");
    let image = server.root.path().join("balls.nii.gz");
    let mask = server.root.path().join("cli.nii.gz");
    stop(&mut server.child);

    let model = repository().join("models/lesion-3");
    let (image, mask, model) = (image.to_str().unwrap(), mask.to_str().unwrap(), model.to_str().unwrap());
    for arguments in [
        &["segment", image, "--engine", "network", "--device", "cpu", "--model", model, "--click=0,0,30", "-o", mask][..],
        &["model", "check", model],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_isochrone")).args(arguments).current_dir(repository()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    thread::sleep(Duration::from_secs(2));
    assert_eq!(heard.take(), [""; 0], "a command asked or greeted somebody");
}

fn stop(child: &mut std::process::Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        }
        found.push(entry.path().display().to_string());
    }
    found
}

/// What the decoys have heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Answers every question for a name with an address of this machine.
    fn names(&self) {
        let (heard, socket) = (self.clone(), UdpSocket::bind("0.0.0.0:53").unwrap());
        thread::spawn(move || {
            let mut bytes = [0; 1500];
            while let Ok((n, asker)) = socket.recv_from(&mut bytes) {
                let question = bytes[..n].to_vec();
                let name: String = question[12.min(n)..]
                    .iter()
                    .map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' })
                    .collect();
                heard.0.lock().unwrap().push(format!("name {name}"));
                let mut answer = question;
                if n > 12 {
                    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
                    answer[8..12].fill(0);
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
                }
                let _ = socket.send_to(&answer, asker);
            }
        });
    }

    /// Takes every connection to a port.
    fn greetings(&self, port: u16) {
        let (heard, listener) = (self.clone(), TcpListener::bind(("::", port)).unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                heard.0.lock().unwrap().push(format!("connection to port {}", stream.local_addr().unwrap().port()));
            }
        });
    }
}
