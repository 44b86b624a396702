//! Memory: flat from round to round, whatever clients do; nothing is left of prompts that were given up.

use crate::load::{connected, nth, reader, session};
use crate::support::{BALL, Server, balls};
use isochrone_api::v1;
use isochrone_volume::DVec3;
use std::io::{Read, Write};
use std::time::Duration;

/// One number of the page for Prometheus.
fn level(server: &Server, name: &str) -> u64 {
    let log = server.log();
    let address = log.split("metrics on http://").nth(1).unwrap().split("/metrics").next().unwrap();
    let mut tcp = std::net::TcpStream::connect(address).unwrap();
    write!(tcp, "GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut page = String::new();
    tcp.read_to_string(&mut page).unwrap();
    let line = page.lines().find(|l| l.starts_with(name) && !l.contains('{')).expect(&page);
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn close(server: &mut Server, sessions: Vec<(String, u32)>) {
    for (session_id, _) in sessions {
        server.segmentation.close_session(v1::CloseSessionRequest { session_id }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn flat_from_round_to_round() {
    let rounds: usize = std::env::var("ISOCHRONE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut server = Server::start().await;
    let volume = server.load("balls.nii.gz", &balls()).await;
    let mut levels = Vec::new();
    for _ in 0..rounds {
        let mut sessions = Vec::new();
        for _ in 0..32 {
            sessions.push(session(&mut server, &volume).await);
        }
        let mut work = Vec::new();
        for (client, (session, label)) in sessions.iter().enumerate() {
            let mut reader = reader(connected(&server).await, session, *label);
            work.push(tokio::spawn(async move {
                for n in 0..20 {
                    let (at, positive) = nth(client, n);
                    let _ = reader.click(at, positive).await;
                }
            }));
        }
        for one in work {
            one.await.unwrap();
        }
        let open = server.resident_mb();
        close(&mut server, sessions).await;
        levels.push((open, server.resident_mb()));
    }
    println!("resident MB after each round, sessions open and closed: {levels:.0?}");
    let (first, _) = levels[0];
    assert!(levels.iter().all(|(open, closed)| *open <= 1.15 * first + 8.0 && closed <= open), "{levels:.0?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn ten_thousand_prompts_given_up() {
    let mut server = Server::with(&["--model", "no-such-bundle", "--metrics", "127.0.0.1:0"]).await;
    let volume = server.load("balls.nii.gz", &balls()).await;
    let mut levels = Vec::new();
    for round in 0..10 {
        let mut sessions = Vec::new();
        for _ in 0..8 {
            sessions.push(session(&mut server, &volume).await);
        }
        for batch in 0..20 {
            let channel = connected(&server).await;
            let asked: Vec<_> = (0..50)
                .map(|n| {
                    let (session, label) = &sessions[n % 8];
                    let mut reader = reader(channel.clone(), session, *label);
                    let near = BALL + DVec3::new(f64::from(batch % 5), f64::from(round % 3), 0.0);
                    tokio::spawn(async move { drop(reader.click(near, true).await) })
                })
                .collect();
            // Some are at work, most wait.
            tokio::time::sleep(Duration::from_millis(3)).await;
            asked.iter().for_each(tokio::task::JoinHandle::abort);
        }
        server.still_serves().await;
        close(&mut server, sessions).await;
        levels.push((server.resident_mb(), server.open_files()));
    }
    println!("resident MB and open files after each thousand: {levels:.0?}");
    // By the fourth thousand everything is as large as it gets.
    let ((early, files), late) = (levels[3], &levels[4..]);
    assert!(late.iter().all(|(mb, open)| *mb <= 1.15 * early + 8.0 && *open <= files + 8), "{levels:.0?}");
    for name in ["isochrone_requests_running", "isochrone_jobs_waiting", "isochrone_jobs_running", "isochrone_sessions"]
    {
        assert_eq!(level(&server, name), 0, "{name}");
    }
}
