//! Simulated readers ("robots") that click where a person would, and the metrics they are judged by.
//!
//! For training and evaluation only: a robot sees the ground truth, so no session of the server may
//! reach it. Arrays are indexed `[k, j, i]`, spacing and voxels come in the same order.
//!
//! | what | where |
//! |---|---|
//! | one click in the middle of the largest mistake | [`centre_click`], [`centre_click_on_slice`] |
//! | a click as one of several readers makes it, from a seed | [`Reader`] |
//! | overlap of two masks | [`dice`], [`iou`] |
//! | parts of one mask that another has nothing of | [`missed_voxels`] |
//! | a series of scores, one a click | [`noc_at`], [`consistent_improvement`], [`auc`], [`normalised_auc`] |
//! | what an uncertainty and a probability are worth | [`auroc`], [`Calibration`] |

mod centre;
mod error;
mod metrics;
mod missed;
mod mistake;
mod reader;
mod reliability;

pub use centre::{Click, centre_click, centre_click_on_slice};
pub use error::RobotError;
pub use metrics::{Noc, auc, consistent_improvement, dice, iou, noc_at, normalised_auc};
pub use missed::missed_voxels;
pub use reader::{Reader, SHAKE_MM, Sight};
pub use reliability::{Calibration, auroc};
