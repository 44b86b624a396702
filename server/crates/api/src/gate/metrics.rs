use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tonic::Code;

/// Upper ends of the classes in which waiting times are counted, s.
const CLASSES: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Counts for Prometheus. Labels are methods and codes of ours, never anything that a client sent.
#[derive(Default)]
pub struct Metrics {
    calls: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    times: Mutex<BTreeMap<&'static str, Times>>,
    /// Requests being worked on.
    pub(crate) running: AtomicU64,
    /// Audit events that could not be written.
    pub(crate) unaudited: AtomicU64,
    /// Connections that were turned away because there were too many.
    pub connections_refused: AtomicU64,
    /// Connections that were closed because they said nothing.
    pub connections_silent: AtomicU64,
    /// Connections that are open.
    pub connections: AtomicU64,
}

#[derive(Default, Clone)]
struct Times {
    classes: [u64; CLASSES.len()],
    count: u64,
    sum_s: f64,
}

impl Metrics {
    pub(crate) fn called(&self, method: &'static str, code: Code, took: Duration) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry((method, name_of(code))).or_default() += 1;
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.entry(method).or_default();
        let took_s = took.as_secs_f64();
        for (class, end) in times.classes.iter_mut().zip(CLASSES) {
            *class += u64::from(took_s <= end);
        }
        times.count += 1;
        times.sum_s += took_s;
    }

    /// The text that Prometheus reads; `gauges` are levels from elsewhere (name, help, value).
    #[must_use]
    pub fn render(&self, gauges: &[(&str, &str, u64)]) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let mut line = |l: String| {
            let _ = writeln!(text, "{l}");
        };
        line("# HELP isochrone_requests_total Requests by method and gRPC code.".to_owned());
        line("# TYPE isochrone_requests_total counter".to_owned());
        for ((method, code), n) in self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            line(format!("isochrone_requests_total{{method=\"{method}\",code=\"{code}\"}} {n}"));
        }
        line("# HELP isochrone_request_seconds Time to the first answer.".to_owned());
        line("# TYPE isochrone_request_seconds histogram".to_owned());
        for (method, times) in self.times.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (end, n) in CLASSES.iter().zip(times.classes) {
                line(format!("isochrone_request_seconds_bucket{{method=\"{method}\",le=\"{end}\"}} {n}"));
            }
            let Times { count, sum_s, .. } = times;
            line(format!("isochrone_request_seconds_bucket{{method=\"{method}\",le=\"+Inf\"}} {count}"));
            line(format!("isochrone_request_seconds_sum{{method=\"{method}\"}} {sum_s}"));
            line(format!("isochrone_request_seconds_count{{method=\"{method}\"}} {count}"));
        }
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let counters = [
            ("isochrone_audit_failures_total", "Audit events that could not be written.", of(&self.unaudited)),
            (
                "isochrone_connections_refused_total",
                "Connections turned away, too many being open.",
                of(&self.connections_refused),
            ),
            ("isochrone_connections_silent_total", "Connections closed for silence.", of(&self.connections_silent)),
        ];
        for (name, help, n) in counters {
            line(format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {n}"));
        }
        let own = [
            ("isochrone_requests_running", "Requests being worked on.", of(&self.running)),
            ("isochrone_connections", "Connections that are open.", of(&self.connections)),
        ];
        for (name, help, n) in own.iter().chain(gauges) {
            line(format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {n}"));
        }
        text
    }
}

/// A gRPC code as Prometheus and the trail call it.
pub(crate) fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
