use isochrone_api::{Metrics, Peer};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// Bytes with which any HTTP connection begins: the preface of HTTP/2 has as many.
const PREFACE: usize = 24;

/// Plain or encrypted bytes.
pub enum Bytes {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection whose client has begun to speak.
pub struct Connection {
    bytes: Bytes,
    peer: Peer,
    /// What was read while waiting for the client to begin, and how much of it was passed on.
    preface: [u8; PREFACE],
    passed_on: usize,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
    /// Ends a connection whose client does not log in; gone once it has.
    stranger: Option<Ending>,
}

/// See [`super::strangers::Strangers::enter`].
pub type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    /// Waits for the client's first words.
    pub async fn greet(
        mut bytes: Bytes,
        peer: Peer,
        metrics: Arc<Metrics>,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let mut preface = [0; PREFACE];
        match &mut bytes {
            Bytes::Plain(tcp) => tcp.read_exact(&mut preface).await?,
            Bytes::Tls(tls) => tls.read_exact(&mut preface).await?,
        };
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Self { bytes, peer, preface, passed_on: 0, metrics, _place: place, stranger: None })
    }
}

impl Connection {
    /// Ends it with this future, unless its client logs in before.
    pub fn ending(mut self, ending: Ending) -> Self {
        self.stranger = Some(ending);
        self
    }

    /// True once it has to end.
    fn has_to_end(&mut self, cx: &mut Context<'_>) -> bool {
        if self.peer.log_in.is_done() {
            self.stranger = None;
        }
        self.stranger.as_mut().is_some_and(|ending| ending.as_mut().poll(cx).is_ready())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.has_to_end(cx) {
            this.stranger = Some(Box::pin(std::future::ready(())));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let rest = this.preface.get(this.passed_on..).unwrap_or_default();
        if !rest.is_empty() {
            let now = rest.get(..buffer.remaining()).unwrap_or(rest);
            buffer.put_slice(now);
            this.passed_on += now.len();
            return Poll::Ready(Ok(()));
        }
        match &mut this.bytes {
            Bytes::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Bytes::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.bytes {
            Bytes::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Bytes::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Bytes::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.bytes {
            Bytes::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Bytes::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
