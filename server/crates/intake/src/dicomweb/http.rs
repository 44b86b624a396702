//! One request and its answer: credentials, limits, waiting for a busy server.

use super::{Auth, DicomwebError, Pacs, PacsConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// How often a request is sent before the PACS counts as busy or gone.
const ATTEMPTS: u32 = 5;
/// First pause; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest pause that a server may ask for.
const LONGEST: Duration = Duration::from_secs(30);
/// Most of an answer that is not image data.
const ANSWER_BYTES: u64 = 64 << 20;

pub(super) fn agent(config: &PacsConfig) -> Result<Agent, DicomwebError> {
    let mut tls = TlsConfig::builder();
    if let Some(pem) = &config.authorities_pem {
        let certificates: Vec<_> = parse_pem(pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(DicomwebError::Config("--pacs-ca: the file holds no certificate in PEM".to_owned()));
        }
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
    }
    let config = Agent::config_builder()
        .tls_config(tls.build())
        // A proxy would be another host than the one that was allowed.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("isochrone/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(300)))
        .max_idle_connections_per_host(8)
        .build();
    Ok(config.into())
}

impl Pacs {
    /// An answer that is small, as bytes.
    pub(super) fn get(&self, path: &str, accept: &str) -> Result<Vec<u8>, DicomwebError> {
        let (_, body) = self.fetch(path, accept, ANSWER_BYTES)?;
        Ok(body)
    }

    /// Content type and body of at most `limit` bytes. Asks again where that can help.
    pub(super) fn fetch(&self, path: &str, accept: &str, limit: u64) -> Result<(String, Vec<u8>), DicomwebError> {
        let address = format!("{}{path}", self.config.root);
        self.patiently(|| {
            let mut request = self.agent.get(&address).header(header::ACCEPT, accept);
            if let Some(value) = self.authorization() {
                request = request.header(header::AUTHORIZATION, value);
            }
            let mut response = request.call().map_err(|e| self.failed(e))?;
            self.check(&response)?;
            let kind = content_type(&response);
            let body = response.body_mut().with_config().limit(limit).read_to_vec().map_err(|e| self.failed(e))?;
            Ok((kind, body))
        })
    }

    /// Sends a body; the answer's status and text.
    pub(super) fn post(
        &self,
        path: &str,
        kind: &str,
        accept: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), DicomwebError> {
        let address = format!("{}{path}", self.config.root);
        self.patiently(|| {
            let mut request =
                self.agent.post(&address).header(header::CONTENT_TYPE, kind).header(header::ACCEPT, accept);
            if let Some(value) = self.authorization() {
                request = request.header(header::AUTHORIZATION, value);
            }
            let mut response = request.send(body).map_err(|e| self.failed(e))?;
            let status = response.status();
            // A conflict (409) still says in its body which objects failed, and why.
            if status != StatusCode::CONFLICT {
                self.check(&response)?;
            }
            let text =
                response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(|e| self.failed(e))?;
            Ok((status.as_u16(), text))
        })
    }

    /// Repeats what failed by load or by accident, later and later.
    fn patiently<T>(&self, send: impl Fn() -> Result<T, Failure>) -> Result<T, DicomwebError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (error, wait) = match send() {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Later(error, wait)) => (error, wait),
            };
            if attempt >= ATTEMPTS {
                return Err(error);
            }
            // Half to whole, so that many clients do not come back together.
            let jittered = pause.mul_f64(0.5 + 0.5 * rand::random::<f64>());
            std::thread::sleep(wait.unwrap_or(jittered).min(LONGEST));
            pause *= 2;
        }
        Err(DicomwebError::Busy(self.name().to_owned()))
    }

    fn authorization(&self) -> Option<String> {
        match &self.config.auth {
            Auth::None => None,
            Auth::Basic { user, password } => Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
            Auth::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }

    fn check(&self, response: &Response<Body>) -> Result<(), Failure> {
        let name = || self.name().to_owned();
        let status = response.status();
        Err(match status {
            status if status.is_success() => return Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Final(DicomwebError::Denied(name())),
            StatusCode::NOT_FOUND | StatusCode::GONE => Failure::Final(DicomwebError::NotFound(name())),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Failure::Later(DicomwebError::Busy(name()), retry_after(response))
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Failure::Later(DicomwebError::Status(name(), status.as_u16()), None)
            }
            status if status.is_redirection() => Failure::Final(DicomwebError::Redirect(name())),
            status => Failure::Final(DicomwebError::Status(name(), status.as_u16())),
        })
    }

    fn failed(&self, error: ureq::Error) -> Failure {
        let name = self.name().to_owned();
        match error {
            ureq::Error::BodyExceedsLimit(limit) => Failure::Final(DicomwebError::TooLarge(format!(
                "The PACS {name:?} sent more than the {} MiB that are left of the limit. Raise the limit, or load a \
                 smaller series",
                limit >> 20
            ))),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
                Failure::Final(DicomwebError::Untrusted(name))
            }
            ureq::Error::Io(e) if is_tls(&e) => Failure::Final(DicomwebError::Untrusted(name)),
            ureq::Error::HostNotFound => Failure::Final(DicomwebError::Unreachable(name)),
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
                Failure::Final(DicomwebError::Answer(name, "it is not HTTP"))
            }
            _ => Failure::Later(DicomwebError::Unreachable(name), None),
        }
    }
}

/// A certificate that does not verify comes as an I/O error round one of rustls.
fn is_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData || error.get_ref().is_some_and(|e| e.to_string().contains("certificate"))
}

enum Failure {
    Final(DicomwebError),
    Later(DicomwebError, Option<Duration>),
}

fn content_type(response: &Response<Body>) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// `Retry-After` in seconds; its form as a date is rare, and is answered with the usual pause.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
