//! The process itself: addresses, exit codes, health, reflection, and an orderly end.

use crate::support::{BALL, Server, balls};
use isochrone_api::v1;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

fn isochrone(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isochrone")).args(arguments).output().unwrap()
}

#[test]
fn wrong_settings_end_with_64() {
    let cases: [&[&str]; 7] = [
        &["serve", "--listen", "0.0.0.0:0"],
        &["serve", "--listen", "192.0.2.1:50051"],
        &["serve", "--listen", "[::]:0"],
        &["serve", "--listen", "nonsense"],
        &["serve", "--device", "abacus"],
        &["serve", "--root", "/no/such/folder"],
        &["serve", "--threads", "0"],
    ];
    for arguments in cases {
        let output = isochrone(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let refused = String::from_utf8(isochrone(&["serve", "--listen", "0.0.0.0:0"]).stderr).unwrap();
    assert!(refused.contains("TLS"), "{refused}");
    assert_eq!(isochrone(&["serve", "--help"]).status.code(), Some(0));
}

#[tokio::test]
async fn health_reflection_and_description_without_a_model() {
    let mut server = Server::start().await;
    let mut health = HealthClient::new(server.channel.clone());
    let expected = [
        ("isochrone.v1.Volumes", ServingStatus::Serving),
        ("isochrone.v1.Segmentation", ServingStatus::Serving),
        ("isochrone.v1.Export", ServingStatus::Serving),
        ("isochrone.engine.geodesic", ServingStatus::Serving),
        ("isochrone.engine.graph-cut", ServingStatus::Serving),
        ("isochrone.engine.network", ServingStatus::NotServing),
    ];
    for (service, status) in expected {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(request).await.unwrap().into_inner().status(), status, "{service}");
    }
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!()
    };
    let names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
    assert!(names.contains(&"isochrone.v1.Segmentation".to_owned()), "{names:?}");

    let about = server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap().into_inner();
    assert_eq!(about.protocol_version, 1);
    let classical = ["geodesic", "graph-cut", "active-contour", "iso-contour"];
    assert_eq!(about.engines.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), classical);
    assert!(about.engines.iter().all(|e| !e.samples && e.device.contains("cpu")));
}

/// A model that is not what its bundle says: its engine is out of service, by name, and the others work.
#[tokio::test]
async fn a_damaged_model() {
    let model = crate::support::repository().join("models/lesion-3");
    let copy = tempfile::tempdir().unwrap();
    let mut largest = (0, std::path::PathBuf::new());
    for file in std::fs::read_dir(model).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_file()) {
        let beside = copy.path().join(file.file_name().unwrap());
        largest = largest.max((std::fs::copy(&file, &beside).unwrap(), beside));
    }
    let (size, graph) = largest;
    let mut bytes = std::fs::read(&graph).unwrap();
    bytes[size as usize / 2] ^= 1;
    std::fs::write(&graph, bytes).unwrap();
    let mut server = Server::with(&["--model", copy.path().to_str().unwrap(), "--device", "cpu"]).await;
    let mut health = HealthClient::new(server.channel.clone());
    for (service, status) in [
        ("isochrone.engine.network", ServingStatus::NotServing),
        ("isochrone.engine.geodesic", ServingStatus::Serving),
        ("isochrone.v1.Segmentation", ServingStatus::Serving),
    ] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(request).await.unwrap().into_inner().status(), status, "{service}");
    }
    let volume = server.load("balls.nii.gz", &balls()).await;
    let refused = server.open(&volume, "network").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    println!("{refused}");
    let path = copy.path().to_str().unwrap();
    assert!(
        refused.message().contains("cannot be had on this server") && !refused.message().contains(path),
        "{refused}"
    );
    server.still_serves().await;
}

#[tokio::test]
#[cfg(unix)]
async fn a_signal_ends_it_in_order() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    reader.click(BALL, true).await.unwrap();
    let begun = Instant::now();
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let status = loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn the_log_names_nobody() {
    let mut server = Server::logging("trace", &["--model", "no-such-bundle"]).await;
    let volume = server.load("Doe_Jane_19600101.nii.gz", &balls()).await;
    let session = server.open(&volume, "").await.unwrap();
    let label = server.add_label(&session, "Jane Doe").await;
    let other = server.add_label(&session, "other").await;
    let mut reader = server.ready().await;
    (reader.session, reader.label) = (session, label);
    reader.click(BALL, true).await.unwrap();
    reader.label = other;
    let taken = reader.click(BALL, true).await.unwrap_err();
    assert!(taken.message().contains("Jane Doe"), "the reader is told");
    let request = v1::LoadFileRequest { path: "Doe_John.nii.gz".to_owned(), ..Default::default() };
    server.volumes.load_file(request).await.unwrap_err();
    let log = server.log();
    assert!(log.contains("listening on"), "{log}");
    for name in ["Jane", "John", "Doe", server.root.path().file_name().unwrap().to_str().unwrap()] {
        assert!(!log.contains(name), "{name} is in the log");
    }
}
