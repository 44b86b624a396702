//! Many at once, one of them greedy; connections and resets by the thousand.

use crate::support::{BALL, OTHER_BALL, Reader, Server, balls, next};
use isochrone_api::v1;
use isochrone_volume::{DVec3, Mask};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// The n-th click of a client: its own, but the same whenever it is asked for.
pub fn nth(client: usize, n: usize) -> (DVec3, bool) {
    let centre = if (client + n).is_multiple_of(2) { BALL } else { OTHER_BALL };
    let step = |m: usize| ((client * 31 + n * 17) % m) as f64 - m as f64 / 2.0;
    (centre + DVec3::new(step(9), step(7), 0.0), n % 5 != 4)
}

pub async fn session(server: &mut Server, volume: &v1::Volume) -> (String, u32) {
    let session = server.open(volume, "").await.unwrap();
    let label = server.add_label(&session, "lesion").await;
    (session, label)
}

pub async fn connected(server: &Server) -> Channel {
    Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

pub fn reader(channel: Channel, session: &str, label: u32) -> Reader {
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
    // What one click takes when nobody else is there: the middle one of ten.
    let (alone, label) = session(&mut server, &volume).await;
    let mut one = reader(connected(&server).await, &alone, label);
    let mut times = Vec::new();
    for n in 0..10 {
        let (at, _) = nth(0, n);
        let begun = Instant::now();
        one.click(at, true).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    let service = times[5];
    let before = server.resident_mb();
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
                    // On a busy server it may be refused late.
                    if !next(&mut stream.into_inner()).await.is_ok_and(|event| event.is_some()) {
                        continue;
                    }
                    flooded.fetch_add(1, Ordering::Relaxed);
                    let undo = v1::UndoRequest { session_id: reader.session.clone(), ..Default::default() };
                    let _ = reader.segmentation.undo(undo).await;
                }
            })
        })
        .collect();
    let begun = Instant::now();
    times.clear();
    let mut work = Vec::new();
    for (client, (session, label)) in sessions.iter().enumerate() {
        let (mut reader, served) = (reader(connected(&server).await, session, *label), served.clone());
        work.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for n in 0..PROMPTS {
                let (at, positive) = nth(client, n);
                let begun = Instant::now();
                // A correction where there is nothing yet is refused, in the serial run too.
                let _ = reader.click(at, positive).await;
                times.push(begun.elapsed());
                served[client].fetch_add(1, Ordering::Relaxed);
            }
            (reader.mask, times)
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
        let (mask, took) = one.await.unwrap();
        masks.push(mask);
        times.extend(took);
    }
    times.sort();
    let p95 = times[times.len() * 95 / 100];
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    for one in flood {
        one.await.unwrap();
    }
    let (most, least) = (*counts.iter().max().unwrap(), *counts.iter().min().unwrap());
    let after = server.resident_mb();
    let greedy = flooded.load(Ordering::Relaxed);
    println!(
        "{CLIENTS} clients × {PROMPTS} prompts in {took:?}; at half time the fastest had {most}, the slowest {least}; the flooding one had {greedy} in all; one click takes {service:?} alone, {p95:?} at the 95th percentile here; resident {before:.0} MB, then {after:.0} MB"
    );
    assert!(most <= 2 * least, "served {least} to {most}");
    // The queue is as deep as there are sessions.
    assert!(p95 <= 2 * service * (CLIENTS as u32 + 1), "{p95:?}, {service:?} alone");
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
    let before = server.resident_mb();
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
        server.resident_mb() - before
    );
    assert!(server.resident_mb() - before <= 50.0);
    assert!(server.open_files() < 700, "the others were closed");
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (content.len() as u32).to_be_bytes();
    [&[a, b, c, kind, flags][..], &stream.to_be_bytes(), content].concat()
}

/// :method POST, :scheme http, :path /, all of the static table.
const FIELDS: &[u8] = &[0x83, 0x86, 0x84];

/// A flood's name, and what of it is sent in one round.
type Flood = (&'static str, fn(u32) -> Vec<u8>);

/// What hostile connections send after the preface, `round` by round.
fn floods() -> [Flood; 4] {
    // Streams that are reset as soon as they are open (RFC 9113 5.4.2).
    let reset: fn(u32) -> Vec<u8> = |n| {
        let streams = (n * 1000..(n + 1) * 1000).map(|s| 2 * s + 1);
        streams.flat_map(|s| [frame(1, 4, s, FIELDS), frame(3, 0, s, &8u32.to_be_bytes())].concat()).collect()
    };
    // Streams that stay open.
    let open: fn(u32) -> Vec<u8> =
        |n| (n * 1000..(n + 1) * 1000).flat_map(|s| frame(1, 4, 2 * s + 1, FIELDS)).collect();
    // Headers that never end.
    let continued: fn(u32) -> Vec<u8> = |n| {
        let begun = if n == 0 { frame(1, 0, 1, FIELDS) } else { Vec::new() };
        [begun, frame(9, 0, 1, &[0x84; 16_000]).repeat(16)].concat()
    };
    let settings: fn(u32) -> Vec<u8> = |_| frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]).repeat(5000);
    [("resets", reset), ("streams", open), ("continuation", continued), ("settings", settings)]
}

/// Seconds of processor time that the server has taken.
fn busy_s(server: &Server) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// How long each of some small requests took, the 95th of a hundred.
async fn p95(server: &mut Server) -> Duration {
    let mut times = Vec::new();
    for _ in 0..40 {
        let begun = Instant::now();
        server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap();
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times.sort();
    times[37]
}

/// Floods of four kinds at once: an end for those connections, nothing for others, and quiet afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn hostile_streams() {
    use std::io::Write;
    let mut server = Server::start().await;
    server.still_serves().await;
    let (quiet, before) = (p95(&mut server).await, server.resident_mb());
    let stop = Arc::new(AtomicBool::new(false));
    let flooding: Vec<_> = floods()
        .into_iter()
        .map(|(name, bytes)| {
            let (address, stop) = (server.address.clone(), stop.clone());
            std::thread::spawn(move || {
                let (mut sent, mut cut) = (0, 0);
                // 10⁵ resets are five connections of 20 rounds, if the server took them.
                while !stop.load(Ordering::Relaxed) {
                    let Ok(mut tcp) = std::net::TcpStream::connect(&address) else { continue };
                    tcp.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
                    let ended = tcp.write_all(PREFACE).is_err()
                        || (0..100).any(|n| {
                            let bytes = bytes(n);
                            sent += bytes.len();
                            tcp.write_all(&bytes).is_err()
                        });
                    cut += u32::from(ended);
                }
                (name, sent, cut)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let meanwhile = p95(&mut server).await;
    server.still_serves().await;
    stop.store(true, Ordering::Relaxed);
    let ended = tokio::task::spawn_blocking(|| flooding.into_iter().map(|f| f.join().unwrap()).collect::<Vec<_>>());
    let ended = ended.await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let busy = busy_s(&server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (busy, more) = (busy_s(&server) - busy, server.resident_mb() - before);
    println!(
        "{ended:?} (bytes, connections cut); p95 {quiet:?}, meanwhile {meanwhile:?}; then {busy:.2} s of a second, {more:.0} MB more"
    );
    let cut = |name| ended.iter().any(|(n, _, cut)| *n == name && *cut > 0);
    assert!(cut("resets") && cut("continuation"), "these are no way to speak to anybody");
    // Four threads that flood share the processors with the server.
    assert!(meanwhile <= 2 * quiet + Duration::from_millis(500));
    assert!(busy < 0.3 && more <= 50.0);
    server.still_serves().await;
}
