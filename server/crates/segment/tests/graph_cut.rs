//! The graph cut on balls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

#[path = "common/classical.rs"]
mod classical;

use isochrone_segment::GraphCutEngine;

#[test]
fn fills_the_ball_and_obeys_negative_clicks() {
    classical::fills_the_ball_and_obeys(&GraphCutEngine::default());
}
