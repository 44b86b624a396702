//! What happens to a session whose journal fails, or is not what it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{label, mask, positive, session};
use isochrone_session::{Keeper, SessionError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Disk {
    full: Arc<AtomicBool>,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Keeper for Disk {
    fn keep(&mut self, record: &[u8]) -> Result<(), String> {
        if self.full.load(Ordering::Relaxed) {
            return Err("The disk is full".to_owned());
        }
        self.records.lock().unwrap().push(record.to_vec());
        Ok(())
    }
}

#[test]
fn what_cannot_be_kept_is_not_done() {
    let disk = Disk::default();
    let mut session = session().kept_by(Box::new(disk.clone()));
    let lesion = label(&mut session, "lesion");
    let first = positive(&mut session, lesion, [10, 10, 10]);
    positive(&mut session, lesion, [25, 20, 10]);
    session.undo().unwrap();
    let (before, revision) = (mask(&session, lesion), session.revision());
    disk.full.store(true, Ordering::Relaxed);
    let point = common::click(&session, [30, 30, 15], isochrone_prompt::Polarity::Positive);
    let refused = [
        session.add_prompts(lesion, vec![point], "").map(drop),
        session.undo().map(drop),
        session.redo().map(drop),
        session.remove_prompt(first).map(drop),
        session.add_label("another").map(drop),
    ];
    for result in refused {
        assert!(matches!(result, Err(SessionError::NotKept(text)) if text == "The disk is full"));
    }
    assert_eq!((mask(&session, lesion), session.revision(), session.undo_depth()), (before, revision, (2, 1)));
    // Once there is room again, it goes on, with the numbers that come next.
    disk.full.store(false, Ordering::Relaxed);
    assert_eq!(positive(&mut session, lesion, [30, 30, 15]), 3);
    let again = common::session().resumed(&disk.records.lock().unwrap()).unwrap();
    assert_eq!(mask(&again, lesion), mask(&session, lesion));
}

#[test]
fn any_bytes_are_no_panic() {
    let disk = Disk::default();
    let mut session = session().kept_by(Box::new(disk.clone()));
    let lesion = label(&mut session, "lesion");
    positive(&mut session, lesion, [10, 10, 10]);
    let records = disk.records.lock().unwrap().clone();
    for (n, record) in records.iter().enumerate() {
        for at in 0..record.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut bent = records.clone();
                bent[n][at] ^= bits;
                // The journal's hashes find such a thing earlier; if they did not, it is still no panic.
                drop(common::session().resumed(&bent));
            }
            let mut cut = records.clone();
            cut[n].truncate(at);
            assert!(common::session().resumed(&cut).is_err(), "record {n} cut at {at}");
        }
    }
}

/// The journal's file cut at every byte, and with every byte changed: the session is one that was acknowledged, and
/// where that is not the newest one, it is said.
#[test]
fn every_cut_and_every_changed_byte_of_the_file() {
    let disk = Disk::default();
    let mut session = session().kept_by(Box::new(disk.clone()));
    let lesion = label(&mut session, "lesion");
    let mut masks = vec![None, Some(mask(&session, lesion))];
    for voxel in [[10, 10, 10], [25, 20, 10], [12, 12, 8]] {
        positive(&mut session, lesion, voxel);
        masks.push(Some(mask(&session, lesion)));
    }
    session.undo().unwrap();
    masks.push(Some(mask(&session, lesion)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.journal");
    let mut journal = isochrone_journal::Journal::create(&path, b"head").unwrap();
    disk.records.lock().unwrap().iter().for_each(|record| journal.append(record).unwrap());
    drop(journal);
    let good = std::fs::read(&path).unwrap();
    let check = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let Ok(found) = isochrone_journal::read(&path) else { return };
        let Some((_, changes)) = found.records.split_first() else { return };
        let again = common::session().resumed(changes).unwrap();
        let expected = &masks[changes.len()];
        assert_eq!(again.mask(lesion).ok().map(|_| mask(&again, lesion)), *expected, "{what}");
        if changes.len() < masks.len() - 1 && bytes.len() == good.len() {
            assert!(found.damaged_after.is_some() || found.torn > 0, "{what}: nobody was told");
        }
        assert!(bytes.len() < good.len() || changes.len() < masks.len() - 1, "{what}: nobody noticed");
    };
    for at in 0..good.len() {
        check(&good[..at], &format!("cut at {at}"));
        let mut bent = good.clone();
        bent[at] ^= 0x01;
        check(&bent, &format!("byte {at} changed"));
        bent[at] ^= 0xff;
        check(&bent, &format!("byte {at} changed much"));
    }
}
