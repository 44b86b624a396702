use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Bytes of a request for the page; Prometheus sends some hundreds.
const REQUEST: usize = 8 << 10;
/// How long a request for the page may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Readers of the page at once.
const READERS: usize = 8;

/// Serves one page, `/metrics`, over HTTP/1: it holds numbers, and names of our own.
pub async fn serve_metrics(listener: TcpListener, page: Arc<dyn Fn() -> String + Send + Sync>) {
    let readers = Arc::new(Semaphore::new(READERS));
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // One too many is turned away.
        let Ok(place) = readers.clone().try_acquire_owned() else { continue };
        let page = page.clone();
        tokio::spawn(async move {
            let _place = place;
            // A reader that fails or dawdles has itself to blame.
            let _ = tokio::time::timeout(PATIENCE, answer(tcp, page.as_ref())).await;
        });
    }
}

async fn answer(mut tcp: TcpStream, page: &(dyn Fn() -> String + Send + Sync)) -> io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let n = tcp.read(&mut part).await?;
        request.extend_from_slice(part.get(..n).unwrap_or_default());
        if n == 0 || request.len() > REQUEST {
            return Ok(());
        }
    }
    let (status, body) = if request.starts_with(b"GET /metrics ") {
        ("200 OK", page())
    } else {
        ("404 Not Found", "The page is /metrics\n".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(body.as_bytes()).await?;
    tcp.shutdown().await
}
