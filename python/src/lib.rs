//! Guidance maps, simulated readers and metrics as NumPy functions.
