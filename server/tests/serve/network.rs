//! With the network, where its model and ONNX Runtime are there.

use crate::lesion::dice;
use crate::prompts::{label, send};
use crate::support::{BALL, OTHER_BALL, Reader, Server, balls, next, repository};
use isochrone_api::{v1, wire_prompt};
use isochrone_prompt::Prompt;
use isochrone_volume::{DVec3, Mask};
use ndarray::Array3;
use sha2::{Digest, Sha256};
use tonic::Code;
use v1::segmentation_event::Event;

/// A server with the model of this repository; `None` (and a line that says so) where it cannot run.
pub async fn with_network() -> Option<Server> {
    let model = repository().join("models/lesion-3");
    let mut server = Server::with(&["--model", model.to_str().unwrap(), "--device", "cpu"]).await;
    let about = server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap().into_inner();
    let there = about.engines.iter().any(|e| e.name == "network");
    if !there {
        println!("passed over: no model or no ONNX Runtime");
    }
    there.then_some(server)
}

async fn ready(server: &mut Server) -> Reader {
    let volume = server.load("balls.nii.gz", &balls()).await;
    let session = server.open(&volume, "network").await.unwrap();
    let label = server.add_label(&session, "lesion").await;
    Reader { session, label, mask: Mask::empty(balls().grid().clone()), segmentation: server.segmentation.clone() }
}

#[tokio::test]
async fn mask_uncertainty_proposals_and_maps() {
    let Some(mut server) = with_network().await else { return };
    let mut reader = ready(&mut server).await;
    let mut request = reader.prompts(&[BALL], true);
    request.mask_only = false;
    let mut stream = reader.segmentation.add_prompts(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = next(&mut stream).await.unwrap() {
        events.push(event);
    }
    let [Event::Mask(mask), Event::Uncertainty(uncertainty), Event::Proposals(proposals)] = events.as_slice() else {
        panic!("{events:?}");
    };
    reader.follow(mask);
    assert_eq!(reader.whole().await, reader.mask);
    let engine = mask.provenance.as_ref().unwrap().engine.as_ref().unwrap();
    assert!(
        engine.model.starts_with("lesion-3") && engine.model_digest.len() == 64 && engine.device.starts_with("cpu")
    );
    assert!(uncertainty.samples == 8 && uncertainty.band_mean > 0.0);
    for proposal in &proposals.proposals {
        let (normal, origin, spot) =
            (place(&proposal.plane_normal), place(&proposal.plane_origin), place(&proposal.spot));
        assert!((normal.length() - 1.0).abs() < 1e-6);
        assert!((spot - origin).dot(normal).abs() < 1e-3, "the spot lies on the slice");
    }
    for kind in [
        v1::MapKind::Probability,
        v1::MapKind::GuidancePositive,
        v1::MapKind::GuidanceNegative,
        v1::MapKind::Uncertainty,
    ] {
        let request =
            v1::GetMapRequest { session_id: reader.session.clone(), label_id: reader.label, kind: kind.into() };
        let mut stream = reader.segmentation.get_map(request).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        let Some(v1::map_chunk::Part::Header(header)) = first.part else { panic!("the header comes first") };
        let mut bytes = 0;
        while let Some(chunk) = stream.message().await.unwrap() {
            let Some(v1::map_chunk::Part::Data(data)) = chunk.part else { panic!() };
            bytes += data.len() as u64;
        }
        let size = header.grid.unwrap().size.unwrap();
        assert_eq!((header.size_bytes, 4 * u64::from(size.i * size.j * size.k)), (bytes, bytes), "{kind:?}");
    }
}

#[tokio::test]
async fn a_newer_prompt_supersedes_and_all_masks_stay() {
    let Some(mut server) = with_network().await else { return };
    let mut reader = ready(&mut server).await;
    let mut streams = Vec::new();
    for at in [BALL, OTHER_BALL, BALL + DVec3::new(0.0, 5.0, 0.0)] {
        let mut request = reader.prompts(&[at], true);
        // So many samples that they cannot be done when the next prompt comes.
        (request.mask_only, request.samples) = (false, 64);
        streams.push(reader.segmentation.add_prompts(request).await.unwrap().into_inner());
    }
    let last = streams.len() - 1;
    for (n, mut stream) in streams.into_iter().enumerate() {
        let Some(Event::Mask(mask)) = next(&mut stream).await.unwrap() else { panic!() };
        reader.follow(&mask);
        match next(&mut stream).await.unwrap().unwrap() {
            Event::Superseded(by) if n < last => assert!(by.by_revision > mask.revision),
            Event::Uncertainty(_) if n == last => {}
            other => panic!("{other:?} after mask {n}"),
        }
    }
    assert_eq!(reader.whole().await, reader.mask);
    assert!(reader.replays().await);
    while reader.undo().await.is_ok() {}
    while reader.redo().await.is_ok() {}
    assert_eq!(reader.whole().await, reader.mask);
}

/// A model of three classes: what is bright, what is dark, and what is pointed at.
fn model_with_classes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let graph = std::fs::read(repository().join("server/crates/network/tests/data/classes.onnx")).unwrap();
    let digest: String = Sha256::digest(&graph).iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(folder.path().join("classes.onnx"), graph).unwrap();
    let text = r#"
format = 1
name = "toy"
version = "0.1"
licence = "Apache-2.0"
classes = ["Ball", "ground-tissue", "what is pointed at"]
[[channel]]
modalities = ["CT"]
normalisation = { kind = "window", low = -20.0, high = 120.0 }
[region]
size = [32, 32, 32]
first_spacing_mm = 1.2
min_spacing_mm = 1.0
max_spacing_mm = 2.0
[guidance.positive]
encoding = { kind = "disk", radius_voxels = 3.0 }
[guidance.negative]
encoding = { kind = "disk", radius_voxels = 3.0 }
[[graph]]
role = "network"
file = "classes.onnx"
sha256 = "@"
inputs = { image = "scan", positive = "fg_points" }
outputs = { logits = "pred" }
"#;
    std::fs::write(folder.path().join("bundle.toml"), text.replace('@', &digest)).unwrap();
    folder
}

#[tokio::test]
async fn a_name_chooses_what_is_segmented() {
    let model = model_with_classes();
    let mut server = Server::with(&["--model", model.path().to_str().unwrap(), "--device", "cpu"]).await;
    let about = server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap().into_inner();
    let Some(engine) = about.engines.iter().find(|e| e.name == "network") else {
        println!("passed over: no ONNX Runtime");
        return;
    };
    assert_eq!(engine.classes, ["Ball", "ground-tissue", "what is pointed at"]);
    assert!(about.engines.iter().all(|e| e.name == "network" || e.classes.is_empty()));
    let mut reader = ready(&mut server).await;
    let named = |name: &str| wire_prompt(&Prompt::LabelName(name.parse().unwrap()));
    let unknown = send(&reader, vec![named("spleen")]);
    let error = reader.send(unknown).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("\"spleen\". It knows: Ball, ground-tissue, what is pointed at"), "{error}");
    // Alone, it waits to be pointed at.
    let request = send(&reader, vec![named(" ball")]);
    let update = reader.send(request).await.unwrap();
    assert!(reader.mask.count() == 0 && update.warnings.len() == 1, "{:?}", update.warnings);
    assert!(update.prompts[0].voxel.is_none() && update.prompts[0].voxels == 0);
    reader.click(BALL, true).await.unwrap();
    let (grid, inside) = (reader.mask.grid().clone(), |p: DVec3| p.distance(BALL) < 8.0);
    let truth =
        Mask::new(grid.clone(), Array3::from_shape_fn(grid.shape(), |(k, j, i)| inside(grid.centre_mm([i, j, k]))));
    let (ball, truth) = (reader.mask.clone(), truth.unwrap());
    assert!(dice(&ball, &truth) > 0.85, "{}", dice(&ball, &truth));
    // The same place by another name, and back.
    let (beside, far) = (BALL + DVec3::new(0.0, 11.0, 0.0), BALL + DVec3::new(0.0, 5.0, 0.0));
    let voxel = |p| grid.voxel_at(p).unwrap();
    let request = send(&reader, vec![named("Ground_Tissue")]);
    reader.send(request).await.unwrap();
    assert!(reader.mask.contains(voxel(BALL)), "what was clicked is of the label");
    assert!(!reader.mask.contains(voxel(far)), "the rest of the ball is not");
    reader.undo().await.unwrap();
    assert_eq!(reader.mask, ball);
    // With a click in one request; a fault names its prompt.
    let mut other = label(&mut server, &reader.session.clone(), &grid, "ground").await;
    let mut request = other.prompts(&[beside], true);
    request.prompts.insert(0, named("ground tissue"));
    other.send(request.clone()).await.unwrap();
    assert!(other.mask.count() > 3000 && other.mask.contains(voxel(beside)) && !other.mask.contains(voxel(far)));
    request.prompts.push(named("spleen"));
    let error = other.send(request).await.unwrap_err();
    assert!(error.message().starts_with("Prompt 3 of 3: The engine network (toy 0.1) has no class"), "{error}");
    assert!(reader.replays().await);
    // Without a name, anything is likely that any class is.
    let mut any = label(&mut server, &reader.session.clone(), &grid, "any").await;
    any.click(OTHER_BALL, true).await.unwrap();
    assert!(any.mask.contains(voxel(OTHER_BALL + DVec3::new(0.0, 5.0, 0.0))));
}

fn place(p: &Option<v1::Point>) -> DVec3 {
    p.as_ref().map(|p| DVec3::new(p.x, p.y, p.z)).unwrap()
}
