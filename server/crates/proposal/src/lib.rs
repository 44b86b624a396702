//! Uncertainty and slice proposals.
