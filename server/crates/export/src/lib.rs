//! Masks and maps out.
