//! Images in chunks.

use crate::support::{Server, balls};
use isochrone_api::v1;
use sha2::{Digest, Sha256};
use tonic::Code;

fn file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("balls.nii.gz");
    isochrone_export::write_volume(&path, &balls()).unwrap();
    std::fs::read(path).unwrap()
}

fn begin(bytes: &[u8], size: usize) -> v1::BeginUploadRequest {
    v1::BeginUploadRequest {
        format: v1::FileFormat::Nifti.into(),
        size_bytes: size as u64,
        sha256: Sha256::digest(bytes).to_vec(),
        modality: v1::Modality::Ct.into(),
    }
}

async fn chunk(server: &mut Server, id: &str, offset: usize, data: &[u8]) -> Result<u64, tonic::Status> {
    let request = v1::UploadChunkRequest { upload_id: id.to_owned(), offset: offset as u64, data: data.to_vec() };
    Ok(server.volumes.upload_chunk(request).await?.into_inner().next_offset)
}

async fn finish(server: &mut Server, id: &str) -> Result<v1::Volume, tonic::Status> {
    Ok(server.volumes.finish_upload(v1::FinishUploadRequest { upload_id: id.to_owned() }).await?.into_inner())
}

#[tokio::test]
async fn in_chunks_resumed_and_with_doubles() {
    let mut server = Server::start().await;
    let bytes = file();
    let half = bytes.len() / 2;
    let upload = server.volumes.begin_upload(begin(&bytes, bytes.len())).await.unwrap().into_inner();
    assert!(upload.max_chunk_bytes >= 1 << 20);
    let id = upload.upload_id;
    assert_eq!(chunk(&mut server, &id, 0, &bytes[..half]).await.unwrap(), half as u64);
    // Twice, overlapping, and with a gap.
    assert_eq!(chunk(&mut server, &id, 0, &bytes[..half]).await.unwrap(), half as u64);
    assert_eq!(chunk(&mut server, &id, 10, &bytes[10..half + 5]).await.unwrap(), half as u64 + 5);
    let gap = chunk(&mut server, &id, half + 6, &bytes[half + 6..]).await.unwrap_err();
    assert_eq!(gap.code(), Code::InvalidArgument);
    assert!(gap.message().contains(&(half + 5).to_string()), "{gap}");
    // Not all there yet.
    let early = finish(&mut server, &id).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition);
    // A client that lost its connection asks where to go on.
    let next = server
        .volumes
        .get_upload(v1::GetUploadRequest { upload_id: id.clone() })
        .await
        .unwrap()
        .into_inner()
        .next_offset as usize;
    chunk(&mut server, &id, next, &bytes[next..]).await.unwrap();
    let volume = finish(&mut server, &id).await.unwrap();
    let again = finish(&mut server, &id).await.unwrap();
    assert_eq!(volume.volume_id, again.volume_id, "a repeated finish is harmless");

    let path = server.root.path().join("same.nii.gz");
    std::fs::write(&path, &bytes).unwrap();
    let options =
        isochrone_intake::ReadOptions { modality: Some(isochrone_volume::Modality::Ct), ..Default::default() };
    let expected = isochrone_intake::read(&path, &options).unwrap();
    assert_eq!(volume.content_hash, expected.content_hash());
    assert_eq!(volume.frame_of_reference_uid, expected.frame_of_reference());
    assert_eq!((volume.scalar_type.as_str(), volume.inferred), ("int16", false));
    let got = server
        .volumes
        .get_volume(v1::GetVolumeRequest { volume_id: volume.volume_id.clone() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(got, volume);
    assert_eq!(
        server.volumes.list_volumes(v1::ListVolumesRequest {}).await.unwrap().into_inner().volumes,
        std::slice::from_ref(&volume)
    );
    server.volumes.unload_volume(v1::UnloadVolumeRequest { volume_id: volume.volume_id.clone() }).await.unwrap();
    let gone = server.volumes.get_volume(v1::GetVolumeRequest { volume_id: volume.volume_id }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn truncated_damaged_and_oversized() {
    let mut server = Server::start().await;
    let bytes = file();
    // The file itself is cut short: its own checksum fails.
    let cut = &bytes[..bytes.len() * 2 / 3];
    let id = server.volumes.begin_upload(begin(cut, cut.len())).await.unwrap().into_inner().upload_id;
    chunk(&mut server, &id, 0, cut).await.unwrap();
    let truncated = finish(&mut server, &id).await.unwrap_err();
    assert_eq!(truncated.code(), Code::DataLoss, "{truncated}");
    assert_eq!(finish(&mut server, &id).await.unwrap_err().code(), Code::NotFound, "it has to be sent anew");
    // Other bytes than those announced.
    let id = server.volumes.begin_upload(begin(b"other", bytes.len())).await.unwrap().into_inner().upload_id;
    chunk(&mut server, &id, 0, &bytes).await.unwrap();
    let damaged = finish(&mut server, &id).await.unwrap_err();
    assert_eq!(damaged.code(), Code::DataLoss, "{damaged}");
    // More bytes than announced.
    let id = server.volumes.begin_upload(begin(&bytes, 100)).await.unwrap().into_inner().upload_id;
    assert_eq!(chunk(&mut server, &id, 0, &bytes).await.unwrap_err().code(), Code::InvalidArgument);
    // Requests that cannot be right.
    let good = begin(&bytes, bytes.len());
    let wrong = [
        ("size_bytes", v1::BeginUploadRequest { size_bytes: 0, ..good.clone() }),
        ("size_bytes", v1::BeginUploadRequest { size_bytes: u64::MAX, ..good.clone() }),
        ("sha256", v1::BeginUploadRequest { sha256: vec![1, 2, 3], ..good.clone() }),
        ("format", v1::BeginUploadRequest { format: 0, ..good.clone() }),
        ("format", v1::BeginUploadRequest { format: 99, ..good.clone() }),
        ("modality", v1::BeginUploadRequest { modality: 99, ..good }),
    ];
    for (field, request) in wrong {
        let refused = server.volumes.begin_upload(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(field), "{refused}");
    }
    let unknown = chunk(&mut server, "ffff", 0, &[1]).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    server.still_serves().await;
}

/// Finished uploads take nobody's place: one after another, a reader brings as many images as there may be.
#[tokio::test]
async fn many_one_after_another() {
    let mut server = Server::start().await;
    let bytes = file();
    for n in 0..24 {
        let upload = server.volumes.begin_upload(begin(&bytes, bytes.len())).await;
        let id = upload.unwrap_or_else(|e| panic!("upload {n}: {e}")).into_inner().upload_id;
        chunk(&mut server, &id, 0, &bytes).await.unwrap();
        finish(&mut server, &id).await.unwrap();
    }
    // Unfinished ones do.
    for n in 0..40 {
        match server.volumes.begin_upload(begin(&bytes, bytes.len())).await {
            Ok(_) => assert!(n < 16),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted);
                assert!(n >= 7, "{n}");
                return;
            }
        }
    }
    panic!("no end to unfinished uploads");
}
