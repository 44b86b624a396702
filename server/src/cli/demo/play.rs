//! Playing one lesion: which slice the reader looks at next, and what came of each click.

use super::reader::{Reader, slices_near};
use crate::client::{Answer, RemoteSession, Slice};
use isochrone_prompt::Click;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// Slices without an error that a reader looks at before giving up.
const PATIENCE: usize = 200;

/// How a reader chooses where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// At the slice the server proposes.
    Proposed,
    /// At a random slice through or near the mask.
    Random(u64),
    /// Everywhere at once: the largest error of the whole volume.
    Anywhere,
}

impl Way {
    /// For tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Random(_) => "random",
            Self::Anywhere => "anywhere",
        }
    }
}

/// One click and what came of it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// From 1.
    pub number: usize,
    /// The slice on which it was made; `None` where the reader saw the whole volume.
    pub slice: Option<Slice>,
    /// Slices looked at since the last click, this one included.
    pub looked_at: usize,
    /// The click.
    pub click: Click,
    /// Overlap with the truth afterwards.
    pub dice: f64,
    /// Volume of the mask afterwards.
    pub volume_ml: f64,
    /// SHA-256 of the mask afterwards.
    pub digest: [u8; 32],
    /// The server's answer.
    pub answer: Answer,
}

/// Where the reader looks next, and where they have looked.
struct Gaze {
    way: Way,
    queue: VecDeque<Slice>,
    rng: ChaCha8Rng,
    samples: u32,
}

/// Lets a reader click until `clicks` are made or they find nothing more to correct; `after` each click it
/// is handed the session and all turns so far.
///
/// # Errors
/// The server refuses something, or its mask is not the one we put together.
pub async fn play(
    session: &mut RemoteSession,
    reader: &Reader<'_>,
    way: Way,
    clicks: usize,
    samples: u32,
    mut after: impl AsyncFnMut(&mut RemoteSession, &[Turn]) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Turn>> {
    let seed = if let Way::Random(seed) = way { seed } else { 0 };
    let samples = if way == Way::Proposed { samples } else { 0 };
    let mut gaze = Gaze { way, queue: VecDeque::new(), rng: ChaCha8Rng::seed_from_u64(seed), samples };
    let mut turns: Vec<Turn> = Vec::new();
    for number in 1..=clicks {
        let found = match number {
            1 => reader.first()?.map(|click| (click, None, 0)),
            _ => gaze.next(session, reader).await?,
        };
        let Some((click, slice, looked_at)) = found else { break };
        let answer = session.click(click, samples).await?;
        gaze.queue = answer.proposals.iter().copied().collect();
        let mask = session.mask();
        let turn = Turn {
            number,
            slice,
            looked_at,
            click,
            dice: reader.dice(mask)?,
            volume_ml: mask.volume_ml(),
            digest: mask.digest(),
            answer,
        };
        turns.push(turn);
        after(session, &turns).await?;
    }
    Ok(turns)
}

type Found = Option<(Click, Option<Slice>, usize)>;

impl Gaze {
    async fn next(&mut self, session: &mut RemoteSession, reader: &Reader<'_>) -> anyhow::Result<Found> {
        if self.way == Way::Anywhere {
            return Ok(reader.anywhere(session.mask())?.map(|click| (click, None, 0)));
        }
        if let Way::Random(_) = self.way {
            self.queue = slices_near(session.mask(), &mut self.rng).into();
        }
        for looked_at in 1..=PATIENCE {
            if self.queue.is_empty() && self.way == Way::Proposed {
                self.queue = session.propose(0, &[], self.samples).await?.into();
            }
            let Some(slice) = self.queue.pop_front() else { break };
            if let Some(click) = reader.on_slice(session.mask(), slice.axis, slice.index)? {
                return Ok(Some((click, Some(slice), looked_at)));
            }
            if self.way == Way::Proposed {
                session.accept(&slice).await?;
            }
        }
        Ok(None)
    }
}

/// Dice after click `number`; a reader who stopped early keeps their last.
pub fn dice_after(turns: &[Turn], number: usize) -> f64 {
    turns.iter().take(number).next_back().map_or(0.0, |t| t.dice)
}
