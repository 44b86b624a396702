//! The audit trail, sent on to a syslog collector over TLS (RFC 5425), as messages of DICOM PS3.15 A.5 and A.6.
//!
//! The trail's own file is the spool: what could not be sent yet lies there, however long the collector is away, and
//! a file beside it (`audit.sent`) says how far it was sent. Syslog has no receipts. So what was sent counts only once
//! the connection has stood for a moment after it, and is sent anew otherwise: a collector may get an event twice,
//! and misses none.

use super::tls::pem;
use crate::cli::Usage;
use clap::Args;
use isochrone_trust::audit::message_of;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Authorisation messages (10), notice (5).
const PRIORITY: u8 = 10 * 8 + 5;
/// How often the trail is looked at, and how long a connection has to stand before what was sent counts.
const MOMENT: Duration = Duration::from_secs(1);
/// How long connecting may take, and writing.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after a failure the next try waits.
const PAUSE: Duration = Duration::from_secs(5);
/// Bytes of the trail that are sent at a time.
const BATCH: usize = 256 << 10;

/// Options of the collector.
#[derive(Debug, Clone, Default, Args)]
pub struct CollectorArgs {
    /// Syslog collector that the audit trail is sent to, over TLS
    #[arg(long, value_name = "HOST:PORT", env = "ISOCHRONE_SYSLOG", requires = "syslog_ca")]
    pub syslog: Option<String>,
    /// Authority that the collector must show a certificate of (PEM)
    #[arg(long, value_name = "PEM", env = "ISOCHRONE_SYSLOG_CA", requires = "syslog")]
    pub syslog_ca: Option<PathBuf>,
}

/// A collector, and how it is known.
pub struct Collector {
    address: String,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Collector {
    /// The collector, if there is one.
    ///
    /// # Errors
    /// [`Usage`]: no host and port; a file that holds no authority.
    pub fn new(args: CollectorArgs) -> Result<Option<Self>, Usage> {
        let (Some(address), Some(ca)) = (args.syslog, args.syslog_ca) else { return Ok(None) };
        let wrong = || Usage("--syslog: write it as host:port, such as collector.example:6514".to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| wrong())?;
        port.parse::<u16>().map_err(|_| wrong())?;
        let mut roots = RootCertStore::empty();
        for certificate in pem::<CertificateDer<'static>>("--syslog-ca", &ca)? {
            roots.add(certificate).map_err(|e| Usage(format!("--syslog-ca: {e}")))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Usage(format!("TLS cannot be had: {e}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(Self { address, name, tls: TlsConnector::from(Arc::new(config)) }))
    }

    /// Sends a trail on, for as long as the server runs.
    pub async fn follow(self, trail: PathBuf) {
        let mut well = true;
        loop {
            if let Err(error) = self.send(&trail, &mut well).await {
                if well {
                    tracing::warn!(
                        "the audit trail does not reach its collector ({}); it is kept here and sent later",
                        error.kind()
                    );
                }
                well = false;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends what there is and what comes, until something fails.
    async fn send(&self, trail: &Path, well: &mut bool) -> io::Result<()> {
        let mut connection: Option<TlsStream<TcpStream>> = None;
        loop {
            let path = trail.to_owned();
            let (lines, from, to) = with_files(move || waiting(&path)).await?;
            if !lines.is_empty() {
                let stream = match &mut connection {
                    Some(stream) => stream,
                    None => connection.insert(within(self.connect()).await?),
                };
                within(async {
                    stream.write_all(&messages(&lines)).await?;
                    stream.flush().await
                })
                .await?;
            }
            // A collector says nothing; if it hangs up, what is on the way may be lost.
            match &mut connection {
                Some(stream) => {
                    if let Ok(ended) = tokio::time::timeout(MOMENT, stream.read(&mut [0; 64])).await {
                        ended?;
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
                None => tokio::time::sleep(MOMENT).await,
            }
            if to != from {
                let path = trail.to_owned();
                with_files(move || note(&path, to)).await?;
                if !std::mem::replace(well, true) {
                    tracing::info!("the audit trail reaches its collector again");
                }
            }
        }
    }

    async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        self.tls.connect(self.name.clone(), TcpStream::connect(&self.address).await?).await
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// What waits in a trail: whole lines, where they begin and where they end. A trail that was put away and begun anew
/// is sent from its beginning.
fn waiting(trail: &Path) -> io::Result<(Vec<u8>, u64, u64)> {
    let mut file = std::fs::File::open(trail)?;
    let known = std::fs::read_to_string(trail.with_extension("sent")).ok().and_then(|t| t.trim().parse().ok());
    let from = known.filter(|known| *known <= file.metadata().map_or(0, |m| m.len())).unwrap_or(0);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BATCH as u64).read_to_end(&mut bytes)?;
    bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1));
    let to = from + bytes.len() as u64;
    Ok((bytes, from, to))
}

fn note(trail: &Path, to: u64) -> io::Result<()> {
    let beside = trail.with_extension("sent-new");
    std::fs::write(&beside, format!("{to}\n"))?;
    std::fs::rename(beside, trail.with_extension("sent"))
}

/// Does something with files, outside of the server's own threads.
async fn with_files<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Lines of the trail as syslog messages (RFC 5424), each after its length (RFC 5425).
fn messages(lines: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    for line in String::from_utf8_lossy(lines).lines() {
        // A line that is not as it was written is told by `isochrone audit verify`.
        let Some((xml, time)) = message_of(line, "isochrone") else { continue };
        let id = std::process::id();
        let text = format!("<{PRIORITY}>1 {time} - isochrone {id} DICOM+RFC3881 - \u{feff}{xml}");
        frames.extend(format!("{} {text}", text.len()).into_bytes());
    }
    frames
}
