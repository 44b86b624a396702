//! From a click to the same mask everywhere: in deltas, in GetMask, in the file.

use crate::support::{BALL, OTHER_BALL, Server, balls, read_mask};
use isochrone_api::v1;
use isochrone_volume::{DVec3, VoxelBox};

#[tokio::test]
async fn deltas_get_mask_and_nifti_agree() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    for (at, positive) in [(BALL, true), (BALL + DVec3::new(13.0, 0.0, 0.0), false), (OTHER_BALL, true)] {
        let update = reader.click(at, positive).await.unwrap();
        assert!(update.working_spacing_mm > 0.0 && update.elapsed_ms > 0.0);
        let provenance = update.provenance.unwrap();
        assert_eq!((provenance.protocol_version, provenance.seed), (1, 11));
        assert_eq!(provenance.engine.unwrap().name, "geodesic");
        let placed = &update.prompts[0];
        let voxel = placed.voxel.as_ref().unwrap();
        assert_eq!(balls().grid().voxel_at(at), Some([voxel.i as usize, voxel.j as usize, voxel.k as usize]));
    }
    assert!(reader.mask.count() > 100);
    assert_eq!(reader.whole().await, reader.mask);

    for path in ["mask.nii.gz", "mask.nii"] {
        let request = v1::SaveNiftiRequest {
            session_id: reader.session.clone(),
            label_ids: vec![],
            path: path.to_owned(),
            overwrite: false,
        };
        let saved = server.export.save_nifti(request.clone()).await.unwrap().into_inner();
        let file = server.root.path().join(path);
        assert_eq!(saved.size_bytes, std::fs::metadata(&file).unwrap().len());
        assert_eq!(read_mask(&file, reader.mask.grid()), reader.mask);
        let again = server.export.save_nifti(request.clone()).await.unwrap_err();
        assert_eq!(again.code(), tonic::Code::AlreadyExists);
        server.export.save_nifti(v1::SaveNiftiRequest { overwrite: true, ..request }).await.unwrap();
    }
    let request = v1::DownloadNiftiRequest { session_id: reader.session.clone(), label_ids: vec![reader.label] };
    let mut stream = server.export.download_nifti(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        bytes.extend_from_slice(&chunk.data);
    }
    let file = server.root.path().join("downloaded.nii.gz");
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(read_mask(&file, reader.mask.grid()), reader.mask);
}

#[tokio::test]
async fn undo_to_zero_redo_to_the_end_and_replay() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    let mut masks = vec![reader.mask.clone()];
    reader.click(BALL, true).await.unwrap();
    masks.push(reader.mask.clone());
    reader.paint(VoxelBox { min: [5, 5, 5], max: [12, 11, 9] }).await;
    masks.push(reader.mask.clone());
    reader.click(OTHER_BALL, true).await.unwrap();
    masks.push(reader.mask.clone());
    let request =
        v1::ResetLabelRequest { session_id: reader.session.clone(), label_id: reader.label, expected_revision: None };
    let update = reader.segmentation.reset_label(request).await.unwrap().into_inner();
    reader.follow(&update);
    assert_eq!(reader.mask, masks[0]);
    masks.push(reader.mask.clone());
    reader.click(OTHER_BALL, true).await.unwrap();
    masks.push(reader.mask.clone());
    assert!(reader.replays().await);

    for expected in masks.iter().rev().skip(1) {
        reader.undo().await.unwrap();
        assert_eq!(&reader.mask, expected);
    }
    let update = reader.undo().await.unwrap();
    assert!(update.labels.is_empty() && update.can_undo == 0, "the label's own step is the first");
    assert_eq!(reader.undo().await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    reader.redo().await.unwrap();
    for expected in masks.iter().skip(1) {
        reader.redo().await.unwrap();
        assert_eq!(&reader.mask, expected);
    }
    assert_eq!(reader.redo().await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    assert!(reader.replays().await);
    assert_eq!(reader.whole().await, reader.mask);
}

#[tokio::test]
async fn paint_click_undo_keeps_the_paint() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    reader.paint(VoxelBox { min: [5, 5, 5], max: [12, 11, 9] }).await;
    let painted = reader.mask.clone();
    reader.click(BALL, true).await.unwrap();
    assert_ne!(reader.mask, painted);
    reader.undo().await.unwrap();
    assert_eq!(reader.mask, painted);
    assert_eq!(reader.whole().await, painted);
}

#[tokio::test]
async fn removing_a_prompt_equals_never_having_clicked() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    reader.click(BALL, true).await.unwrap();
    let wrong = reader.click(BALL + DVec3::new(0.0, 14.0, 0.0), true).await.unwrap().prompts[0].prompt_id;
    reader.click(OTHER_BALL, true).await.unwrap();
    let request =
        v1::RemovePromptRequest { session_id: reader.session.clone(), prompt_id: wrong, expected_revision: None };
    let update = reader.segmentation.remove_prompt(request.clone()).await.unwrap().into_inner();
    reader.follow(&update);
    assert!(reader.replays().await);
    assert_eq!(reader.segmentation.remove_prompt(request).await.unwrap_err().code(), tonic::Code::NotFound);

    let mut other = server.ready().await;
    other.click(BALL, true).await.unwrap();
    other.click(OTHER_BALL, true).await.unwrap();
    assert_eq!(reader.mask, other.mask);
}

#[tokio::test]
async fn an_old_revision_is_refused() {
    let mut server = Server::start().await;
    let mut reader = server.ready().await;
    let update = reader.click(BALL, true).await.unwrap();
    let mut request = reader.prompts(&[OTHER_BALL], true);
    request.expected_revision = Some(update.revision - 1);
    let refused = reader.send(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
    let undo = v1::UndoRequest { session_id: reader.session.clone(), expected_revision: Some(99) };
    assert_eq!(reader.segmentation.undo(undo).await.unwrap_err().code(), tonic::Code::Aborted);
    request.expected_revision = Some(update.revision);
    reader.send(request).await.unwrap();
}
