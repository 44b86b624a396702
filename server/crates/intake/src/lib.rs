//! Image files in.
