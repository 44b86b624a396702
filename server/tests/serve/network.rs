//! With the network, where its model and ONNX Runtime are there.

use crate::support::{BALL, OTHER_BALL, Reader, Server, balls, repository};
use isochrone_api::v1;
use isochrone_volume::{DVec3, Mask};
use v1::segmentation_event::Event;

/// A server with the model of this repository; `None` (and a line that says so) where it cannot run.
pub async fn with_network() -> Option<Server> {
    let model = repository().join("models/lesion-2");
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
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event.event.unwrap());
    }
    let [Event::Mask(mask), Event::Uncertainty(uncertainty), Event::Proposals(proposals)] = events.as_slice() else {
        panic!("{events:?}");
    };
    reader.follow(mask);
    assert_eq!(reader.whole().await, reader.mask);
    let engine = mask.provenance.as_ref().unwrap().engine.as_ref().unwrap();
    assert!(
        engine.model.starts_with("lesion-2") && engine.model_digest.len() == 64 && engine.device.starts_with("cpu")
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
        let Some(Event::Mask(mask)) = stream.message().await.unwrap().unwrap().event else { panic!() };
        reader.follow(&mask);
        let next = stream.message().await.unwrap().unwrap().event.unwrap();
        match next {
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

fn place(p: &Option<v1::Point>) -> DVec3 {
    p.as_ref().map(|p| DVec3::new(p.x, p.y, p.z)).unwrap()
}
