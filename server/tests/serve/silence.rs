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

/// A request for the server's description, on stream 1, whose answer has no room to be sent (window 0).
fn no_room_for_the_answer() -> Vec<u8> {
    let mut fields = vec![0x83, 0x86];
    for (name, value) in [
        (&[0x04][..], "/isochrone.v1.Segmentation/DescribeServer"),
        (&[0x01][..], "localhost"),
        (&[0x0f, 0x10][..], "application/grpc"),
        (b"\x00\x02te", "trailers"),
    ] {
        fields.extend(name);
        fields.push(value.len() as u8);
        fields.extend(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0".to_vec();
    bytes.extend([0, 0, fields.len() as u8, 1, 4, 0, 0, 0, 1]);
    bytes.extend(fields);
    bytes.extend([0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    bytes
}

/// Files in the server's private folder that it has open.
#[cfg(target_os = "linux")]
fn private_files(server: &Server) -> Vec<std::path::PathBuf> {
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap();
    let files = open.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    files.filter(|f| f.to_string_lossy().contains("/isochrone-") && f.ends_with("image.nii")).collect()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn silent_and_trickling_connections() {
    use isochrone_api::v1;
    let mut server = Server::start().await;
    server.still_serves().await;
    let before = server.resident_mb();
    // An upload that is given up half way.
    let announced = v1::BeginUploadRequest { format: 1, size_bytes: 4096, ..Default::default() };
    let upload_id = server.volumes.begin_upload(announced).await.unwrap().into_inner().upload_id;
    let half = v1::UploadChunkRequest { upload_id: upload_id.clone(), offset: 0, data: vec![1; 2048] };
    server.volumes.upload_chunk(half).await.unwrap();
    let abandoned = Instant::now();
    let files = private_files(&server);
    assert_eq!(files.len(), 1, "{files:?}");
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
    // Clients that ask, and never read.
    let mut deaf: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    for tcp in &mut deaf {
        tcp.write_all(&no_room_for_the_answer()).unwrap();
    }
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
        deaf.retain_mut(|tcp| !closed(tcp));
        let quiet =
            silent.is_empty() && deaf.is_empty() && closed(&mut trickle) && closed(&mut idle) && closed(&mut endless);
        if quiet || begun.elapsed() > Duration::from_secs(40) {
            break quiet;
        }
    };
    let (took, more) = (begun.elapsed(), server.resident_mb() - before);
    println!("all are closed after {took:?}, {more:.0} MB more");
    assert!(all_closed, "{} silent and {} deaf ones are still open after {took:?}", silent.len(), deaf.len());
    assert!(took < Duration::from_secs(32) && more <= 50.0, "{took:?}, {more:.0} MB");
    server.still_serves().await;
    while files.iter().any(|f| f.exists()) {
        assert!(abandoned.elapsed() < Duration::from_secs(60), "the upload's file is still there");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(private_files(&server).is_empty());
    let look = v1::GetUploadRequest { upload_id };
    assert_eq!(server.volumes.get_upload(look).await.unwrap_err().code(), tonic::Code::NotFound);
}
