//! DICOM series in.

mod series;

pub use series::{Attribute, SeriesInfo, SeriesSummary, SourceSlice};
