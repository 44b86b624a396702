use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to load its model and open its port.
const START: Duration = Duration::from_secs(120);

/// What to start a server with.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Folder under which the server may read and write files.
    pub root: PathBuf,
    /// Model bundle; the server's default if `None`.
    pub model: Option<PathBuf>,
    /// Such as `auto`, `cpu`, `cuda:0`; the server's default if `None`.
    pub device: Option<String>,
    /// Folder in which it keeps sessions; none are kept if `None`.
    pub state: Option<PathBuf>,
}

/// A server in a process of its own, ended when this is dropped.
pub struct ServerProcess {
    child: Child,
    address: String,
}

impl ServerProcess {
    /// Starts this same program as a server on a free loopback port; its log goes to `log`.
    ///
    /// # Errors
    /// It does not start, or says no address in time.
    pub fn start(options: &ServerOptions, log: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("The program does not know where it lies")?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--root"]).arg(&options.root);
        if let Some(model) = &options.model {
            command.arg("--model").arg(model);
        }
        if let Some(device) = &options.device {
            command.args(["--device", device]);
        }
        if let Some(state) = &options.state {
            command.arg("--state").arg(state);
        }
        let out = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(out)
            .spawn()
            .context("The server could not be started")?;
        let Some(stdout) = child.stdout.take() else { bail!("The server has no output to read its address from") };
        let (send, receive) = mpsc::channel();
        // Reads on after the address, so that the server never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    // Nobody listens once the address is known.
                    let _ = send.send(address);
                }
            }
        });
        let mut server = Self { child, address: String::new() };
        match receive.recv_timeout(START) {
            Ok(address) => server.address = address,
            Err(_) => bail!("The server did not start:\n{}", last_lines(log)),
        }
        Ok(server)
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about that here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first `127.0.0.1:port` of a line.
fn address_in(line: &str) -> Option<String> {
    let (_, after) = line.split_once("127.0.0.1:")?;
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    (port.parse::<u16>().ok()? > 0).then(|| format!("127.0.0.1:{port}"))
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(12);
    format!("{}\n(the whole log is in {})", lines.get(from..).unwrap_or_default().join("\n"), log.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line() {
        assert_eq!(
            address_in("Isochrone 0.1.0 listens on http://127.0.0.1:4711 (cpu)"),
            Some("127.0.0.1:4711".to_owned())
        );
        assert_eq!(address_in("binding 127.0.0.1:0"), None);
        assert_eq!(address_in("nothing here"), None);
    }
}
