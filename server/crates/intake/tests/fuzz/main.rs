//! Random damage to good files of every format, and to what a PACS sends: an answer, quickly, and never a panic. What
//! once made trouble stays in `tests/corpus`, and every file there is read too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod dicom;
#[path = "../fake_pacs/mod.rs"]
#[allow(dead_code)]
mod fake_pacs;
mod mutate;

use common::{gz, nifti, nifti2, nrrd, nrrd_gz, set};
use fake_pacs::{Answer, FakePacs, instance_list, multipart};
use isochrone_intake::dicomweb::{LoadLimits, Pacs};
use isochrone_intake::{Image, IntakeError, Limits, ReadOptions, read_image};
use mutate::{Target, run};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn load(path: &Path) -> Result<Image, IntakeError> {
    let limits = Limits { max_voxel_bytes: 64 << 20, free_expansion_bytes: 16 << 20, ..Limits::default() };
    read_image(&[path.to_owned()], &ReadOptions { limits, ..ReadOptions::default() })
}

fn read(_: &[u8], path: &Path) {
    let _ = load(path);
}

/// Damaged first and packed then, so that the checksum is right.
fn read_packed(bytes: &[u8], path: &Path) {
    let packed = path.with_extension("gz");
    std::fs::write(&packed, gz(bytes)).unwrap();
    let _ = load(&packed);
}

fn nrrds() -> Vec<Vec<u8>> {
    let header = |field: &str, value: &str| nrrd(|lines| set(lines, field, value));
    let spaced = nrrd(|lines| {
        set(lines, "space directions", "");
        set(lines, "spacings", "1 2 3");
    });
    vec![nrrd(|_| ()), nrrd_gz(), header("type", "float"), header("byte skip", "4"), header("line skip", "1"), spaced]
}

#[test]
fn every_parser_for_a_while() {
    let answer = Arc::new(Mutex::new(Answer::status(500)));
    let said = answer.clone();
    let pacs = FakePacs::start(move |request| {
        // The list is damaged too, now and then.
        let answer = said.lock().unwrap().clone();
        let list = request.path.contains("instances?");
        if list && answer.body.first() != Some(&b'[') { instance_list(&["9.1"]) } else { answer }
    });
    let client = Pacs::new(format!("main={}", pacs.root()).parse().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dicomweb = |bytes: &[u8], _: &Path| {
        let kind = "multipart/related; type=\"application/dicom\"; boundary=b0";
        *answer.lock().unwrap() = Answer { body: bytes.to_vec(), ..Answer::status(200) }.with("Content-Type", kind);
        let limits = LoadLimits { parallel: 1, bytes: 1 << 20, ..LoadLimits::default() };
        let _ = client.load_series("1.2", "1.3", folder.path(), &limits, &|_| true);
        let there: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        there.iter().for_each(|file| std::fs::remove_file(file.path()).unwrap());
    };
    let bodies = vec![multipart(&[&dicom::good()[0]]).body, instance_list(&["9.1", "9.2"]).body];
    run(&[
        Target { name: "nifti", good: vec![nifti(|_| ()), gz(&nifti(|_| ())), nifti2(|_| ())], take: &read },
        Target { name: "nifti-packed", good: vec![nifti(|_| ()), nifti2(|_| ())], take: &read_packed },
        Target { name: "nrrd", good: nrrds(), take: &read },
        Target { name: "dicom", good: dicom::good(), take: &read },
        Target { name: "dicomweb", good: bodies, take: &dicomweb },
    ]);
}

#[test]
fn the_undamaged_ones_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        let path = folder.path().join("slice");
        std::fs::write(&path, bytes).unwrap();
        load(&path).unwrap()
    };
    let image = read(&dicom::good()[0]);
    assert_eq!(image.volume.value([3, 1, 0]), Some(22.0));
    assert_eq!(image.series.unwrap().slices.len(), 1);
    assert_eq!(read(&dicom::good()[1]).volume.value([5, 5, 0]), Some(14.0));
    for bytes in nrrds().iter().take(2).chain(&[nifti(|_| ()), nifti2(|_| ())]) {
        assert_eq!(read(bytes).volume.grid().size(), [6, 5, 4]);
    }
}

#[test]
fn the_kept_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = load(&file.path());
    }
}
