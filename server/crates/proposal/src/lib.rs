//! From stochastic samples to uncertainty, and from uncertainty to the slice to look at next.
//!
//! 1. [`measures`] turns samples into maps on the samples' grid: mean, variance, entropy, mutual information.
//! 2. [`rank_slices`] sums the expected errors over the slices of the volume, in all three orientations, and returns
//!    the slices where a correction should help most, with what it promises.
//!
//! Information is in nats, areas in mm², places in LPS mm.

mod error;
mod measures;
mod rank;
mod score;
mod spot;

pub use error::ProposalError;
pub use measures::{Measure, Uncertainty, measures};
pub use rank::{Profile, Proposal, RankInput, RankOptions, Ranking, SliceRef, rank_slices};
pub use score::Expected;
