//! Many at once, one of them greedy; connections and resets by the thousand.

use crate::support::{BALL, OTHER_BALL, Reader, Server, balls};
use isochrone_api::v1;
use isochrone_volume::{DVec3, Mask};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// Resident memory of the server, MB.
fn resident_mb(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count()
}

/// The n-th click of a client: its own, but the same whenever it is asked for.
fn nth(client: usize, n: usize) -> (DVec3, bool) {
    let centre = if (client + n).is_multiple_of(2) { BALL } else { OTHER_BALL };
    let step = |m: usize| ((client * 31 + n * 17) % m) as f64 - m as f64 / 2.0;
    (centre + DVec3::new(step(9), step(7), 0.0), n % 5 != 4)
}

async fn session(server: &mut Server, volume: &v1::Volume) -> (String, u32) {
    let session = server.open(volume, "").await.unwrap();
    let label = server.add_label(&session, "lesion").await;
    (session, label)
}

async fn connected(server: &Server) -> Channel {
    Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

fn reader(channel: Channel, session: &str, label: u32) -> Reader {
    let segmentation = v1::segmentation_client::SegmentationClient::new(channel);
    Reader { session: session.to_owned(), label, mask: Mask::empty(balls().grid().clone()), segmentation }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn thirty_two_clients_one_of_them_flooding() {
    const CLIENTS: usize = 32;
    const PROMPTS: usize = 20;
    let mut server = Server::start().await;
    let volume = server.load("balls.nii.gz", &balls()).await;
    let mut sessions = Vec::new();
    for _ in 0..=CLIENTS {
        sessions.push(session(&mut server, &volume).await);
    }
    let before = resident_mb(&server);
    let served: Arc<Vec<AtomicUsize>> = Arc::new((0..CLIENTS).map(|_| AtomicUsize::new(0)).collect());
    let (stop, flooded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // One client that always has sixteen requests in the queue, as fast as they are answered.
    let (greedy, label) = sessions.pop().unwrap();
    let channel = connected(&server).await;
    let flood: Vec<_> = (0..16)
        .map(|n| {
            let (mut reader, stop, flooded) = (reader(channel.clone(), &greedy, label), stop.clone(), flooded.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let (at, _) = nth(n, 0);
                    let request = reader.prompts(&[at], true);
                    let Ok(stream) = reader.segmentation.add_prompts(request).await else { continue };
                    stream.into_inner().message().await.unwrap();
                    flooded.fetch_add(1, Ordering::Relaxed);
                    let undo = v1::UndoRequest { session_id: reader.session.clone(), ..Default::default() };
                    let _ = reader.segmentation.undo(undo).await;
                }
            })
        })
        .collect();
    let begun = Instant::now();
    let mut work = Vec::new();
    for (client, (session, label)) in sessions.iter().enumerate() {
        let (mut reader, served) = (reader(connected(&server).await, session, *label), served.clone());
        work.push(tokio::spawn(async move {
            for n in 0..PROMPTS {
                let (at, positive) = nth(client, n);
                // A correction where there is nothing yet is refused, in the serial run too.
                let _ = reader.click(at, positive).await;
                served[client].fetch_add(1, Ordering::Relaxed);
            }
            reader.mask
        }));
    }
    // Served so far, whenever half of all is done: nobody is far behind.
    let counts = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let counts: Vec<usize> = served.iter().map(|n| n.load(Ordering::Relaxed)).collect();
        if counts.iter().sum::<usize>() >= CLIENTS * PROMPTS / 2 {
            break counts;
        }
    };
    let mut masks = Vec::new();
    for one in work {
        masks.push(one.await.unwrap());
    }
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    for one in flood {
        one.await.unwrap();
    }
    let (most, least) = (*counts.iter().max().unwrap(), *counts.iter().min().unwrap());
    let after = resident_mb(&server);
    let greedy = flooded.load(Ordering::Relaxed);
    println!(
        "{CLIENTS} clients × {PROMPTS} prompts in {took:?}; at half time the fastest had {most}, the slowest {least}; the flooding one had {greedy} in all; resident {before:.0} MB, then {after:.0} MB"
    );
    assert!(most <= 2 * least, "served {least} to {most}");
    // The same, one after another.
    let mut serial = Server::start().await;
    let volume = serial.load("balls.nii.gz", &balls()).await;
    for (client, mask) in masks.iter().enumerate() {
        let (session, label) = session(&mut serial, &volume).await;
        let mut reader = reader(serial.channel.clone(), &session, label);
        for n in 0..PROMPTS {
            let (at, positive) = nth(client, n);
            let _ = reader.click(at, positive).await;
        }
        assert!(reader.mask == *mask, "client {client}: another mask than alone");
    }
    server.still_serves().await;
}

/// More connections than the server takes, all idle: whoever comes then is served, and memory is what it was.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn five_thousand_idle_connections() {
    let mut server = Server::start().await;
    server.still_serves().await;
    let before = resident_mb(&server);
    let mut idle = Vec::new();
    for n in 0..5000 {
        match std::net::TcpStream::connect(&server.address) {
            Ok(tcp) => idle.push(tcp),
            Err(error) => {
                // This process may open no more: what it has will do, if it is more than the server takes.
                assert!(n > 900, "{error} after {n}");
                idle.pop();
                idle.truncate(n - 40);
                break;
            }
        }
    }
    let many = idle.len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    server.still_serves().await;
    assert!(server.connects().await, "a new one gets in");
    println!(
        "{many} idle connections: a whole round in {:?}, {:.0} MB more",
        begun.elapsed(),
        resident_mb(&server) - before
    );
    assert!(resident_mb(&server) - before <= 50.0);
    assert!(open_files(&server) < 700, "the others were closed");
}

/// Connections that open streams and reset them at once (RFC 9113 5.4.2): an end for them, nothing for others.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn streams_reset_by_the_thousand() {
    use std::io::Write;
    let mut server = Server::start().await;
    server.still_serves().await;
    let address = server.address.clone();
    let flood = std::thread::spawn(move || {
        let mut sent = 0u32;
        for _ in 0..20 {
            let mut tcp = std::net::TcpStream::connect(&address).unwrap();
            tcp.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
            // :method POST, :scheme http, :path /, all of the static table.
            for stream in (1..10_000u32).step_by(2) {
                bytes.extend([0, 0, 3, 1, 4]);
                bytes.extend(stream.to_be_bytes());
                bytes.extend([0x83, 0x86, 0x84]);
                bytes.extend([0, 0, 4, 3, 0]);
                bytes.extend(stream.to_be_bytes());
                bytes.extend(8u32.to_be_bytes());
            }
            for chunk in bytes.chunks(1 << 14) {
                // The server hangs up.
                if tcp.write_all(chunk).is_err() {
                    break;
                }
                sent += chunk.len() as u32 / 25;
            }
        }
        sent
    });
    let begun = Instant::now();
    server.still_serves().await;
    let meanwhile = begun.elapsed();
    let sent = tokio::task::spawn_blocking(|| flood.join().unwrap()).await.unwrap();
    println!("about {sent} streams reset; a whole round meanwhile took {meanwhile:?}");
    assert!(meanwhile < Duration::from_secs(10));
    server.still_serves().await;
}
