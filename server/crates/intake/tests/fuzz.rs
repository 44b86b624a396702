//! Random damage to good files: an answer, quickly, and never a panic.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{gz, load, nifti, nifti2, nrrd, nrrd_gz};
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn good() -> Vec<Vec<u8>> {
    // The last is packed after the damage, so that its checksum is right.
    vec![nifti(|_| ()), gz(&nifti(|_| ())), nifti2(|_| ()), nrrd(|_| ()), nrrd_gz(), nifti(|_| ())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files(
        which in 0usize..6,
        writes in prop::collection::vec((0.0f64..1.0, any::<u8>()), 1..8),
        cut in prop::option::of(0.0f64..1.0),
    ) {
        let mut bytes = good()[which].clone();
        for (at, value) in writes {
            let at = (bytes.len() as f64 * at) as usize;
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((bytes.len() as f64 * cut) as usize);
        }
        if which == 5 {
            bytes = gz(&bytes);
        }
        let started = Instant::now();
        let _ = load("damaged", &bytes);
        prop_assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn nrrd_headers_of_any_text(text in "(NRRD000[1-5]\n)((type|sizes|dimension|space directions|space origin|spacings|kinds|encoding|endian|data file|space|byte skip|line skip): [ -~]{0,30}\n){0,14}\n") {
        let _ = load("text.nrrd", text.as_bytes());
    }
}
