use crate::SegmentError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells work that nobody waits for it any more, or that it has taken as long as it may. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    /// When the work has to be done.
    until: Option<Instant>,
    /// Flags that stop this work too.
    parents: Vec<Cancel>,
}

impl Cancel {
    /// A flag that is not set, without a time limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag for work that begins now, may take `limit`, and ends with any of `parents`.
    #[must_use]
    pub fn within(limit: Duration, parents: Vec<Self>) -> Self {
        Self(Arc::new(Inner { set: AtomicBool::new(false), until: Instant::now().checked_add(limit), parents }))
    }

    /// Asks the work to stop; it does so at its next check (one forward pass at most).
    pub fn cancel(&self) {
        self.0.set.store(true, Ordering::Relaxed);
    }

    /// True once the work should stop: it was asked to, or its time is up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.set.load(Ordering::Relaxed) || self.is_late() || self.0.parents.iter().any(Self::is_cancelled)
    }

    /// True once the work's time is up.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.0.until.is_some_and(|until| Instant::now() >= until)
    }

    /// # Errors
    /// [`SegmentError::TooLong`] once the time is up, [`SegmentError::Cancelled`] once the flag is set.
    pub fn check(&self) -> Result<(), SegmentError> {
        match (self.is_late(), self.is_cancelled()) {
            (true, _) => Err(SegmentError::TooLong),
            (_, true) => Err(SegmentError::Cancelled),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_with_its_parents_and_its_time() {
        let parents = [Cancel::new(), Cancel::new()];
        let work = Cancel::within(Duration::from_secs(60), parents.to_vec());
        assert!(work.check().is_ok() && !work.is_cancelled());
        parents[1].cancel();
        assert!(matches!(work.check(), Err(SegmentError::Cancelled)));
        assert!(parents[0].check().is_ok(), "a parent goes on");
        let late = Cancel::within(Duration::ZERO, Vec::new());
        assert!(matches!(late.check(), Err(SegmentError::TooLong)) && late.is_cancelled());
    }
}
