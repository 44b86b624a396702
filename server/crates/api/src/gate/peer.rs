use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The other end of a connection; whoever accepts connections gives it to each of their requests.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// The certificate that it showed in the TLS handshake, DER.
    pub certificate: Option<Arc<[u8]>>,
    /// Whether it has logged in.
    pub log_in: LogIn,
}

/// What is known of a connection's client. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LogIn(Arc<AtomicU8>);

impl LogIn {
    const ASKED: u8 = 1;
    const DONE: u8 = 2;

    /// No request of it was answered yet, not even one that anybody may make.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// A request of it was let in.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::DONE
    }

    pub(crate) fn asked(&self) {
        self.0.fetch_max(Self::ASKED, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) {
        self.0.store(Self::DONE, Ordering::Relaxed);
    }
}
