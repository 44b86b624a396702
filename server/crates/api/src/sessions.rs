//! Sessions by their ids, each behind its own lock.

use crate::ids::random_id;
use crate::{ApiError, House, v1};
use isochrone_segment::{Channel, Segmenter, configured};
use isochrone_session::{Session, SessionError};
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;

/// A session, and what never changes of it.
pub(crate) struct Slot {
    pub id: String,
    pub volume_ids: Vec<String>,
    pub engine: v1::Engine,
    /// The engine itself: where it runs may change.
    running: Arc<dyn Segmenter>,
    pub seed: u64,
    /// First come, first served.
    pub session: Arc<Mutex<Session>>,
}

impl Slot {
    /// Who answers now.
    pub fn provenance(&self) -> v1::Provenance {
        let engine = v1::Engine { device: self.running.describe().device, ..self.engine.clone() };
        crate::convert::provenance(&engine, self.seed)
    }
}

impl House {
    /// Opens a session on volumes of this server.
    pub(crate) async fn open_session(&self, request: v1::OpenSessionRequest) -> Result<Arc<Slot>, ApiError> {
        let v1::OpenSessionRequest { volume_ids, engine, seed, overlap, engine_parameters } = request;
        let overlap = crate::convert::overlap(overlap)?.unwrap_or_default();
        crate::convert::at_most("volume_ids", &volume_ids, self.limits.channels)?;
        if volume_ids.is_empty() {
            return Err(ApiError::field("volume_ids", "empty; name at least one volume"));
        }
        let held = volume_ids.iter().map(|id| self.volume(id)).collect::<Result<Vec<_>, _>>()?;
        let channels: Vec<_> = held.into_iter().map(|v| Channel { volume: v.volume }).collect();
        let mut entry = self.engines.by_name(&engine)?.clone();
        entry.engine = configured(&entry.engine, &channels, &engine_parameters.into_iter().collect())?;
        let (engine, limits) = (entry.describe(), self.limits.session);
        let running = entry.engine.clone();
        let open = move || Ok(Session::open(entry.engine, &channels, seed, limits)?.with_overlap(overlap));
        let session = self.run(open).await?;
        let session = Arc::new(Mutex::new(session));
        let slot = Arc::new(Slot { id: random_id(), volume_ids, engine, running, seed, session });
        let _still = self.volumes_move.lock().unwrap_or_else(PoisonError::into_inner);
        slot.volume_ids.iter().try_for_each(|id| self.volume(id).map(drop))?;
        if !self.sessions.insert(&slot.id, slot.clone()) {
            return Err(ApiError::Full(
                "As many sessions as the server holds are open. Close one that is no longer needed, then try again"
                    .to_owned(),
            ));
        }
        Ok(slot)
    }

    /// Ends a session, and the work on it.
    pub(crate) async fn close_session(&self, id: &str) -> Result<(), ApiError> {
        self.session(id)?;
        if let Some(slot) = self.sessions.remove(id) {
            slot.session.lock().await.abandon();
        }
        Ok(())
    }

    /// Does something to a session when its turn has come, on a thread of its own. Once begun it is done
    /// wholly, whether or not the client is still there.
    pub(crate) async fn with<T, F>(&self, slot: &Slot, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session) -> Result<T, SessionError> + Send + 'static,
    {
        let mut session = slot.session.clone().lock_owned().await;
        self.run(move || Ok(work(&mut session)?)).await
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
