//! DICOM series in: files to frames, frames to stacks, one stack to a volume.
//!
//! 1. [`source`]: the files of a folder, a list or a zip archive;
//! 2. [`scan`], [`part10`]: lengths and nesting are checked before anything is parsed;
//! 3. [`instance`]: the header, strictly, and where each frame lies (classic and enhanced multi-frame);
//! 4. [`stack`]: grouped by series, frame of reference, size and orientation; sorted by position, never by
//!    name; doubled and missing slices named;
//! 5. [`plan`]: one stack, what it means (HU, SUV), and its pixels decoded in parallel.
//!
//! | transfer syntax | UID 1.2.840.10008.1.2… | by |
//! |---|---|---|
//! | implicit and explicit little endian, explicit big endian | (none), .1, .2 | here |
//! | deflated explicit little endian | .1.99 | flate2 |
//! | RLE lossless | .5 | here |
//! | JPEG baseline, JPEG lossless | .4.50, .4.57, .4.70 | jpeg-decoder |
//! | JPEG-LS, lossless and near-lossless | .4.80, .4.81 | here |
//! | JPEG 2000, lossless and lossy | .4.90, .4.91 | openjp2 |
//! | HTJ2K | .4.201, .4.202, .4.203 | openjp2 |
//! | JPEG extended (12 bits), JPEG XL, MPEG, HEVC | | refused by name |

mod attributes;
mod fields;
mod instance;
mod jpeg_ls;
mod part10;
mod pixels;
mod plan;
mod registration;
mod rle;
mod scan;
mod series;
mod source;
mod stack;

pub(crate) use fields::Fields;
pub(crate) use instance::{Instance, format};
pub(crate) use part10::{Part10, looks_like};
pub(crate) use plan::{Plan, list, plan};
pub(crate) use scan::Pixels;
pub(crate) use source::gather;

pub use registration::read_registration;
pub use series::{Attribute, SeriesInfo, SeriesSummary, SourceSlice, companions};
