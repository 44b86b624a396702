//! Isochrone.
fn main() {}
