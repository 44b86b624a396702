//! Simulated readers and metrics.
