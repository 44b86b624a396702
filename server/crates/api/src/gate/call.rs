//! The request that is being worked on.

use crate::turns::{Queue, Ticket};
use isochrone_segment::Cancel;
use isochrone_trust::{Directory, Identity, Role};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Code;

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
    ending: Mutex<Option<oneshot::Receiver<Code>>>,
    /// Set where the server ends it, because its account is no more.
    pub ended: Cancel,
    /// Of its heavy job.
    pub ticket: Ticket,
    /// Where accounts are looked up, if there are any.
    pub directory: Option<Arc<Directory>>,
}

/// Says how a request ended whose answer began before that; dropped without a word, its client went away.
pub(crate) struct Ending(oneshot::Sender<Code>);

impl Ending {
    pub fn with(self, code: Code) {
        // The gate has gone with the server.
        let _ = self.0.send(code);
    }
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

/// Works on the caller's request in a task of its own, which may outlive the request's answer.
pub(crate) fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    Call::current().spawn(work)
}

/// The same for the server's own housekeeping, which names nothing of anybody's.
#[allow(clippy::disallowed_methods)]
pub(crate) fn spawn_for_nobody<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(work)
}

impl Call {
    pub fn new(identity: Identity, access: Access, directory: Option<Arc<Directory>>) -> Arc<Self> {
        Arc::new(Self {
            directory,
            identity,
            access,
            touched: Mutex::default(),
            ending: Mutex::default(),
            ended: Cancel::new(),
            ticket: Ticket::default(),
        })
    }

    /// The request that this task or job works on. Code that works for no request is nobody in particular, and
    /// sees only what it made itself.
    pub fn current() -> Arc<Self> {
        CALL.try_with(Arc::clone).unwrap_or_else(|_| Self::new(Identity::nobody(), Access::Change, None))
    }

    /// Works on this request.
    pub fn scope<F: Future>(self: Arc<Self>, work: F) -> impl Future<Output = F::Output> {
        CALL.scope(self, work)
    }

    /// Works on this request in a task of its own, which may outlive the request's answer.
    pub fn spawn<F>(self: Arc<Self>, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        spawn_for_nobody(self.scope(work))
    }

    /// The same on a thread of its own.
    pub fn sync_scope<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        CALL.sync_scope(self, work)
    }

    /// Whether it is known who asks: on a server without accounts, all are the one user of the machine.
    pub fn has_account(&self) -> bool {
        self.identity != Identity::local() && self.identity != Identity::nobody()
    }

    /// Whether this request may have something of this owner's.
    pub fn may(&self, owner: &str) -> bool {
        let Identity { account, role, .. } = &self.identity;
        account == owner || *role == Role::Admin || (*role >= Role::StudyLead && self.access == Access::Look)
    }

    /// Whether this request may look at something that was shown to these users.
    pub fn may_look(&self, viewers: &BTreeSet<String>) -> bool {
        self.access == Access::Look && viewers.contains(&self.identity.account)
    }

    /// The answer begins, and how it ends is said later.
    pub fn outlasts(&self) -> Ending {
        let (say, hear) = oneshot::channel();
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(hear);
        Ending(say)
    }

    /// How it ends, if that is said later.
    pub fn ending(&self) -> Option<oneshot::Receiver<Code>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).take()
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

    /// The queue in which this request's heavy work waits: of its user's, that of the first session that it named. What
    /// is about no session (files, archives) waits apart, so that it keeps no click waiting.
    pub fn queue(&self) -> Queue {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let session = touched.objects.iter().find(|o| o.starts_with("session "));
        let user = &self.identity.user;
        match session {
            // Without accounts, nobody knows how many people are behind the one user of the machine.
            Some(session) if !self.has_account() => Queue { group: session.clone(), lane: session.clone() },
            Some(session) => Queue { group: format!("reader {user}"), lane: session.clone() },
            None => Queue { group: format!("user {user}"), lane: String::new() },
        }
    }

    pub fn touched(&self) -> Touched {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
