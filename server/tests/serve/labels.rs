//! Several labels in one session.

use crate::support::{BALL, OTHER_BALL, Reader, Server, read_mask};
use isochrone_api::v1;
use isochrone_volume::Mask;

#[tokio::test]
async fn labels_are_masks_of_their_own() {
    let mut server = Server::start().await;
    let mut one = server.ready().await;
    let label = server.add_label(&one.session, "node").await;
    let mut two = Reader {
        session: one.session.clone(),
        label,
        mask: Mask::empty(one.mask.grid().clone()),
        segmentation: one.segmentation.clone(),
    };
    one.click(BALL, true).await.unwrap();
    let taken = two.click(BALL, true).await.unwrap_err();
    assert_eq!(taken.code(), tonic::Code::FailedPrecondition);
    assert!(taken.message().contains("\"lesion\""), "{taken}");
    two.click(OTHER_BALL, true).await.unwrap();
    assert!(one.mask.voxels().iter().zip(two.mask.voxels()).all(|(a, b)| !(a & b)));

    let listed = server
        .segmentation
        .list_labels(v1::ListLabelsRequest { session_id: one.session.clone() })
        .await
        .unwrap()
        .into_inner()
        .labels;
    assert_eq!(listed.iter().map(|l| (l.label_id, l.name.as_str())).collect::<Vec<_>>(), [(1, "lesion"), (2, "node")]);
    for (listed, reader) in listed.iter().zip([&one, &two]) {
        assert_eq!(listed.voxels, reader.mask.count() as u64);
        assert!((listed.volume_ml - reader.mask.volume_ml()).abs() < 1e-3);
    }
    let save = |label_ids, path: &str| v1::SaveNiftiRequest {
        session_id: one.session.clone(),
        label_ids,
        path: path.to_owned(),
        overwrite: false,
    };
    server.export.save_nifti(save(vec![1], "one.nii.gz")).await.unwrap();
    assert_eq!(read_mask(&server.root.path().join("one.nii.gz"), one.mask.grid()), one.mask);
    server.export.save_nifti(save(vec![], "both.nii.gz")).await.unwrap();
    let both = isochrone_intake::read(&server.root.path().join("both.nii.gz"), &Default::default()).unwrap();
    let values = both.values(&isochrone_volume::VoxelBox::whole(both.grid().size()));
    for ((value, one), two) in values.iter().zip(one.mask.voxels()).zip(two.mask.voxels()) {
        assert_eq!(*value, f32::from(u8::from(*one)) + 2.0 * f32::from(u8::from(*two)));
    }
    assert_eq!(server.export.save_nifti(save(vec![7], "none.nii")).await.unwrap_err().code(), tonic::Code::NotFound);
    assert!(one.replays().await);

    // The state as another window would read it.
    let session = server
        .segmentation
        .get_session(v1::GetSessionRequest { session_id: one.session.clone() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(session.steps.len(), 4);
    assert_eq!(session.steps[2].mask_sha256, one.mask.digest());
    assert_eq!((session.revision, session.can_undo, session.can_redo), (4, 4, 0));
}
