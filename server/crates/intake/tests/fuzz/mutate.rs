//! Damage to good files, again and again until time is up.
//!
//! `ISOCHRONE_FUZZ_SECONDS` says for how long (default 60; before a release, a day), `ISOCHRONE_FUZZ_SEED` with what to
//! begin. What brought a parser down lies in `target/tmp/fuzz-…`, under the seed that the message names.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Real files nest a few sequences deep, and the decoding child has as much.
const STACK_BYTES: usize = 64 << 20;
/// One input may take this long, on a machine that does much else.
const SLOWEST: Duration = Duration::from_secs(5);
/// Numbers at which lengths and counts break.
const EDGES: [u32; 12] = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF];

/// A parser: its name, good inputs, and what takes one (the bytes, and the file in which they lie).
pub struct Target<'a> {
    pub name: &'a str,
    pub good: Vec<Vec<u8>>,
    pub take: &'a (dyn Fn(&[u8], &Path) + Sync),
}

/// Runs all targets side by side.
pub fn run(targets: &[Target<'_>]) {
    let setting = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let end = Instant::now() + Duration::from_secs(setting("ISOCHRONE_FUZZ_SECONDS").unwrap_or(60));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = setting("ISOCHRONE_FUZZ_SEED").unwrap_or(now);
    std::panic::set_hook(Box::new(|_| ()));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let begun = targets.iter().map(|target| {
            let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, move || one(target, seed, end)).unwrap()
        });
        let begun: Vec<_> = begun.collect();
        begun.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    let _ = std::panic::take_hook();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is wrong with the parser, if anything.
fn one(target: &Target<'_>, first: u64, end: Instant) -> Option<String> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    let mut seed = first;
    let mut inputs = 0u64;
    while Instant::now() < end {
        let mut random = Random(seed);
        let good = &target.good[random.below(target.good.len())];
        let bytes = if inputs == 0 { good.clone() } else { random.damaged(good) };
        // A stack that overflows ends the process: the file is there then, too.
        std::fs::write(&place, &bytes).unwrap();
        let begun = Instant::now();
        let name = target.name;
        if catch_unwind(AssertUnwindSafe(|| (target.take)(&bytes, &place))).is_err() {
            return Some(format!("{name}: it panicked at seed {seed}; the input is kept in {}", place.display()));
        }
        if begun.elapsed() > SLOWEST {
            return Some(format!(
                "{name}: {:?} at seed {seed}; the input is kept in {}",
                begun.elapsed(),
                place.display()
            ));
        }
        (seed, inputs) = (seed.wrapping_add(1), inputs + 1);
    }
    println!("{}: {inputs} inputs from seed {first}", target.name);
    (inputs < 50).then(|| format!("{}: only {inputs} inputs", target.name))
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn damaged(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(6) {
            self.damage(&mut bytes);
        }
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        // Headers come first, and matter most.
        let reach = if self.below(3) == 0 { bytes.len() } else { bytes.len().min(512) };
        let at = self.below(reach);
        let some = self.below(24).min(bytes.len().saturating_sub(at));
        match self.below(10) {
            0..=2 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = self.next() as u8),
            3 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << self.below(8)),
            4 | 5 => {
                let edge = EDGES[self.below(EDGES.len())];
                let word = if self.below(4) == 0 { edge.to_be_bytes() } else { edge.to_le_bytes() };
                let width = [1, 2, 4][self.below(3)];
                bytes.iter_mut().skip(at).zip(&word[..width]).for_each(|(b, w)| *b = *w);
            }
            6 => drop(bytes.drain(at..at + some)),
            7 => {
                let copy = bytes[at..at + some].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            8 => {
                let noise: Vec<u8> = (0..some).map(|_| self.next() as u8).collect();
                bytes.splice(at..at, noise);
            }
            _ => {
                if self.below(3) == 0 {
                    bytes.truncate(at);
                }
            }
        }
    }
}
