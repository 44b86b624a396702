//! The audit trail: one JSON line an event, in a file that only grows.
//!
//! Each line carries the BLAKE3 of itself and of the line before, so that a line that was changed, taken out
//! or put in is found by [`verify`]. A chain alone cannot show that lines are missing at its end, or that all
//! of it was written anew: keep its newest hash ([`Trail::head`], in the server's log at start and stop)
//! somewhere else.
//!
//! Lines hold users, methods, random ids and outcomes: no patient, no path, no label's name.

mod event;
mod trail;
mod verify;
mod xml;

pub use event::{Event, Kind, Outcome};
pub use trail::Trail;
pub use verify::{Checked, verify};
pub use xml::{export, message_of};
