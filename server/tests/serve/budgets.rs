//! What one reader's requests may cost: the widest brush on the finest voxels, and clients that go away.

use crate::load::connected;
use crate::network::with_network;
use crate::support::{Server, ct};
use isochrone_api::v1;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Volume};
use std::time::{Duration, Instant};
use tonic::Code;
use v1::segmentation_client::SegmentationClient;

/// Two seconds on a machine of its own; the other tests run at the same time.
const LIMIT: Duration = Duration::from_secs(8);

/// An image of little content whose voxels are so small that every brush covers all of it.
fn tiny_voxels(side: usize) -> Volume {
    let matrix3 = DMat3::from_diagonal(DVec3::splat(0.01));
    ct(&Grid::new([side; 3], DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap(), |p| p.x)
}

/// A stroke of so many points with the widest brush, on the plane or without one.
fn scribble(session: &str, label: u32, points: usize) -> v1::AddPromptsRequest {
    let point = |n: usize| v1::Point { x: 0.3 + 0.0001 * (n % 97) as f64, y: 0.3 + 0.0001 * (n % 89) as f64, z: 0.3 };
    let points = (0..points).map(point).collect();
    let scribble = v1::Scribble { points, radius_mm: 50.0, polarity: v1::Polarity::Positive.into(), plane: None };
    v1::AddPromptsRequest {
        session_id: session.to_owned(),
        label_id: label,
        prompts: vec![v1::Prompt { kind: Some(v1::prompt::Kind::Scribble(scribble)) }],
        mask_only: true,
        ..Default::default()
    }
}

/// Sends a stroke and waits for the end of its answer.
async fn answered(mut client: SegmentationClient<tonic::transport::Channel>, request: v1::AddPromptsRequest) -> Code {
    let mut stream = match client.add_prompts(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return status.code(),
    };
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Code::Ok,
            Err(status) => return status.code(),
        }
    }
}

async fn widest_brush_on_finest_voxels(server: &mut Server, engine: &str) {
    for side in [60, 220] {
        let volume = server.load(&format!("tiny-{side}.nii.gz"), &tiny_voxels(side)).await;
        for points in [1, 2000] {
            let session = server.open(&volume, engine).await.unwrap();
            let label = server.add_label(&session, "lesion").await;
            let begun = Instant::now();
            let code = answered(server.segmentation.clone(), scribble(&session, label, points)).await;
            let took = begun.elapsed();
            println!("{engine}, {side} voxels a side, {points} points: {code:?} after {:.2} s", took.as_secs_f64());
            assert!(matches!(code, Code::Ok | Code::ResourceExhausted | Code::InvalidArgument), "{code:?}");
            assert!(took < LIMIT, "{engine} {side} {points}: {took:?}");
        }
    }
}

#[tokio::test]
async fn the_widest_brush_on_the_finest_voxels_with_the_classical_engine() {
    widest_brush_on_finest_voxels(&mut Server::start().await, "geodesic").await;
}

#[tokio::test]
async fn the_widest_brush_on_the_finest_voxels_with_the_network() {
    if let Some(mut server) = with_network().await {
        widest_brush_on_finest_voxels(&mut server, "network").await;
    }
}

/// Jobs that run, from the page of metrics.
async fn running(page: &str) -> u64 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(page).await.unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    let line = text.lines().find(|l| l.starts_with("isochrone_jobs_running")).expect("a gauge of running jobs");
    line.split_whitespace().last().unwrap().parse().unwrap()
}

/// Many prompts in one request, which take seconds together.
fn heavy(session: &str, label: u32, at: DVec3) -> v1::AddPromptsRequest {
    let click = |n: usize| {
        let p = at + DVec3::new(9.0 * (n % 6) as f64, 9.0 * (n / 6 % 6) as f64, 9.0 * (n / 36) as f64);
        let position = Some(v1::Point { x: p.x, y: p.y, z: p.z });
        let click = v1::Click { position, polarity: v1::Polarity::Positive.into() };
        v1::Prompt { kind: Some(v1::prompt::Kind::Click(click)) }
    };
    v1::AddPromptsRequest {
        session_id: session.to_owned(),
        label_id: label,
        prompts: (0..216).map(click).collect(),
        mask_only: true,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_ends_with_its_client_and_with_its_session() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut server = Server::with(&["--model", "no-such-bundle", "--metrics", &port]).await;
    // Noise, so that every group of clicks is work of its own.
    let matrix3 = DMat3::from_diagonal(DVec3::splat(1.0));
    let grid = Grid::new([200, 200, 160], DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap();
    let volume = server.load("large.nii.gz", &ct(&grid, |p| (p.x * 0.2).sin() * 200.0)).await;
    for close in [false, true] {
        let session = server.open(&volume, "geodesic").await.unwrap();
        let label = server.add_label(&session, "lesion").await;
        let client = SegmentationClient::new(connected(&server).await);
        let request = heavy(&session, label, DVec3::splat(20.0));
        let asking = tokio::spawn(answered(client, request));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(running(&port).await, 1, "it is at work");
        let begun = Instant::now();
        if close {
            let request = v1::CloseSessionRequest { session_id: session.clone() };
            server.segmentation.close_session(request).await.unwrap();
        } else {
            asking.abort();
            let _ = asking.await;
        }
        while running(&port).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = begun.elapsed();
        println!("ended {:.0} ms after {}", took.as_secs_f64() * 1000.0, if close { "closing" } else { "leaving" });
        assert!(took < Duration::from_millis(200), "{took:?}");
        if !close {
            let now = server.segmentation.get_session(v1::GetSessionRequest { session_id: session.clone() }).await;
            assert_eq!(now.unwrap().into_inner().revision, 1, "nothing but the label was made");
        }
    }
}
