//! Engines with parameters, over gRPC.

use crate::support::{Server, balls};
use isochrone_api::v1;
use tonic::Code;

#[tokio::test]
async fn a_session_chooses_its_engines_parameters() {
    let mut server = Server::start().await;
    let volume = server.load("balls.nii.gz", &balls()).await;
    let open = |engine: &str, name: &str, value: &str| v1::OpenSessionRequest {
        volume_ids: vec![volume.volume_id.clone()],
        engine: engine.to_owned(),
        engine_parameters: [(name.to_owned(), value.to_owned())].into(),
        ..Default::default()
    };
    let opened = server.segmentation.open_session(open("graph-cut", "sigma", "0.7")).await.unwrap().into_inner();
    assert_eq!(opened.engine.unwrap().parameters["sigma"], "0.7");
    let offered = server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap().into_inner();
    let default = offered.engines.iter().find(|e| e.name == "graph-cut").unwrap();
    assert_ne!(default.parameters["sigma"], "0.7");
    for (engine, name, value) in [("graph-cut", "colour", "1"), ("iso-contour", "rule", "of-maximum:2")] {
        let refused = server.segmentation.open_session(open(engine, name, value)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let lists = if engine == "graph-cut" { "lambda" } else { "adaptive" };
        assert!(refused.message().contains(lists), "{refused}");
    }
}
