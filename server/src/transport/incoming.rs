use super::Tls;
use super::connection::{Bytes, Connection};
use super::strangers::Strangers;
use isochrone_api::{LogIn, Metrics, Peer, TransportLimits};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

/// Connections as they come, TLS done, once their clients have begun to speak.
///
/// Whoever connects and says nothing is let go after [`TransportLimits::greeting`], or earlier, the longest
/// silent first, if there are too many of the kind. So a crowd of silent connections keeps nobody out.
pub fn incoming(
    listener: TcpListener,
    tls: Option<Tls>,
    limits: &TransportLimits,
    metrics: Arc<Metrics>,
) -> ReceiverStream<io::Result<Connection>> {
    let (send, receive) = mpsc::channel(16);
    let (silent, greeting) = (limits.silent, limits.greeting);
    let places = Arc::new(Semaphore::new(limits.connections));
    let strangers = Arc::new(Strangers::new(limits.strangers, limits.strangers_each));
    let log_in = limits.log_in;
    let keepalive = limits.keepalive_interval;
    tokio::spawn(async move {
        let mut waiting: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = send.closed() => return,
            };
            let tcp = match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    // Out of file handles, say: they come back when connections end.
                    tracing::warn!("a connection could not be taken: {}", error.kind());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            waiting.retain(|task| !task.is_finished());
            if waiting.len() >= silent
                && let Some(longest) = waiting.pop_front()
            {
                longest.abort();
                metrics.connections_silent.fetch_add(1, Ordering::Relaxed);
            }
            let (tls, places, metrics, send) = (tls.clone(), places.clone(), metrics.clone(), send.clone());
            let strangers = strangers.clone();
            let task = tokio::spawn(async move {
                let Ok(greeted) = tokio::time::timeout(greeting, greet(tcp, tls, keepalive, &places, &metrics)).await
                else {
                    metrics.connections_silent.fetch_add(1, Ordering::Relaxed);
                    return;
                };
                match greeted {
                    // The server has ended if nobody takes it.
                    Ok(connection) => {
                        let peer = connection.connect_info();
                        let (ending, gone) = strangers.enter(peer.ip, &peer.log_in, log_in);
                        metrics.connections_refused.fetch_add(gone as u64, Ordering::Relaxed);
                        let connection = connection.ending(Box::pin(ending));
                        drop(send.send(Ok(connection)).await);
                    }
                    // Whoever connects learns it from the TLS alert or the closed connection.
                    Err(error) => tracing::debug!("a connection came to nothing: {}", error.kind()),
                }
            });
            waiting.push_back(task.abort_handle());
        }
    });
    ReceiverStream::new(receive)
}

async fn greet(
    tcp: TcpStream,
    tls: Option<Tls>,
    keepalive: Duration,
    places: &Arc<Semaphore>,
    metrics: &Arc<Metrics>,
) -> io::Result<Connection> {
    tcp.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new().with_time(keepalive).with_interval(keepalive);
    socket2::SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
    let ip = Some(tcp.peer_addr()?.ip().to_canonical());
    let (bytes, certificate) = match tls {
        None => (Bytes::Plain(tcp), None),
        Some(tls) => {
            let (stream, certificate) = tls.accept(tcp).await?;
            (Bytes::Tls(Box::new(stream)), certificate)
        }
    };
    let place = places.clone().try_acquire_owned().map_err(|_| {
        metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
        io::Error::from(io::ErrorKind::QuotaExceeded)
    })?;
    Connection::greet(bytes, Peer { ip, certificate, log_in: LogIn::default() }, metrics.clone(), place).await
}
