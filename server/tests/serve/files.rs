//! Files by path: only images, only below the root.

use crate::support::{BALL, Server, balls};
use isochrone_api::v1;
use std::path::Path;
use tonic::{Code, Status};

async fn load(server: &mut Server, path: &str) -> Result<v1::Volume, Status> {
    let request = v1::LoadFileRequest { path: path.to_owned(), ..Default::default() };
    Ok(server.volumes.load_file(request).await?.into_inner())
}

/// A NIfTI-1 header of the given size, and nothing after it.
fn header_only(size: [i16; 3]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.nii");
    isochrone_export::write_volume(&path, &balls()).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.truncate(352);
    for (n, size) in size.iter().enumerate() {
        bytes[42 + 2 * n..44 + 2 * n].copy_from_slice(&size.to_le_bytes());
    }
    bytes
}

#[tokio::test]
async fn what_is_no_image_says_so() {
    let mut server = Server::start().await;
    let root = server.root.path().to_owned();
    std::fs::write(root.join("letter.nii.gz"), "Dear colleague, thank you for referring this patient.").unwrap();
    std::fs::write(root.join("huge.nii"), header_only([32767; 3])).unwrap();
    std::fs::write(root.join("cut.nii"), header_only([60, 60, 24])).unwrap();
    std::fs::write(root.join("empty.nii"), "").unwrap();
    std::fs::create_dir(root.join("folder")).unwrap();
    let cases = [
        ("letter.nii.gz", Code::InvalidArgument, "not a NIfTI, NRRD or DICOM image"),
        ("huge.nii", Code::DataLoss, "32767×32767×32767"),
        ("cut.nii", Code::DataLoss, "cut short"),
        ("empty.nii", Code::InvalidArgument, "empty"),
        ("folder", Code::InvalidArgument, "no DICOM image"),
        ("none.nii", Code::NotFound, "no such file"),
        ("", Code::InvalidArgument, "path"),
    ];
    for (path, code, text) in cases {
        let refused = load(&mut server, path).await.unwrap_err();
        assert_eq!(refused.code(), code, "{path}: {refused}");
        assert!(refused.message().contains(text), "{path}: {refused}");
        assert!(!refused.message().contains("colleague"));
        server.still_serves().await;
    }
}

#[tokio::test]
#[cfg(unix)]
async fn paths_stay_below_the_root() {
    let mut server = Server::start().await;
    let root = server.root.path().to_owned();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.nii.gz");
    isochrone_export::write_volume(&secret, &balls()).unwrap();
    std::os::unix::fs::symlink(&secret, root.join("link.nii.gz")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.join("door")).unwrap();
    std::fs::create_dir(root.join("inside")).unwrap();
    isochrone_export::write_volume(&root.join("inside/ct.nii.gz"), &balls()).unwrap();

    // Relative and absolute, but inside.
    load(&mut server, "inside/ct.nii.gz").await.unwrap();
    load(&mut server, "./inside/./ct.nii.gz").await.unwrap();
    load(&mut server, root.join("inside/ct.nii.gz").canonicalize().unwrap().to_str().unwrap()).await.unwrap();

    let name = outside.path().file_name().unwrap().to_str().unwrap().to_owned();
    let tricks = [
        secret.to_str().unwrap().to_owned(),
        format!("../{name}/secret.nii.gz"),
        format!("inside/../../{name}/secret.nii.gz"),
        "inside/../inside/ct.nii.gz".to_owned(),
        "link.nii.gz".to_owned(),
        "door/secret.nii.gz".to_owned(),
        "/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
    ];
    for path in tricks {
        let refused = load(&mut server, &path).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{path}: {refused}");
        assert!(!refused.message().contains(&name) && !refused.message().contains("etc"), "{refused}");
    }
    for path in ["a\0b.nii".to_owned(), "x".repeat(300), "x/".repeat(3000)] {
        let refused = load(&mut server, &path).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
    saving_stays_below_too(&mut server, outside.path()).await;
}

async fn saving_stays_below_too(server: &mut Server, outside: &Path) {
    let mut reader = server.ready().await;
    reader.click(BALL, true).await.unwrap();
    std::fs::create_dir(server.root.path().join("folder.nii")).unwrap();
    let before: Vec<_> = std::fs::read_dir(outside).unwrap().map(|e| e.unwrap().file_name()).collect();
    let cases = [
        ("../mask.nii.gz", Code::PermissionDenied),
        ("/tmp/mask.nii.gz", Code::PermissionDenied),
        ("door/mask.nii.gz", Code::PermissionDenied),
        ("link.nii.gz", Code::PermissionDenied),
        ("none/mask.nii.gz", Code::NotFound),
        ("folder.nii", Code::InvalidArgument),
        ("mask.txt", Code::InvalidArgument),
        ("..", Code::InvalidArgument),
        (".nii/..", Code::InvalidArgument),
        ("a\0.nii", Code::InvalidArgument),
    ];
    for (path, code) in cases {
        let request = v1::SaveNiftiRequest {
            session_id: reader.session.clone(),
            label_ids: vec![],
            path: path.to_owned(),
            overwrite: true,
        };
        let refused = server.export.save_nifti(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{path}: {refused}");
    }
    let after: Vec<_> = std::fs::read_dir(outside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(before, after);
    server.still_serves().await;
}
