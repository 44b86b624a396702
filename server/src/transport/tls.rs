use crate::cli::Usage;
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Files for TLS, all PEM.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsFiles {
    /// Certificate for TLS, with those between it and the authority (PEM)
    #[arg(long, value_name = "PEM", env = "ISOCHRONE_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM); nobody else may be able to read the file
    #[arg(long, value_name = "PEM", env = "ISOCHRONE_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Authority that clients must show a certificate of (PEM): mutual TLS
    #[arg(long, value_name = "PEM", env = "ISOCHRONE_TLS_CLIENT_CA", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
    /// The authority's list of certificates that it has taken back (PEM)
    #[arg(long, value_name = "PEM", env = "ISOCHRONE_TLS_CLIENT_CRL", requires = "tls_client_ca")]
    pub tls_client_crl: Option<PathBuf>,
}

/// TLS 1.2 and 1.3, with the files as they are: a renewed certificate counts from the next connection on.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    cert: PathBuf,
    files: TlsFiles,
    now: Mutex<(Stamps, Arc<ServerConfig>)>,
}

type Stamps = Vec<Option<SystemTime>>;

impl Tls {
    /// TLS, if there is a certificate for it.
    ///
    /// # Errors
    /// [`Usage`]: a file that cannot be read, or does not fit the others.
    pub fn new(files: TlsFiles) -> Result<Option<Self>, Usage> {
        let Some(cert) = files.tls_cert.clone() else { return Ok(None) };
        let now = (stamps(&files), Arc::new(load(&files)?));
        Ok(Some(Self(Arc::new(Inner { cert, files, now: Mutex::new(now) }))))
    }

    /// The handshake; says the certificate that the client showed, DER.
    ///
    /// # Errors
    /// The client broke it off, or does not speak TLS, or has no good certificate.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<(TlsStream<TcpStream>, Option<Arc<[u8]>>)> {
        let stream = TlsAcceptor::from(self.config()).accept(tcp).await?;
        let certificates = stream.get_ref().1.peer_certificates();
        let own = certificates.and_then(<[_]>::first).map(|certificate| Arc::from(certificate.as_ref()));
        Ok((stream, own))
    }

    fn config(&self) -> Arc<ServerConfig> {
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.0.files);
        if now.0 != stamps {
            now.0 = stamps;
            match load(&self.0.files) {
                Ok(config) => {
                    tracing::info!("the TLS files were read anew");
                    now.1 = Arc::new(config);
                }
                // Half-written, perhaps: they are tried again once they change.
                Err(error) => tracing::error!("the TLS files changed and are not good; those before stay: {error}"),
            }
        }
        now.1.clone()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({})", self.0.cert.display())
    }
}

fn stamps(files: &TlsFiles) -> Stamps {
    let all = [&files.tls_cert, &files.tls_key, &files.tls_client_ca, &files.tls_client_crl];
    all.iter().map(|f| std::fs::metadata(f.as_ref()?).and_then(|m| m.modified()).ok()).collect()
}

fn load(files: &TlsFiles) -> Result<ServerConfig, Usage> {
    let (Some(cert), Some(key)) = (&files.tls_cert, &files.tls_key) else {
        return Err(Usage("TLS needs --tls-cert and --tls-key".to_owned()));
    };
    let chain = pem::<CertificateDer<'static>>("--tls-cert", cert)?;
    private("--tls-key", key)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong("--tls-key", "a private key", &e))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Usage(format!("TLS cannot be had: {e}")))?;
    let builder = match &files.tls_client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in pem::<CertificateDer<'static>>("--tls-client-ca", ca)? {
                roots.add(certificate).map_err(|e| Usage(format!("--tls-client-ca: {e}")))?;
            }
            let lists = match &files.tls_client_crl {
                Some(crl) => pem::<CertificateRevocationListDer<'static>>("--tls-client-crl", crl)?,
                None => Vec::new(),
            };
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).with_crls(lists);
            let verifier = verifier.build().map_err(|e| Usage(format!("--tls-client-ca: {e}")))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|e| Usage(format!("--tls-cert and --tls-key do not go together: {e}")))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

pub(super) fn pem<T: PemObject>(option: &str, path: &Path) -> Result<Vec<T>, Usage> {
    let all = T::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<T>, _>>);
    let all = all.map_err(|e| wrong(option, "PEM", &e))?;
    if all.is_empty() { Err(Usage(format!("{option}: nothing of the kind is in this file"))) } else { Ok(all) }
}

fn wrong(option: &str, what: &str, error: &tokio_rustls::rustls::pki_types::pem::Error) -> Usage {
    Usage(format!("{option}: the file cannot be read as {what} ({error})"))
}

/// A key that everybody on the machine can read is no secret.
#[cfg(unix)]
fn private(option: &str, path: &Path) -> Result<(), Usage> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(|e| Usage(format!("{option}: {}", e.kind())))?.permissions().mode();
    if mode & 0o007 == 0 {
        return Ok(());
    }
    Err(Usage(format!("{option}: every user of this machine can read or change this file. Run chmod 600 on it first")))
}

#[cfg(not(unix))]
fn private(_: &str, _: &Path) -> Result<(), Usage> {
    Ok(())
}
