//! Guidance maps from clicks and scribbles.
