//! A server in this process with the stub engine, a client, and a small volume on it.
#![allow(dead_code)]

use isochrone_api::v1::export_client::ExportClient;
use isochrone_api::v1::export_server::ExportServer;
use isochrone_api::v1::segmentation_client::SegmentationClient;
use isochrone_api::v1::segmentation_server::SegmentationServer;
use isochrone_api::v1::volumes_client::VolumesClient;
use isochrone_api::v1::volumes_server::VolumesServer;
use isochrone_api::{
    EngineEntry, Engines, ExportService, House, Limits, Root, SegmentationService, VolumesService, v1,
};
use isochrone_session::stub::StubEngine;
use isochrone_volume::{DAffine3, DVec3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::Array3;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};

pub struct Bench {
    pub volumes: VolumesClient<Channel>,
    pub segmentation: SegmentationClient<Channel>,
    pub export: ExportClient<Channel>,
    pub root: TempDir,
    pub volume: v1::Volume,
}

impl Bench {
    pub async fn new(engine: StubEngine, limits: Limits) -> Self {
        let root = tempfile::tempdir().unwrap();
        isochrone_export::write_volume(&root.path().join("ct.nii.gz"), &volume()).unwrap();
        let engines = Engines::new(vec![EngineEntry { engine: Arc::new(engine), device_message: String::new() }]);
        let house = House::new(engines, Some(Root::new(root.path()).unwrap()), Vec::new(), None, limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Server::builder()
            .add_service(VolumesServer::new(VolumesService::new(house.clone())))
            .add_service(SegmentationServer::new(SegmentationService::new(house.clone())))
            .add_service(ExportServer::new(ExportService::new(house)));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
        let mut volumes = VolumesClient::new(channel.clone());
        let request = v1::LoadFileRequest {
            path: "ct.nii.gz".to_owned(),
            modality: v1::Modality::Ct.into(),
            ..Default::default()
        };
        let volume = volumes.load_file(request).await.unwrap().into_inner();
        Self {
            volumes,
            segmentation: SegmentationClient::new(channel.clone()),
            export: ExportClient::new(channel),
            root,
            volume,
        }
    }

    /// A session with one label.
    pub async fn session(&mut self) -> String {
        let request =
            v1::OpenSessionRequest { volume_ids: vec![self.volume.volume_id.clone()], seed: 3, ..Default::default() };
        let session = self.segmentation.open_session(request).await.unwrap().into_inner().session_id;
        let request =
            v1::AddLabelRequest { session_id: session.clone(), name: "lesion".to_owned(), ..Default::default() };
        assert_eq!(self.segmentation.add_label(request).await.unwrap().into_inner().label_id, 1);
        session
    }
}

/// 40×36×20 voxels of 1×1×2 mm.
pub fn volume() -> Volume {
    let grid = Grid::new([40, 36, 20], DAffine3::from_scale(DVec3::new(1.0, 1.0, 2.0))).unwrap();
    let voxels = Array3::from_shape_fn((20, 36, 40), |(k, j, i)| ((i * 7 + j * 13 + k * 31) % 199) as i16);
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap()
}

pub fn click(session: &str, [x, y, z]: [f64; 3]) -> v1::AddPromptsRequest {
    let click = v1::Click { position: Some(v1::Point { x, y, z }), polarity: v1::Polarity::Positive.into() };
    v1::AddPromptsRequest {
        session_id: session.to_owned(),
        label_id: 1,
        prompts: vec![v1::Prompt { kind: Some(v1::prompt::Kind::Click(click)) }],
        ..Default::default()
    }
}

/// All events of a stream, by name, but for those about the queue: on a busy machine requests wait.
pub async fn names(stream: tonic::Streaming<v1::SegmentationEvent>) -> Vec<String> {
    let all = all_names(stream).await;
    all.into_iter().filter(|n| !n.starts_with("queue")).collect()
}

/// All events of a stream, by name.
pub async fn all_names(mut stream: tonic::Streaming<v1::SegmentationEvent>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        names.push(match event.event.unwrap() {
            v1::segmentation_event::Event::Mask(m) => format!("mask {}", m.revision),
            v1::segmentation_event::Event::Uncertainty(u) => format!("uncertainty {}", u.revision),
            v1::segmentation_event::Event::Proposals(p) => format!("proposals {}", p.revision),
            v1::segmentation_event::Event::Queue(q) => format!("queue {}", q.ahead),
            v1::segmentation_event::Event::Superseded(s) => format!("superseded {}", s.by_revision),
        });
    }
    names
}
