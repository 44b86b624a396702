//! From a port to connections that have said something: TLS, limits on connections, and the page of metrics.

mod connection;
mod incoming;
mod metrics;
mod tls;

pub use incoming::incoming;
pub use metrics::serve_metrics;
pub use tls::{Tls, TlsFiles};
