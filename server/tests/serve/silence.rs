//! Connections that say nothing, or hardly anything, keep nobody out.

use crate::support::Server;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The server has closed this connection.
fn closed(tcp: &mut TcpStream) -> bool {
    tcp.set_nonblocking(true).unwrap();
    let mut byte = [0; 256];
    loop {
        match tcp.read(&mut byte) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

#[tokio::test]
async fn silent_and_trickling_connections() {
    let mut server = Server::start().await;
    let begun = Instant::now();
    // More than the server lets wait: the longest silent go first, and others get in all the while.
    let mut silent: Vec<TcpStream> = (0..700).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    // One byte of the preface a second; the preface and then nothing; headers that never end.
    let mut trickle = TcpStream::connect(&server.address).unwrap();
    let mut idle = TcpStream::connect(&server.address).unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut endless = TcpStream::connect(&server.address).unwrap();
    endless.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    // HEADERS of 16 kB on stream 1, of which one byte a second comes.
    endless.write_all(&[0, 64, 0, 1, 0, 0, 0, 0, 1]).unwrap();
    server.still_serves().await;
    assert!(server.connects().await);
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter();
    let all_closed = loop {
        if let Some(byte) = bytes.next() {
            let _ = trickle.write_all(&[*byte]);
        }
        let _ = endless.write_all(&[0x82]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        silent.retain_mut(|tcp| !closed(tcp));
        let quiet = silent.is_empty() && closed(&mut trickle) && closed(&mut idle) && closed(&mut endless);
        if quiet || begun.elapsed() > Duration::from_secs(45) {
            break quiet;
        }
    };
    assert!(all_closed, "{} silent ones are still open after {:?}", silent.len(), begun.elapsed());
    server.still_serves().await;
}
