//! Cut at every byte, every byte changed: never a panic, never a record that was not written, and no record lost
//! without a word.

use isochrone_journal::{Journal, JournalError, read};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

fn written(records: &[Vec<u8>]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.journal");
    let mut journal = Journal::create(&path, &records[0]).unwrap();
    for record in &records[1..] {
        journal.append(record).unwrap();
    }
    (folder, path)
}

fn some() -> Vec<Vec<u8>> {
    // One that is empty, one that looks like a record, one that is long.
    vec![
        b"head".to_vec(),
        Vec::new(),
        b"ISOR\x04\0\0\0junkjunk".to_vec(),
        (0..=255).cycle().take(700).collect(),
        vec![0; 40],
    ]
}

#[test]
fn cut_at_every_byte() {
    let records = some();
    let (folder, path) = written(&records);
    let good = fs::read(&path).unwrap();
    assert_eq!(read(&path).unwrap().records, records);
    let cut = folder.path().join("cut.journal");
    let mut last = 0;
    for n in 0..good.len() {
        fs::write(&cut, &good[..n]).unwrap();
        let found = match read(&cut) {
            Ok(found) => found,
            Err(_) => {
                assert!(n < 8);
                continue;
            }
        };
        assert_eq!(found.records, records[..found.records.len()]);
        assert!(found.records.len() >= last && found.damaged_after.is_none(), "a cut is a torn end, at {n}");
        last = found.records.len();
        // It goes on from there, and what was torn does not come back.
        let (mut journal, _) = Journal::open(&cut).unwrap();
        journal.append(b"next").unwrap();
        let again = read(&cut).unwrap();
        assert_eq!(
            (again.records.last().unwrap().as_slice(), again.records.len(), again.torn),
            (&b"next"[..], last + 1, 0)
        );
    }
    assert_eq!(last, records.len() - 1);
}

#[test]
fn every_byte_changed() {
    let records = some();
    let (folder, path) = written(&records);
    let good = fs::read(&path).unwrap();
    let bad = folder.path().join("bad.journal");
    for n in 0..good.len() {
        for flip in [1u8, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[n] ^= flip;
            fs::write(&bad, &bytes).unwrap();
            match read(&bad) {
                Err(e) => assert!(n < 8 && matches!(e, JournalError::NotAJournal), "{n}: {e}"),
                Ok(found) => {
                    let kept = found.records.len();
                    assert!(kept < records.len(), "byte {n}: a change that nobody notices");
                    assert_eq!(found.records, records[..kept]);
                    // Either damage is named, or (the last record's length) bytes are counted as torn.
                    assert!(found.damaged_after == Some(kept) || found.torn > 0, "byte {n}");
                    if kept + 1 < records.len() {
                        assert_eq!(found.damaged_after, Some(kept), "byte {n}: damage in the middle is named");
                    }
                }
            }
        }
    }
}

#[test]
fn damage_is_kept_beside_and_the_rest_goes_on() {
    let records = some();
    let (_folder, path) = written(&records);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let (mut journal, found) = Journal::open(&path).unwrap();
    let kept = found.damaged_after.unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Busy)), "one writer");
    journal.append(b"after").unwrap();
    assert_eq!(read(&path).unwrap().records, [&records[..kept], &[b"after".to_vec()]].concat());
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes);
}

#[test]
fn records_out_of_their_places() {
    let (_a, one) = written(&some());
    let (_b, other) = written(&[b"other".to_vec(), b"x".to_vec(), b"y".to_vec()]);
    // The end of one journal behind the beginning of another: every record whole, the chain broken.
    let (a, b) = (fs::read(&one).unwrap(), fs::read(&other).unwrap());
    let first = 8 + 12 + 4 + 32;
    let mixed = [&a[..first], &b[8 + 12 + 5 + 32..]].concat();
    fs::write(&other, mixed).unwrap();
    let found = read(&other).unwrap();
    assert_eq!((found.records.len(), found.damaged_after), (1, Some(1)));
    assert!(matches!(Journal::create(&one, b""), Err(JournalError::Disk(_))), "never over another");
}

/// A tmpfs of 64 KB needs root; elsewhere the same is shown with a limit on the file's size.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_refuses_and_takes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder.path())
        .output()
        .is_ok_and(|o| o.status.success());
    if !mounted {
        eprintln!("passed over: mounting a small tmpfs is not allowed here");
        return;
    }
    let path = folder.path().join("session.journal");
    let outcome = std::panic::catch_unwind(|| {
        let mut journal = Journal::create(&path, b"head").unwrap();
        let mut kept = 1;
        let error = loop {
            match journal.append(&vec![7; 10_000]) {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
            assert!(kept < 20, "64 KB hold no 200");
        };
        assert!(matches!(error, JournalError::Full), "{error}");
        assert!(error.to_string().contains("not saved"), "{error}");
        let found = read(&path).unwrap();
        assert_eq!((found.records.len(), found.torn, found.damaged_after), (kept, 0, None));
        // Once there is room again, it goes on.
        journal.append(b"small").unwrap();
        assert_eq!(read(&path).unwrap().records.len(), kept + 1);
    });
    let _ = std::process::Command::new("umount").arg(folder.path()).status();
    outcome.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), front in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.journal");
        let bytes = if front { [b"ISOJRNL2ISOR".as_slice(), &bytes].concat() } else { bytes };
        fs::write(&path, &bytes).unwrap();
        if let Ok(found) = read(&path) {
            prop_assert!(found.records.is_empty());
        }
    }
}

/// A child shares every descriptor from its fork until its program runs; the lock must not wait for that.
#[cfg(unix)]
#[test]
fn children_do_not_keep_the_lock() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("j");
    drop(Journal::create(&path, b"first").unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::process::Command::new("/bin/true").status().unwrap();
                }
            });
        }
        let opened = (0..300).try_for_each(|_| Journal::open(&path).map(drop));
        done.store(true, Ordering::Relaxed);
        opened.unwrap();
    });
}
