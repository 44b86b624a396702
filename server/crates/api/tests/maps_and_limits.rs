//! Maps as volumes of their own, and limits that are answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Bench, click, names};
use isochrone_api::{Limits, v1};
use isochrone_session::stub::StubEngine;
use tonic::Code;

async fn map(bench: &mut Bench, session: &str, kind: i32) -> Result<(v1::Grid, Vec<f32>), tonic::Status> {
    let request = v1::GetMapRequest { session_id: session.to_owned(), label_id: 1, kind };
    let mut stream = bench.segmentation.get_map(request).await?.into_inner();
    let (mut header, mut bytes) = (None, Vec::new());
    while let Some(chunk) = stream.message().await? {
        match chunk.part.unwrap() {
            v1::map_chunk::Part::Header(h) => header = Some(h),
            v1::map_chunk::Part::Data(data) => bytes.extend_from_slice(&data),
        }
    }
    let header = header.unwrap();
    assert_eq!(header.size_bytes, bytes.len() as u64);
    let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    Ok((header.grid.unwrap(), values))
}

#[tokio::test(flavor = "multi_thread")]
async fn maps() {
    let limits = Limits { chunk_bytes: 10_000, ..Limits::default() };
    let mut bench = Bench::new(StubEngine::default(), limits).await;
    let session = bench.session().await;
    let probability = v1::MapKind::Probability.into();
    assert_eq!(map(&mut bench, &session, probability).await.unwrap_err().code(), Code::FailedPrecondition);
    let mut request = click(&session, [15.0, 15.0, 20.0]);
    request.mask_only = true;
    names(bench.segmentation.add_prompts(request).await.unwrap().into_inner()).await;
    let (grid, values) = map(&mut bench, &session, probability).await.unwrap();
    let size = grid.size.unwrap();
    assert_eq!(values.len(), (size.i * size.j * size.k) as usize);
    assert!(values.iter().any(|v| *v > 0.9) && values.iter().all(|v| (0.0..=1.0).contains(v)));

    // The same after an undo, when it has to be computed again.
    let mut request = click(&session, [25.0, 25.0, 20.0]);
    request.mask_only = true;
    names(bench.segmentation.add_prompts(request).await.unwrap().into_inner()).await;
    assert_ne!(map(&mut bench, &session, probability).await.unwrap().1, values);
    bench.segmentation.undo(v1::UndoRequest { session_id: session.clone(), ..Default::default() }).await.unwrap();
    assert_eq!(map(&mut bench, &session, probability).await.unwrap().1, values);

    let (_, uncertainty) = map(&mut bench, &session, v1::MapKind::Uncertainty.into()).await.unwrap();
    assert!(uncertainty.iter().any(|v| *v > 0.0) && uncertainty.iter().all(|v| (0.0..=0.7).contains(v)));
    let guidance = map(&mut bench, &session, v1::MapKind::GuidancePositive.into()).await.unwrap_err();
    assert_eq!(guidance.code(), Code::FailedPrecondition, "the stub shows no guidance");
    for kind in [0, 99, -1] {
        let wrong = map(&mut bench, &session, kind).await.unwrap_err();
        assert_eq!(wrong.code(), Code::InvalidArgument);
        assert!(wrong.message().starts_with("kind:"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_answers() {
    let limits = Limits { sessions: 2, volumes: 2, uploads: 1, ..Limits::default() };
    let mut bench = Bench::new(StubEngine::default(), limits).await;
    let first = bench.session().await;
    bench.session().await;
    let open = v1::OpenSessionRequest { volume_ids: vec![bench.volume.volume_id.clone()], ..Default::default() };
    assert_eq!(bench.segmentation.open_session(open.clone()).await.unwrap_err().code(), Code::ResourceExhausted);
    bench.segmentation.close_session(v1::CloseSessionRequest { session_id: first }).await.unwrap();
    bench.segmentation.open_session(open).await.unwrap();

    let load = v1::LoadFileRequest { path: "ct.nii.gz".to_owned(), ..Default::default() };
    let second = bench.volumes.load_file(load.clone()).await.unwrap().into_inner();
    assert_eq!(bench.volumes.load_file(load.clone()).await.unwrap_err().code(), Code::ResourceExhausted);
    let in_use = v1::UnloadVolumeRequest { volume_id: bench.volume.volume_id.clone() };
    assert_eq!(bench.volumes.unload_volume(in_use).await.unwrap_err().code(), Code::FailedPrecondition);
    bench.volumes.unload_volume(v1::UnloadVolumeRequest { volume_id: second.volume_id }).await.unwrap();
    bench.volumes.load_file(load).await.unwrap();

    let begin = v1::BeginUploadRequest { format: v1::FileFormat::Nifti.into(), size_bytes: 10, ..Default::default() };
    bench.volumes.begin_upload(begin.clone()).await.unwrap();
    assert_eq!(bench.volumes.begin_upload(begin).await.unwrap_err().code(), Code::ResourceExhausted);
}
