//! What good files become, and what is said about the merely odd ones.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Nifti, gz, load, load_with, nifti, nifti2, nrrd, nrrd_gz, place, set};
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::{DVec3, Modality, Quantity, Volume, Voxels};

fn count_up(volume: &Volume) {
    assert_eq!(volume.grid().size(), [6, 5, 4]);
    let Voxels::I16(array) = volume.voxels() else { unreachable!("{}", volume.voxels().scalar_name()) };
    assert!(array.iter().copied().eq(0..120));
}

fn warned(volume: &Volume, text: &str) {
    let warnings = &volume.origin().warnings;
    assert!(warnings.iter().any(|w| w.contains(text)), "{text:?} not in {warnings:?}");
}

#[test]
fn nifti_ras_becomes_lps() {
    for bytes in [
        nifti(|_| ()),
        gz(&nifti(|_| ())),
        nifti(|n| {
            n.codes(1, 0);
        }),
    ] {
        let volume = load("any-name", &bytes).unwrap();
        count_up(&volume);
        assert_eq!(volume.grid().centre_mm([0, 0, 0]), DVec3::new(-10.0, -20.0, 30.0));
        assert_eq!(volume.grid().centre_mm([1, 1, 1]), DVec3::new(-11.0, -22.0, 33.0));
        assert!(volume.origin().warnings.is_empty(), "{:?}", volume.origin().warnings);
    }
    count_up(&load("two.nii", &nifti2(|_| ())).unwrap());
    count_up(&load("two.nii.gz", &gz(&nifti2(|_| ()))).unwrap());
}

#[test]
fn gzip_members_and_padding() {
    let bytes = nifti(|_| ());
    let two = [gz(&bytes[..400]), gz(&bytes[400..])].concat();
    count_up(&load("a.nii.gz", &two).unwrap());
    count_up(&load("a.nii.gz", &[two, vec![0; 700_000]].concat()).unwrap());
}

#[test]
fn nrrd_attached_and_detached() {
    for bytes in [nrrd(|_| ()), nrrd_gz()] {
        let volume = load("a.nrrd", &bytes).unwrap();
        count_up(&volume);
        assert_eq!(volume.grid().centre_mm([1, 1, 1]), DVec3::new(11.0, 22.0, 33.0));
        assert!(volume.origin().warnings.is_empty());
    }
    let header = |extra: &str| nrrd(|l| l.push(format!("data file: voxels.raw\n{extra}")));
    let voxels: Vec<u8> = (0..120i16).flat_map(i16::to_le_bytes).collect();
    let skipped = [b"one\ntwo\nxyz".as_slice(), &voxels].concat();
    let surplus = [b"whatever is in front of them".as_slice(), &voxels].concat();
    for (extra, data) in [("", &voxels), ("line skip: 2\nbyte skip: 3", &skipped), ("byte skip: -1", &surplus)] {
        let (folder, path) = place("a.nhdr", &header(extra)[..]);
        std::fs::write(folder.path().join("voxels.raw"), data).unwrap();
        // What follows the blank line of a detached header is nobody's business.
        count_up(&read(&path, &ReadOptions::default()).unwrap());
    }
}

#[test]
fn nrrd_spaces_units_and_axes() {
    let first = |change: &dyn Fn(&mut Vec<String>)| load("a.nrrd", &nrrd(change)).unwrap().grid().centre_mm([1, 1, 1]);
    assert_eq!(first(&|l| set(l, "space", "RAS")), DVec3::new(-11.0, -22.0, 33.0));
    assert_eq!(first(&|l| set(l, "space", "left-anterior-superior")), DVec3::new(11.0, -22.0, 33.0));
    assert_eq!(first(&|l| l.push("space units: \"cm\" \"cm\" \"cm\"".into())), DVec3::new(110.0, 220.0, 330.0));
    let one_frame = |l: &mut Vec<String>| {
        set(l, "dimension", "4");
        set(l, "sizes", "1 6 5 4");
        set(l, "kinds", "vector domain domain domain");
        set(l, "space directions", "none (1,0,0) (0,2,0) (0,0,3)");
    };
    assert_eq!(first(&one_frame), DVec3::new(11.0, 22.0, 33.0));
    let bare = |l: &mut Vec<String>| {
        for field in ["space", "space directions", "space origin", "kinds"] {
            set(l, field, "");
        }
        set(l, "spacings", "1 2 3");
    };
    let volume = load("a.nrrd", &nrrd(bare)).unwrap();
    assert_eq!(volume.grid().spacing_mm(), [1.0, 2.0, 3.0]);
    warned(&volume, "no orientation");
    warned(&load("a.nrrd", &nrrd(|l| set(l, "space", "scanner-xyz"))).unwrap(), "not a patient's");
    warned(&load("a.nrrd", &nrrd(|l| set(l, "space", ""))).unwrap(), "names no space");
    warned(&load("a.nrrd", &nrrd(|l| set(l, "space origin", ""))).unwrap(), "no space origin");
}

#[test]
fn odd_but_harmless_nifti() {
    let of = |change: &dyn Fn(&mut Nifti)| load("a.nii", &nifti(change)).unwrap();
    warned(
        &of(&|n| {
            n.f32(292, 60.0);
        }),
        "up to 50.0 mm apart; the sform was used",
    );
    warned(
        &of(&|n| {
            n.f32(80, f32::NAN);
        }),
        "qform cannot be used",
    );
    warned(
        &of(&|n| {
            n.codes(0, 0);
        }),
        "no orientation",
    );
    warned(&of(&|n| n.header[123] = 5), "unit of length");
    let metres = of(&|n| n.header[123] = 1);
    assert_eq!(metres.grid().spacing_mm(), [1000.0, 2000.0, 3000.0]);
    warned(&of(&|n| n.voxels.extend([0; 9])), "9 bytes past its voxels");
    count_up(&of(&|n| {
        n.f32(108, 0.0);
    }));
    count_up(&of(&|n| {
        n.i16(40, 4);
    }));
    count_up(&of(&|n| {
        n.i16(40, 7);
    }));
    let slice = load(
        "a.nii",
        &nifti(|n| {
            n.i16(40, 2);
        }),
    )
    .unwrap();
    assert_eq!(slice.grid().size(), [6, 5, 1]);
}

#[test]
fn slope_rules() {
    let value = |slope: f32, inter: f32| {
        let volume = load(
            "a.nii",
            &nifti(|n| {
                n.f32(112, slope).f32(116, inter);
            }),
        )
        .unwrap();
        (volume.value([3, 0, 0]).unwrap(), volume.origin().warnings.len())
    };
    assert_eq!(value(2.0, -1.0), (5.0, 0));
    assert_eq!(value(0.0, -1.0), (3.0, 0));
    assert_eq!(value(f32::NAN, 0.0), (3.0, 1));
    assert_eq!(value(f32::INFINITY, 0.0), (3.0, 1));
}

#[test]
fn voxels_that_are_not_numbers_are_counted_and_kept() {
    let mut values: Vec<f32> = (0..120).map(|n| n as f32).collect();
    (values[7], values[30], values[119]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let bytes = nifti(|n| {
        n.datatype(16, 32);
        n.voxels = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    });
    let volume = load("a.nii", &bytes).unwrap();
    warned(&volume, "3 voxels are NaN or infinite");
    assert!(volume.value([1, 1, 0]).unwrap().is_nan());
}

#[test]
fn modality_and_quantity() {
    let read = |values: &[f32], modality: Option<Modality>| {
        let bytes = nifti(|n| {
            n.datatype(16, 32);
            n.voxels = values.iter().cycle().take(120).flat_map(|v| v.to_le_bytes()).collect();
        });
        let volume = load_with("a.nii", &bytes, &ReadOptions { modality, ..ReadOptions::default() }).unwrap();
        (volume.modality(), volume.quantity(), volume.origin().inferred, volume.origin().warnings.len())
    };
    use Modality::{Ct, Mr, Other, Pt};
    use Quantity::{Arbitrary, Hounsfield, SuvBw};
    assert_eq!(read(&[-1000.0, 40.0, 900.0], None), (Ct, Hounsfield, true, 0));
    assert_eq!(read(&[0.0, 400.0, 900.0], None), (Other, Arbitrary, true, 0));
    assert_eq!(read(&[-2.0, 0.0, 5.0], None), (Other, Arbitrary, true, 0));
    assert_eq!(read(&[0.0, 400.0, 900.0], Some(Mr)), (Mr, Arbitrary, false, 0));
    assert_eq!(read(&[0.0, 4.0, 9.0], Some(Pt)), (Pt, SuvBw, false, 1));
    assert_eq!(read(&[0.0, 4000.0, 90000.0], Some(Pt)), (Pt, Arbitrary, false, 1));
    assert_eq!(read(&[0.0, 1024.0, 3000.0], Some(Ct)), (Ct, Hounsfield, false, 1));
    assert_eq!(read(&[-1000.0, 40.0], Some(Ct)), (Ct, Hounsfield, false, 0));
}

#[test]
fn label_map_of_zeros_that_shrinks_a_thousandfold() {
    let mut file = Nifti::new([400, 400, 300]);
    file.datatype(2, 8);
    file.voxels = vec![0; 48_000_000];
    let bytes = gz(&file.bytes());
    assert!(bytes.len() < 60_000);
    assert_eq!(load("mask.nii.gz", &bytes).unwrap().grid().size(), [400, 400, 300]);
}

#[test]
fn real_lesions_if_present() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/labelled");
    let Ok(cases) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: the labelled cases are not on this machine");
        return;
    };
    let mut seen = 0;
    for case in cases.flatten() {
        let name = case.file_name().to_string_lossy().into_owned();
        let image = read(&case.path().join("image.nii.gz"), &ReadOptions::default()).unwrap();
        let mask = read(&case.path().join("mask.nii.gz"), &ReadOptions::default()).unwrap();
        assert_eq!(image.grid().size(), mask.grid().size(), "{name}");
        let about = std::fs::read_to_string(case.path().join("meta.json")).unwrap();
        assert_eq!(image.modality() == Modality::Ct, about.contains(r#""modality": "CT""#), "{name}");
        assert_ne!(mask.modality(), Modality::Ct, "{name}");
        seen += 1;
    }
    assert!(seen > 0);
}
