use super::call::{Call, spawn_for_nobody};
use super::door::Door;
use super::method::Method;
use super::metrics::Metrics;
use super::origin::Origins;
use super::peer::Peer;
use super::trail::{Book, Entry};
use crate::PROTOCOL_VERSION;
use http::{Request, Response};
use isochrone_trust::TrustError;
use isochrone_trust::audit::{Kind, Trail};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use tower::{Layer, Service};

/// The header in which a client says which protocol it speaks.
const PROTOCOL: &str = "isochrone-protocol";

/// What the gate needs to know.
pub struct GateOptions {
    /// How people say who they are.
    pub door: Door,
    /// Which web pages and host names are listened to.
    pub origins: Origins,
    /// Where events go, if anywhere.
    pub trail: Option<Arc<Trail>>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
}

/// The gate, as a layer in front of all services.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    door: Door,
    origins: Origins,
    book: Arc<Book>,
    metrics: Arc<Metrics>,
    /// Requests that are being worked on.
    running: Mutex<Vec<Weak<Call>>>,
}

/// How often accounts are looked at whose requests are being worked on.
const ROUND: Duration = Duration::from_millis(100);

impl Gate {
    /// A gate.
    #[must_use]
    pub fn new(options: GateOptions) -> Self {
        let GateOptions { door, origins, trail, metrics } = options;
        let book = Arc::new(Book::new(trail, metrics.clone()));
        Self(Arc::new(Inner { door, origins, book, metrics, running: Mutex::default() }))
    }

    /// Ends the work of those whose accounts are removed, as long as the gate stands.
    pub fn end_with_accounts(&self) -> impl Future<Output = ()> + Send + 'static {
        let gate = Arc::downgrade(&self.0);
        async move {
            loop {
                tokio::time::sleep(ROUND).await;
                let Some(gate) = gate.upgrade() else { return };
                let mut running = gate.running.lock().unwrap_or_else(PoisonError::into_inner);
                running.retain(|call| match call.upgrade() {
                    Some(call) => {
                        if !gate.door.still_knows(&call.identity) {
                            call.ended.cancel();
                        }
                        true
                    }
                    None => false,
                });
            }
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, service: S) -> Gated<S> {
        Gated { gate: self.0.clone(), service }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    gate: Arc<Inner>,
    service: S,
}

impl<S, B, R> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        let gate = self.gate.clone();
        Box::pin(async move {
            match gate.admit(&request) {
                Err(refused) => Ok(refused.into_http()),
                Ok(None) => service.call(request).await,
                Ok(Some(mut entry)) => {
                    let answer = entry.call.clone().scope(service.call(request)).await;
                    entry.code = answer.as_ref().map_or(Code::Internal, code_of);
                    if let Some(ending) = entry.call.ending() {
                        spawn_for_nobody(async move {
                            entry.code = ending.await.unwrap_or(Code::Cancelled);
                            drop(entry);
                        });
                    }
                    answer
                }
            }
        })
    }
}

impl Inner {
    /// Lets a request in, with what will be said of it in the trail; health is nobody's business.
    fn admit<B>(&self, request: &Request<B>) -> Result<Option<Entry>, Status> {
        let begun = Instant::now();
        let method = Method::of(request.uri().path());
        // A connection that says nothing of its other end is one within this process, in a test.
        let Peer { ip: peer, certificate, log_in } = request.extensions().get().cloned().unwrap_or_default();
        let refused = |status: Status, kind: Kind| {
            tracing::debug!("{} was refused at the gate: {:?}", method.name, status.code());
            self.metrics.called(method.name, status.code(), begun.elapsed());
            self.book.turned_away(&method, peer, kind, super::metrics::name_of(status.code()));
            status
        };
        if let Some(why) = self.origins.refusal(request.uri(), request.headers()) {
            return Err(refused(Status::permission_denied(why), Kind::Refused));
        }
        if method.public {
            log_in.asked();
            return Ok(None);
        }
        let identity = self.door.identify(request.headers(), certificate.as_deref()).map_err(|e| {
            let status = match &e {
                TrustError::NoRole => Status::permission_denied(e.to_string()),
                TrustError::Unknown | TrustError::Refused => Status::unauthenticated(e.to_string()),
                broken => {
                    tracing::error!("nobody can be let in: {broken}");
                    Status::unavailable("The server cannot read its list of users. Tell whoever runs it")
                }
            };
            refused(status, Kind::LogIn)
        })?;
        log_in.done();
        if method.name == "reflection" && !self.door.is_open() {
            return Err(refused(Status::unimplemented("This server does not describe its protocol"), Kind::Refused));
        }
        speaks(request).inspect_err(|status| self.metrics.called(method.name, status.code(), begun.elapsed()))?;
        if !self.book.lets(&method) {
            self.metrics.called(method.name, Code::Unavailable, begun.elapsed());
            return Err(Status::unavailable(
                "The server cannot write its audit trail, and changes and gives out nothing that is not in it. Tell whoever runs it",
            ));
        }
        self.book.welcome(&identity, peer);
        self.metrics.running.fetch_add(1, Ordering::Relaxed);
        let call = Call::new(identity, method.access, self.door.directory());
        if !self.door.is_open() {
            self.running.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&call));
        }
        Ok(Some(Entry { book: self.book.clone(), call, method, peer, begun, code: Code::Cancelled }))
    }
}

/// Says to a client of another age what to update.
fn speaks<B>(request: &Request<B>) -> Result<(), Status> {
    let Some(version) = request.headers().get(PROTOCOL) else { return Ok(()) };
    let version = version.to_str().ok().and_then(|v| v.parse::<u32>().ok());
    let ours = env!("CARGO_PKG_VERSION");
    match version {
        Some(PROTOCOL_VERSION) => Ok(()),
        Some(older) if older < PROTOCOL_VERSION => Err(Status::failed_precondition(format!(
            "Your client speaks protocol {older}; this server (Isochrone {ours}) speaks {PROTOCOL_VERSION}. Update the client: the Isochrone extension of your viewer"
        ))),
        Some(newer) => Err(Status::failed_precondition(format!(
            "Your client speaks protocol {newer}; this server (Isochrone {ours}) speaks {PROTOCOL_VERSION}. Ask whoever runs the server to update it"
        ))),
        None => Err(Status::invalid_argument(format!("{PROTOCOL}: not a number; write {PROTOCOL_VERSION}"))),
    }
}

/// The code with which an answer begins. One that ends with another (a stream) has begun well.
fn code_of<R>(answer: &Response<R>) -> Code {
    answer.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}
