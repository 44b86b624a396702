//! The request that is being worked on.

use isochrone_trust::{Identity, Role};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// What a request does with the things it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Looks at them.
    Look,
    /// May change them.
    Change,
}

/// Who asks, and what for.
pub(crate) struct Call {
    pub identity: Identity,
    pub access: Access,
    touched: Mutex<Touched>,
}

/// What the request was about, for the trail.
#[derive(Debug, Default, Clone)]
pub(crate) struct Touched {
    pub objects: Vec<String>,
    /// It named something of somebody else's.
    pub foreign: bool,
}

/// As many things as one event of the trail names.
const OBJECTS: usize = 16;

tokio::task_local! {
    static CALL: Arc<Call>;
}

impl Call {
    pub fn new(identity: Identity, access: Access) -> Arc<Self> {
        Arc::new(Self { identity, access, touched: Mutex::default() })
    }

    /// The request that this task or job works on. Code that works for no request is nobody in particular, and
    /// sees only what it made itself.
    pub fn current() -> Arc<Self> {
        CALL.try_with(Arc::clone).unwrap_or_else(|_| Self::new(Identity::nobody(), Access::Change))
    }

    /// Works on this request.
    pub fn scope<F: Future>(self: Arc<Self>, work: F) -> impl Future<Output = F::Output> {
        CALL.scope(self, work)
    }

    /// The same on a thread of its own.
    pub fn sync_scope<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        CALL.sync_scope(self, work)
    }

    /// Whether this request may have something of this owner's.
    pub fn may(&self, owner: &str) -> bool {
        let Identity { user, role } = &self.identity;
        user == owner || *role == Role::Admin || (*role >= Role::StudyLead && self.access == Access::Look)
    }

    /// Notes for the trail what was named, and whether it may be had.
    pub fn note(&self, what: &str, id: &str, may: bool) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.foreign |= !may;
        let object = format!("{what} {id}");
        if touched.objects.len() < OBJECTS && !touched.objects.contains(&object) {
            touched.objects.push(object);
        }
    }

    /// The queue in which this request's heavy work waits: the first session that it named, else its user.
    pub fn lane(&self) -> String {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let session = touched.objects.iter().find(|o| o.starts_with("session "));
        session.cloned().unwrap_or_else(|| format!("user {}", self.identity.user))
    }

    pub fn touched(&self) -> Touched {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
