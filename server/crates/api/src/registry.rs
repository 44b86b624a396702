use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things by their random ids, up to a number.
pub(crate) struct Registry<T> {
    held: Mutex<BTreeMap<String, T>>,
    capacity: usize,
}

impl<T: Clone> Registry<T> {
    pub fn new(capacity: usize) -> Self {
        Self { held: Mutex::default(), capacity }
    }

    /// Puts a thing in under its id; false if there is no room.
    pub fn insert(&self, id: &str, thing: T) -> bool {
        let mut held = self.lock();
        let room = held.len() < self.capacity;
        if room {
            held.insert(id.to_owned(), thing);
        }
        room
    }

    pub fn get(&self, id: &str) -> Option<T> {
        self.lock().get(id).cloned()
    }

    pub fn remove(&self, id: &str) -> Option<T> {
        self.lock().remove(id)
    }

    pub fn all(&self) -> Vec<T> {
        self.lock().values().cloned().collect()
    }

    /// Drops what does not pass.
    pub fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.lock().retain(|_, thing| keep(thing));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
