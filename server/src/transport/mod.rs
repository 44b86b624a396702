//! From a port to connections that have said something: TLS, limits on connections, and the page of metrics. And the way of the audit trail
//! to a collector.

mod connection;
mod incoming;
mod metrics;
mod strangers;
mod syslog;
mod tls;

pub use incoming::incoming;
pub use metrics::serve_metrics;
pub use syslog::{Collector, CollectorArgs};
pub use tls::{Tls, TlsFiles};
