//! Requests of one session go one after the other; each can say how many are before it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Those that wait for a session or work on it, in the order of their coming.
#[derive(Default)]
pub(crate) struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    numbers: VecDeque<u64>,
    came: u64,
}

/// A place in it, given up when dropped.
pub(crate) struct Place {
    line: Arc<Line>,
    number: u64,
}

impl Line {
    /// The last place.
    pub fn join(self: &Arc<Self>) -> Place {
        let mut waiting = self.lock();
        waiting.came += 1;
        let number = waiting.came;
        waiting.numbers.push_back(number);
        Place { line: self.clone(), number }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Requests before this one.
    pub fn ahead(&self) -> usize {
        self.line.lock().numbers.iter().take_while(|n| **n != self.number).count()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.lock().numbers.retain(|n| *n != self.number);
    }
}
