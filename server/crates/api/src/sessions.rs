//! Sessions by their ids, each behind its own lock.

use crate::follow_up::CancelOnDrop;
use crate::gate::call::Call;
use crate::house::HeldVolume;
use crate::ids::random_id;
use crate::line::Line;
use crate::vault::Comeback;
use crate::{ApiError, House, v1};
use isochrone_segment::{Cancel, Channel, Segmenter, configured};
use isochrone_session::{Session, SessionError};
use isochrone_trust::name_of_account;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A session, and what never changes of it.
pub(crate) struct Slot {
    pub id: String,
    pub volume_ids: Vec<String>,
    pub engine: v1::Engine,
    /// The engine itself: where it runs may change.
    running: Arc<dyn Segmenter>,
    pub seed: u64,
    /// How it came back, for the reader; empty if this process opened it.
    pub notice: String,
    /// When it was asked for last.
    used: std::sync::Mutex<Instant>,
    /// Those who wait for it.
    pub line: Arc<Line>,
    /// Held while it is decided who may look.
    sharing: Mutex<()>,
    /// Set once it is closed: work on it ends.
    pub closed: Cancel,
    /// First come, first served.
    pub session: Arc<Mutex<Session>>,
}

impl Slot {
    /// Somebody asks for it.
    pub fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Since when it is idle; `None` while it is in use. The registry alone may hold it meanwhile.
    fn idle_since(self: &Arc<Self>) -> Option<Instant> {
        let alone = Arc::strong_count(self) == 1 && Arc::strong_count(&self.session) == 1;
        alone.then(|| *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who answers now.
    pub fn provenance(&self) -> v1::Provenance {
        let engine = v1::Engine { device: self.running.describe().device, ..self.engine.clone() };
        crate::convert::provenance(&engine, self.seed)
    }
}

/// What a session is opened with.
struct Opening {
    volume_ids: Vec<String>,
    engine: v1::Engine,
    running: Arc<dyn Segmenter>,
    seed: u64,
}

impl Opening {
    fn slot(self, id: String, session: Session, notice: String) -> Arc<Slot> {
        let Self { volume_ids, engine, running, seed } = self;
        let (line, session) = (Arc::default(), Arc::new(Mutex::new(session)));
        Arc::new(Slot {
            id,
            volume_ids,
            engine,
            running,
            seed,
            notice,
            used: Instant::now().into(),
            line,
            closed: Cancel::new(),
            sharing: Mutex::default(),
            session,
        })
    }
}

/// The account of a user by name.
fn account(user: String) -> Result<String, ApiError> {
    let Some(directory) = Call::current().directory.clone() else { return Ok(user) };
    match directory.account(&user) {
        Ok(Some(account)) => Ok(account),
        // A log-in service's users have no account here.
        Ok(None) if isochrone_trust::is_of_log_in_service(&user) => Ok(user),
        Ok(None) => Err(ApiError::field("user", "no account has this name; ask the server's administrator")),
        Err(_) => Err(ApiError::Broken("it cannot read its list of users")),
    }
}

fn full() -> ApiError {
    ApiError::Full(
        "As many sessions as the server holds are open. Close one that is no longer needed, then try again".to_owned(),
    )
}

impl House {
    /// Opens a session on volumes of this server.
    pub(crate) async fn open_session(&self, mut request: v1::OpenSessionRequest) -> Result<Arc<Slot>, ApiError> {
        let id = random_id();
        crate::convert::at_most("volume_ids", &request.volume_ids, self.limits.channels)?;
        if request.volume_ids.is_empty() {
            return Err(ApiError::field("volume_ids", "empty; name at least one volume"));
        }
        let held = self.channels(&request.volume_ids)?;
        let (opening, mut session) = self.opened(&request, &held).await?;
        if let Some(vault) = self.vault.clone() {
            // By its name, whatever the default is when it comes back.
            request.engine = opening.engine.name.clone();
            let id = id.clone();
            session = self.run(move || Ok(session.kept_by(Box::new(vault.begin(&id, &request, &held)?)))).await?;
        }
        let slot = opening.slot(id, session, String::new());
        self.make_room(&Call::current().identity.account, &slot.volume_ids);
        let taken_in = {
            let _still = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
            let there = self.channels(&slot.volume_ids).map(drop);
            there.and_then(|()| if self.sessions.insert(&slot.id, slot.clone()) { Ok(()) } else { Err(full()) })
        };
        if let (Err(_), Some(vault)) = (&taken_in, &self.vault) {
            vault.delete(&slot.id)?;
        }
        taken_in.map(|()| slot)
    }

    /// Goes on with a session that an earlier process left behind; `None` if there is none of this id for whoever
    /// asks.
    pub(crate) async fn come_back(&self, id: &str) -> Result<Option<Arc<Slot>>, ApiError> {
        let Some(vault) = self.vault.clone() else { return Ok(None) };
        // What is not there at all costs neither a lock nor a job.
        if !vault.holds(id) {
            return Ok(None);
        }
        let _one = self.coming_back.lock(id).await;
        if self.sessions.holds(id) {
            return Ok(self.sessions.get(id));
        }
        let name = id.to_owned();
        let Some(found) = self.run(move || vault.comeback(&name)).await? else { return Ok(None) };
        let Comeback { owner, viewers, request, volumes, records, keeper, notice } = found;
        self.make_room(&owner, &request.volume_ids);
        for held in &volumes {
            let _moving = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.volumes.holds(&held.id) && !self.volumes.insert_for(owner.clone(), &held.id, held.clone()) {
                return Err(full());
            }
        }
        let (opening, session) = self.opened(&request, &volumes).await?;
        let session = self.run(move || Ok(session.resumed(&records)?.kept_by(Box::new(keeper)))).await?;
        let slot = opening.slot(id.to_owned(), session, notice);
        if !self.sessions.insert_for(owner, id, slot.clone()) {
            return Err(full());
        }
        self.sessions.show_to(id, viewers);
        Ok(Some(slot))
    }

    /// Puts the session to rest that was idle for longest, if it takes the place of another one of this owner's. It
    /// comes back from its journal at the next request for it. Its images go with it, but for those that are needed.
    fn make_room(&self, owner: &str, needed: &[String]) {
        if self.vault.is_none() {
            return;
        }
        let _moving = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(full) = self.sessions.full_for(owner) {
            let idle = |slot: &Arc<Slot>| slot.idle_since();
            let Some(rested) = self.sessions.take_first(full.then_some(owner), idle) else { return };
            tracing::debug!("an idle session was put to rest");
            let used = self.sessions.everything();
            let idle = |id: &&String| !needed.contains(id) && !used.iter().any(|s| s.volume_ids.contains(id));
            rested.volume_ids.iter().filter(idle).for_each(|id| self.volumes.forget(id));
        }
    }

    fn channels(&self, volume_ids: &[String]) -> Result<Vec<HeldVolume>, ApiError> {
        volume_ids.iter().map(|id| self.volume(id)).collect()
    }

    /// A session as a request would have it on these volumes, without any step yet.
    async fn opened(
        &self,
        request: &v1::OpenSessionRequest,
        volumes: &[HeldVolume],
    ) -> Result<(Opening, Session), ApiError> {
        let v1::OpenSessionRequest { volume_ids, engine, seed, overlap, engine_parameters } = request.clone();
        let overlap = crate::convert::overlap(overlap)?.unwrap_or_default();
        let channels: Vec<_> = volumes.iter().map(|v| Channel { volume: v.volume.clone() }).collect();
        let mut entry = self.engines.by_name(&engine)?.clone();
        entry.engine = configured(&entry.engine, &engine_parameters.into_iter().collect())?;
        let opening = Opening { volume_ids, engine: entry.describe(), running: entry.engine.clone(), seed };
        let limits = self.limits.session;
        let open = move || Ok(Session::open(entry.engine, &channels, seed, limits)?.with_overlap(overlap));
        Ok((opening, self.run(open).await?))
    }

    /// Ends a session for good, and the work on it: what was kept of it is deleted.
    pub(crate) async fn close_session(&self, id: &str) -> Result<(), ApiError> {
        let open = self.sessions.remove(id);
        let at_rest = open.is_none() && self.vault.as_ref().is_some_and(|vault| vault.at_rest(id).is_some());
        if open.is_none() && !at_rest {
            return Err(ApiError::Unknown("session", "Open a session again"));
        }
        if let Some(slot) = open {
            slot.closed.cancel();
            slot.session.lock().await.abandon();
        }
        let Some(vault) = self.vault.clone() else { return Ok(()) };
        let id = id.to_owned();
        let swept = move || {
            // One at rest need not be readable to be deleted.
            if at_rest {
                vault.delete_at_rest(&id)?
            } else {
                vault.delete(&id)?
            };
            // A neighbour's damaged journal keeps all images, and is no fault of this request.
            if let Err(error) = vault.sweep() {
                tracing::warn!("images that nobody needs were not deleted: {error}");
            }
            Ok(())
        };
        self.run(swept).await
    }

    /// Lets another user look at a session, or no longer. Only those who may change it may.
    pub(crate) async fn show(&self, id: &str, user: String, may_look: bool) -> Result<v1::Viewers, ApiError> {
        isochrone_trust::check_user(&user).map_err(|e| ApiError::field("user", e.to_string()))?;
        let slot = self.session(id).await?;
        Call::current().note("viewer", &user, true);
        let _one = slot.sharing.lock().await;
        let mut viewers = self.sessions.viewers(id);
        let before = viewers.len();
        if may_look {
            viewers.insert(account(user)?);
        } else {
            viewers.retain(|account| name_of_account(account) != user);
        }
        let changed = viewers.len() != before;
        if viewers.len() > self.limits.viewers {
            return Err(ApiError::Full(format!(
                "{} users may look at this session, and no more can. Take it back from one of them first",
                self.limits.viewers
            )));
        }
        if !may_look {
            // In force at once, whatever becomes of the disk.
            self.sessions.show_to(id, viewers.clone());
        }
        if let Some(vault) = self.vault.clone().filter(|_| changed) {
            let (id, viewers) = (slot.id.clone(), viewers.clone());
            self.run(move || Ok(vault.show_to(&id, &viewers)?)).await?;
        }
        self.sessions.show_to(id, viewers.clone());
        Ok(v1::Viewers { users: crate::convert::names_of(&viewers) })
    }

    /// Does something to a session when its turn has come, on a thread of its own. If the client goes away or the
    /// session is closed before it is done, the work ends and nothing is changed.
    pub(crate) async fn with<T, F>(&self, slot: &Slot, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session) -> Result<T, SessionError> + Send + 'static,
    {
        let mut session = slot.session.clone().lock_owned().await;
        let gone = CancelOnDrop(Cancel::new());
        let stop =
            Cancel::within(Duration::MAX, vec![gone.0.clone(), slot.closed.clone(), Call::current().ended.clone()]);
        self.run(move || {
            session.work_until(stop);
            let done = work(&mut session);
            session.work_until(Cancel::new());
            Ok(done?)
        })
        .await
    }

    /// Forgets a volume that no session uses.
    pub(crate) fn unload(&self, id: &str) -> Result<(), ApiError> {
        let _moving = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
        self.volume(id)?;
        if self.sessions.everything().iter().any(|s| s.volume_ids.iter().any(|v| v == id)) {
            return Err(ApiError::State("A session still uses this volume. Close the session first".to_owned()));
        }
        self.volumes.remove(id);
        Ok(())
    }
}
