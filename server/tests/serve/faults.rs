//! Wrong requests: a precise status, a sentence that names the field, and the next request is served.

use crate::support::{BALL, Server};
use isochrone_api::v1;
use isochrone_volume::DVec3;
use tonic::Code;

#[tokio::test]
async fn wrong_prompts() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    let good = reader.prompts(&[BALL], true);
    let with = |change: &dyn Fn(&mut v1::AddPromptsRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let click = |request: &mut v1::AddPromptsRequest, change: &dyn Fn(&mut v1::Click)| {
        let Some(v1::prompt::Kind::Click(click)) = &mut request.prompts[0].kind else { panic!() };
        change(click);
    };
    let cases = [
        (
            with(&|r| click(r, &|c| c.position.as_mut().unwrap().y = f64::NAN)),
            Code::InvalidArgument,
            "prompts[0].click.position.y",
        ),
        (
            with(&|r| click(r, &|c| c.position.as_mut().unwrap().z = f64::INFINITY)),
            Code::InvalidArgument,
            "prompts[0].click.position.z",
        ),
        (with(&|r| click(r, &|c| c.position.as_mut().unwrap().x = 1e300)), Code::OutOfRange, "outside the volume"),
        (with(&|r| click(r, &|c| c.position.as_mut().unwrap().x = -4000.0)), Code::OutOfRange, "RAS instead of LPS"),
        (with(&|r| click(r, &|c| c.position = None)), Code::InvalidArgument, "prompts[0].click.position"),
        (with(&|r| click(r, &|c| c.polarity = 0)), Code::InvalidArgument, "prompts[0].click.polarity"),
        (with(&|r| click(r, &|c| c.polarity = 99)), Code::InvalidArgument, "prompts[0].click.polarity"),
        (with(&|r| click(r, &|c| c.polarity = -7)), Code::InvalidArgument, "prompts[0].click.polarity"),
        (with(&|r| r.prompts[0].kind = None), Code::InvalidArgument, "prompts[0].kind"),
        (with(&|r| r.prompts.clear()), Code::InvalidArgument, "prompts"),
        (with(&|r| r.prompts = vec![r.prompts[0].clone(); 5000]), Code::InvalidArgument, "prompts"),
        (with(&|r| r.samples = 10_000), Code::InvalidArgument, "samples"),
        (with(&|r| r.frame_of_reference_uid = "1.2.3".to_owned()), Code::InvalidArgument, "frame of reference"),
        (with(&|r| r.label_id = 77), Code::NotFound, "label 77"),
        (with(&|r| r.session_id = "0123".to_owned()), Code::NotFound, "session"),
        (with(&|r| r.session_id = "x".repeat(10 << 20)), Code::NotFound, "session"),
        (with(&|r| r.session_id = "x".repeat(20 << 20)), Code::OutOfRange, "too large"),
    ];
    for (request, code, text) in cases {
        let refused = reader.send(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains(text), "{text}: {refused}");
        assert!(refused.message().len() < 1000);
    }
    assert_eq!(reader.mask.count(), 0);
    reader.click(BALL, true).await.unwrap();
    assert!(reader.mask.count() > 50);
    let outside = reader.click(DVec3::new(0.0, 0.0, -900.0), true).await.unwrap_err();
    assert_eq!(outside.code(), Code::OutOfRange);
    assert_eq!(reader.whole().await, reader.mask);
    server.still_serves().await;
}

#[tokio::test]
async fn wrong_edits() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    let voxel = |i, j, k| Some(v1::Voxel { i, j, k });
    let good = v1::ApplyEditRequest {
        session_id: reader.session.clone(),
        label_id: reader.label,
        r#box: Some(v1::VoxelBox { min: voxel(0, 0, 0), max: voxel(8, 1, 1) }),
        // One byte of set bits, as zlib packs it.
        zlib_bits: vec![0x78, 0x9c, 0xfb, 0x0f, 0x00, 0x01, 0x00, 0x01, 0x00],
        ..Default::default()
    };
    let boxed = |min, max| Some(v1::VoxelBox { min, max });
    let cases = [
        (v1::ApplyEditRequest { r#box: None, ..good.clone() }, Code::InvalidArgument, "box"),
        (v1::ApplyEditRequest { r#box: boxed(None, voxel(1, 1, 1)), ..good.clone() }, Code::InvalidArgument, "box.min"),
        (
            v1::ApplyEditRequest { r#box: boxed(voxel(5, 5, 5), voxel(5, 9, 9)), ..good.clone() },
            Code::InvalidArgument,
            "box",
        ),
        (
            v1::ApplyEditRequest { r#box: boxed(voxel(9, 0, 0), voxel(2, 2, 2)), ..good.clone() },
            Code::InvalidArgument,
            "box",
        ),
        (
            v1::ApplyEditRequest { r#box: boxed(voxel(0, 0, 0), voxel(600, 1, 1)), ..good.clone() },
            Code::InvalidArgument,
            "inside the volume",
        ),
        (
            v1::ApplyEditRequest { r#box: boxed(voxel(0, 0, 0), voxel(u32::MAX, u32::MAX, u32::MAX)), ..good.clone() },
            Code::InvalidArgument,
            "inside the volume",
        ),
        (v1::ApplyEditRequest { zlib_bits: vec![1, 2, 3], ..good.clone() }, Code::InvalidArgument, "damaged"),
        (v1::ApplyEditRequest { zlib_bits: vec![], ..good.clone() }, Code::InvalidArgument, "damaged"),
        (
            v1::ApplyEditRequest { r#box: boxed(voxel(0, 0, 0), voxel(16, 2, 1)), ..good.clone() },
            Code::InvalidArgument,
            "damaged",
        ),
        (v1::ApplyEditRequest { label_id: 9, ..good.clone() }, Code::NotFound, "label 9"),
    ];
    for (request, code, text) in cases {
        let refused = reader.segmentation.apply_edit(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains(text), "{text}: {refused}");
    }
    let update = reader.segmentation.apply_edit(good).await.unwrap().into_inner();
    reader.follow(&update);
    assert_eq!(reader.mask.count(), 8);
}

#[tokio::test]
async fn wrong_ids_names_and_numbers() {
    let mut server = Server::start().await;
    let reader = server.ready().await;
    let (session_id, label_id) = (reader.session.clone(), reader.label);
    let client = &mut server.segmentation;
    let unknown = "00000000000000000000000000000000".to_owned();

    let open = |volume_ids: Vec<String>, engine: &str| v1::OpenSessionRequest {
        volume_ids,
        engine: engine.to_owned(),
        ..Default::default()
    };
    assert_eq!(client.open_session(open(vec![], "")).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.open_session(open(vec![unknown.clone()], "")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        client.open_session(open(vec![unknown.clone(); 1000], "")).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let loaded =
        server.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes.remove(0).volume_id;
    let engine = client.open_session(open(vec![loaded], "magic")).await.unwrap_err();
    assert_eq!(engine.code(), Code::InvalidArgument);
    assert!(engine.message().starts_with("engine:") && engine.message().contains("geodesic"), "{engine}");

    for session_id in [unknown.clone(), String::new(), "../..".to_owned()] {
        assert_eq!(
            client.get_session(v1::GetSessionRequest { session_id: session_id.clone() }).await.unwrap_err().code(),
            Code::NotFound
        );
        assert_eq!(
            client.close_session(v1::CloseSessionRequest { session_id: session_id.clone() }).await.unwrap_err().code(),
            Code::NotFound
        );
        assert_eq!(
            client.undo(v1::UndoRequest { session_id, ..Default::default() }).await.unwrap_err().code(),
            Code::NotFound
        );
    }
    for name in [String::new(), "  ".to_owned(), "x".repeat(200), "a\nb".to_owned()] {
        let refused = client
            .add_label(v1::AddLabelRequest { session_id: session_id.clone(), name, ..Default::default() })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("name:"));
    }
    let accept = |axis, index| v1::AcceptSliceRequest { session_id: session_id.clone(), label_id, axis, index };
    assert_eq!(client.accept_slice(accept(0, 1)).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.accept_slice(accept(9, 1)).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.accept_slice(accept(3, 24)).await.unwrap_err().code(), Code::OutOfRange);
    client.accept_slice(accept(3, 23)).await.unwrap();
    let propose = |count, axes| v1::ProposeRequest {
        session_id: session_id.clone(),
        label_id,
        count,
        axes,
        ..Default::default()
    };
    assert_eq!(client.propose(propose(1000, vec![])).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.propose(propose(1, vec![1, 44])).await.unwrap_err().code(), Code::InvalidArgument);
    let no_samples = client.propose(propose(1, vec![])).await.unwrap_err();
    assert_eq!(no_samples.code(), Code::FailedPrecondition, "the geodesic engine has none: {no_samples}");
    let map = v1::GetMapRequest { session_id: session_id.clone(), label_id, kind: v1::MapKind::Probability.into() };
    let early = client.get_map(map).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition);
    assert!(early.message().contains("click inside the lesion"), "{early}");
    server.still_serves().await;
}
