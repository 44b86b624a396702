//! One audit event a request, also for those whose client goes away before the end.

use super::call::{Access, Call};
use super::method::Method;
use super::metrics::{Metrics, name_of};
use isochrone_trust::Identity;
use isochrone_trust::audit::{Event, Kind, Outcome, Trail};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tonic::Code;

/// Somebody who comes back after this long has logged in anew.
const AWAY: Duration = Duration::from_secs(15 * 60);

/// As many people at as many machines are remembered.
const REMEMBERED: usize = 4096;

/// Strangers' tries in one minute that get an event of their own; the others are counted.
const STRANGERS: u32 = 120;

/// The trail, and what it needs to know of the past.
pub(super) struct Book {
    trail: Option<Arc<Trail>>,
    metrics: Arc<Metrics>,
    seen: Mutex<BTreeMap<(String, String), Instant>>,
    strangers: Mutex<Strangers>,
    /// An event could not be written: nothing is changed until it can.
    broken: AtomicBool,
}

struct Strangers {
    since: Instant,
    noted: u32,
    passed_over: u64,
}

impl Book {
    pub fn new(trail: Option<Arc<Trail>>, metrics: Arc<Metrics>) -> Self {
        let strangers = Strangers { since: Instant::now(), noted: 0, passed_over: 0 };
        Self {
            trail,
            metrics,
            seen: Mutex::default(),
            strangers: Mutex::new(strangers),
            broken: AtomicBool::new(false),
        }
    }

    /// Whether a request may go on: while the trail cannot be written, only those that look, and whose events can wait
    /// in memory until it can. Each asking is a try.
    pub fn lets(&self, method: &Method) -> bool {
        let Some(trail) = self.trail.as_ref().filter(|_| self.broken.load(Ordering::Relaxed)) else { return true };
        let failed = trail.catch_up().is_err();
        self.broken.store(failed, Ordering::Relaxed);
        let looks = method.access == Access::Look && matches!(method.kind, None | Some(Kind::View));
        !failed || (looks && trail.waiting().1)
    }

    pub fn write(&self, event: &Event) {
        let Some(trail) = &self.trail else { return };
        let failed = trail.record(event).inspect_err(|e| tracing::error!("{e}")).is_err();
        self.metrics.unaudited.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.broken.store(failed, Ordering::Relaxed);
    }

    /// Somebody who was let in: an event if they come anew.
    pub fn welcome(&self, who: &Identity, peer: Option<IpAddr>) {
        let key = (who.user.clone(), text(peer));
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, then| now.duration_since(*then) < AWAY);
        }
        let known = seen.insert(key, now).is_some_and(|then| now.duration_since(then) < AWAY);
        drop(seen);
        if !known {
            self.write(&Event { role: who.role.to_string(), ..event(Kind::LogIn, &who.user, peer) });
        }
    }

    /// Somebody who was not let in.
    pub fn turned_away(&self, method: &Method, peer: Option<IpAddr>, kind: Kind, why: &str) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.since.elapsed() > Duration::from_secs(60) {
            (strangers.since, strangers.noted) = (Instant::now(), 0);
        }
        if strangers.noted >= STRANGERS {
            strangers.passed_over += 1;
            return;
        }
        strangers.noted += 1;
        let more = std::mem::take(&mut strangers.passed_over);
        drop(strangers);
        let detail = if more > 0 { format!("{why}; {more} more tries before this one") } else { why.to_owned() };
        let (method, outcome) = (method.name.to_owned(), Outcome::Failed);
        self.write(&Event { method, outcome, detail, ..event(kind, "", peer) });
    }
}

/// A request's event, written when it ends, however it ends.
pub(super) struct Entry {
    pub book: Arc<Book>,
    pub call: Arc<Call>,
    pub method: Method,
    pub peer: Option<IpAddr>,
    pub begun: Instant,
    /// How it ended; still `Cancelled` if its client went away.
    pub code: Code,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self { book, call, method, peer, code, .. } = self;
        book.metrics.running.fetch_sub(1, Ordering::Relaxed);
        book.metrics.called(method.name, *code, self.begun.elapsed());
        let Some(kind) = method.kind else { return };
        let touched = call.touched();
        let done = *code == Code::Ok;
        let denied = touched.foreign || *code == Code::PermissionDenied;
        book.write(&Event {
            kind: if denied && !done { Kind::Refused } else { kind },
            outcome: if done { Outcome::Done } else { Outcome::Failed },
            role: call.identity.role.to_string(),
            method: method.name.to_owned(),
            objects: touched.objects,
            detail: if done { String::new() } else { name_of(*code).to_owned() },
            ..event(kind, &call.identity.user, *peer)
        });
    }
}

fn event(kind: Kind, user: &str, peer: Option<IpAddr>) -> Event {
    Event { user: user.to_owned(), peer: text(peer), ..Event::of_server(kind, "") }
}

fn text(peer: Option<IpAddr>) -> String {
    peer.map_or_else(String::new, |ip| ip.to_string())
}
