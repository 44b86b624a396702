use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a connection; whoever accepts connections gives it to each of their requests.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// The certificate that it showed in the TLS handshake, DER.
    pub certificate: Option<Arc<[u8]>>,
}
