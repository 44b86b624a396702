use crate::gate::call::Call;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things by their random ids, up to a number in all and a number for each owner.
///
/// Who asks is known from [`Call::current`]: whatever is looked up here is had only by those who may have it,
/// and what belongs to somebody else is not told from what is not there.
pub(crate) struct Registry<T> {
    /// What the trail calls the things.
    what: &'static str,
    held: Mutex<BTreeMap<String, Owned<T>>>,
    capacity: usize,
    each: usize,
}

struct Owned<T> {
    owner: String,
    /// Others who may look at it.
    viewers: BTreeSet<String>,
    thing: T,
}

impl<T: Clone> Registry<T> {
    /// Room for `capacity` things, `each` of them for one owner.
    pub fn new(what: &'static str, capacity: usize, each: usize) -> Self {
        Self { what, held: Mutex::default(), capacity, each }
    }

    /// Puts a thing in under its id, for whoever asks; false if there is no room.
    pub fn insert(&self, id: &str, thing: T) -> bool {
        let owner = Call::current().identity.account.clone();
        self.insert_for(owner, id, thing)
    }

    /// The same for somebody else.
    pub fn insert_for(&self, owner: String, id: &str, thing: T) -> bool {
        let mut held = self.lock();
        let room = held.len() < self.capacity && held.values().filter(|o| o.owner == owner).count() < self.each;
        if room {
            held.insert(id.to_owned(), Owned { owner, viewers: BTreeSet::new(), thing });
            Call::current().note(self.what, id, true);
        }
        room
    }

    /// Whether it is there, whosever it is: never to be told to anybody.
    pub fn holds(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// Who may look at a thing beside its owner.
    pub fn viewers(&self, id: &str) -> BTreeSet<String> {
        self.lock().get(id).map(|o| o.viewers.clone()).unwrap_or_default()
    }

    /// Says who may; whoever asks must have been given the thing itself, to change it.
    pub fn show_to(&self, id: &str, viewers: BTreeSet<String>) {
        if let Some(owned) = self.lock().get_mut(id) {
            owned.viewers = viewers;
        }
    }

    /// Things of others that whoever asks was granted a look at.
    pub fn granted(&self) -> Vec<T> {
        let call = Call::current();
        self.lock().values().filter(|o| call.may_look(&o.viewers)).map(|o| o.thing.clone()).collect()
    }

    /// A thing, whosever it is: for those who may have it for another reason.
    pub fn held(&self, id: &str) -> Option<T> {
        self.lock().get(id).map(|o| o.thing.clone())
    }

    /// A thing, for those who may have it.
    pub fn get(&self, id: &str) -> Option<T> {
        let held = self.lock();
        if self.allowed(&held, id) { held.get(id).map(|o| o.thing.clone()) } else { None }
    }

    /// Takes a thing away, for those who may.
    pub fn remove(&self, id: &str) -> Option<T> {
        let mut held = self.lock();
        if self.allowed(&held, id) { held.remove(id).map(|o| o.thing) } else { None }
    }

    /// All things that whoever asks may have.
    pub fn all(&self) -> Vec<T> {
        let call = Call::current();
        let may = |o: &&Owned<T>| call.may(&o.owner) || call.may_look(&o.viewers);
        self.lock().values().filter(may).map(|o| o.thing.clone()).collect()
    }

    /// All things of all owners, for the server's own housekeeping: never to be told to anybody.
    pub fn everything(&self) -> Vec<T> {
        self.lock().values().map(|o| o.thing.clone()).collect()
    }

    /// Whether there is no room for one more of an owner's: `Some(true)` if the owner has as many as one may,
    /// `Some(false)` if all have.
    pub fn full_for(&self, owner: &str) -> Option<bool> {
        let held = self.lock();
        if held.values().filter(|o| o.owner == owner).count() >= self.each {
            return Some(true);
        }
        (held.len() >= self.capacity).then_some(false)
    }

    /// Takes the thing away that comes first in an order, of one owner's or of all; those without a place in it stay.
    /// For the server's own housekeeping.
    pub fn take_first<O: Ord>(&self, owner: Option<&str>, order: impl Fn(&T) -> Option<O>) -> Option<T> {
        let mut held = self.lock();
        let theirs = held.iter().filter(|(_, o)| owner.is_none_or(|owner| o.owner == owner));
        let first = theirs.filter_map(|(id, o)| Some((order(&o.thing)?, id.clone()))).min();
        let (_, id) = first?;
        held.remove(&id).map(|o| o.thing)
    }

    /// Takes a thing away, whosever it is: for the server's own housekeeping.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// All things of one owner, for the server's own housekeeping.
    pub fn of(&self, owner: &str) -> Vec<T> {
        self.lock().values().filter(|o| o.owner == owner).map(|o| o.thing.clone()).collect()
    }

    /// Drops what does not pass, whosever it is.
    pub fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.lock().retain(|_, owned| keep(&owned.thing));
    }

    fn allowed(&self, held: &BTreeMap<String, Owned<T>>, id: &str) -> bool {
        let Some(owned) = held.get(id) else { return false };
        let call = Call::current();
        let may = call.may(&owned.owner) || call.may_look(&owned.viewers);
        call.note(self.what, id, may);
        may
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Owned<T>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
