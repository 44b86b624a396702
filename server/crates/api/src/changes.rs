//! Changes of a session, and where they stand in the queue.

use crate::convert::{mask_update, u32_of};
use crate::follow_up::{Asked, Events, follow_up};
use crate::gate::call::Call;
use crate::line::Place;
use crate::objects::live_measures;
use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_session::{Session, SessionError, Update};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tonic::{Code, Status};
use v1::segmentation_event::Event;

/// A change under way: what it makes, and the session's epoch after it.
type Change = Pin<Box<dyn Future<Output = Result<(v1::MaskUpdate, u64), ApiError>> + Send>>;

/// What AddPrompts sends.
pub(crate) type Answers = mpsc::Receiver<Result<v1::SegmentationEvent, Status>>;

/// Events that wait for a slow reader: of the queue, then mask, uncertainty and proposals.
const EVENTS: usize = 8;

impl House {
    /// A change of a session, and how it is told.
    pub(crate) async fn change<F>(
        &self,
        slot: &Slot,
        expected_revision: Option<u64>,
        change: F,
    ) -> Result<v1::MaskUpdate, ApiError>
    where
        F: FnOnce(&mut Session) -> Result<Update, SessionError> + Send + 'static,
    {
        let _place = slot.line.join();
        Ok(self.change_at_once(slot, expected_revision, change).await?.0)
    }

    async fn change_at_once<F>(
        &self,
        slot: &Slot,
        expected_revision: Option<u64>,
        change: F,
    ) -> Result<(v1::MaskUpdate, u64), ApiError>
    where
        F: FnOnce(&mut Session) -> Result<Update, SessionError> + Send + 'static,
    {
        let provenance = slot.provenance();
        let companions = self.companions(slot);
        let came = Instant::now();
        self.with(slot, move |session| {
            session.expect_revision(expected_revision)?;
            let begun = Instant::now();
            let mut update = mask_update(&change(session)?, provenance);
            update.elapsed_ms = begun.elapsed().as_secs_f64() * 1000.0;
            update.waited_ms = begun.duration_since(came).as_secs_f64() * 1000.0;
            update.measures = live_measures(session, &update, &companions);
            tracing::debug!("revision {} took {:.0} ms", update.revision, update.elapsed_ms);
            Ok((update, session.epoch()))
        })
        .await
    }

    /// A change that sends its mask, and what `asked` says after it. What is refused at once is refused as such;
    /// whoever waits for longer is told where it stands.
    pub(crate) async fn stream<F>(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        expected_revision: Option<u64>,
        asked: Option<Asked>,
        change: F,
    ) -> Result<Answers, ApiError>
    where
        F: FnOnce(&mut Session) -> Result<Update, SessionError> + Send + 'static,
    {
        let (send, receive) = mpsc::channel(EVENTS);
        let place = slot.line.join();
        let (house, slot, call) = (self.clone(), slot.clone(), Call::current());
        let mut change: Change = {
            let (house, slot) = (self.clone(), slot.clone());
            let work = async move { house.change_at_once(&slot, expected_revision, change).await };
            Box::pin(call.clone().scope(work))
        };
        let Ok(done) = tokio::time::timeout(self.limits.told_after, &mut change).await else {
            let ending = call.outlasts();
            let late = async move {
                let done = tokio::select! {
                    done = house.told(change, &place, &send) => done,
                    // A client that has gone away leaves the queue.
                    () = send.closed() => return,
                };
                drop(place);
                match done.map_err(Status::from) {
                    Ok((mask, epoch)) => {
                        ending.with(Code::Ok);
                        tell(&send, Event::Mask(mask)).await;
                        if let Some(asked) = asked {
                            follow_up(house, slot, Asked { epoch: Some(epoch), ..asked }, send).await;
                        }
                    }
                    Err(status) => {
                        ending.with(status.code());
                        let _ = send.send(Err(status)).await;
                    }
                }
            };
            call.spawn(late);
            return Ok(receive);
        };
        let (mask, epoch) = done?;
        tell(&send, Event::Mask(mask)).await;
        if let Some(asked) = asked {
            call.spawn(follow_up(house, slot, Asked { epoch: Some(epoch), ..asked }, send));
        }
        Ok(receive)
    }

    /// Waits for a change, and tells meanwhile where it stands.
    async fn told(
        &self,
        mut change: Change,
        place: &Place,
        events: &Events,
    ) -> Result<(v1::MaskUpdate, u64), ApiError> {
        let begun = Instant::now();
        let mut said = 0;
        loop {
            let ahead = self.ahead(place);
            // There is always room left for what comes after it.
            if ahead != said && events.capacity() > EVENTS / 2 {
                let waited_ms = (begun.elapsed() + self.limits.told_after).as_secs_f64() * 1000.0;
                tell(events, Event::Queue(v1::QueuePlace { ahead: u32_of(ahead), waited_ms })).await;
                said = ahead;
            }
            tokio::select! {
                done = &mut change => return done,
                () = tokio::time::sleep(self.limits.told_after) => {}
            }
        }
    }
}

async fn tell(events: &Events, event: Event) {
    // Nobody listens: whoever waits for `closed` notices.
    let _ = events.send(Ok(v1::SegmentationEvent { event: Some(event) })).await;
}
