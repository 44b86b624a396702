//! Where the reader looks.

use serde::{Deserialize, Serialize};
mod fixations;

use crate::rasterised::Runs;
use crate::text::Fields;
use crate::{Meaning, Plane, Polarity, PromptError, Rasterised, check};
use isochrone_volume::{DVec3, Grid};

/// A stream of an eye tracker: where the eyes rest, they mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gaze {
    /// The samples in order of time.
    pub samples: Vec<GazeSample>,
    /// The plane that was looked at; dispersion is measured along its `u` and `v`, without one along the
    /// three axes of LPS.
    pub plane: Option<Plane>,
    /// How much the samples of one fixation may spread, mm: the sum of their ranges along the axes.
    pub dispersion_mm: f64,
    /// How long a fixation lasts at least, ms.
    pub min_duration_ms: f64,
    /// Lesion or not.
    pub polarity: Polarity,
}

/// One sample of an eye tracker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GazeSample {
    /// When, ms since any moment.
    pub time_ms: f64,
    /// Where, LPS mm; `None` where the tracker lost the eyes.
    pub position_lps_mm: Option<DVec3>,
}

/// A time during which the eyes rested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fixation {
    /// Time of its first sample, ms.
    pub start_ms: f64,
    /// Time of its last sample, ms.
    pub end_ms: f64,
    /// Where: the median of its samples along each axis, LPS mm.
    pub position_lps_mm: DVec3,
    /// Samples with a position.
    pub samples: usize,
}

impl Gaze {
    /// Most samples of one stream: ten minutes at 60 Hz.
    pub const MAX_SAMPLES: usize = 36_000;
    /// Least time between samples, ms.
    pub const MIN_STEP_MS: f64 = 0.5;
    /// Spread that suits a tracker with a noise of 3 mm (standard deviation) at 60 Hz, mm.
    pub const DISPERSION_MM: f64 = 20.0;
    /// Least duration that is commonly taken for a fixation, ms.
    pub const MIN_DURATION_MS: f64 = 100.0;
    const EXAMPLE: &'static str =
        "0,10,-30,88; 16.7,11,-30,88; 33.3; 50,10,-31,88; dispersion=20; duration=100; normal=0,0,1; +";

    /// The fixations in order of time, by the dispersion-threshold method (I-DT) of Salvucci and Goldberg,
    /// "Identifying fixations and saccades in eye-tracking protocols" (ETRA 2000).
    ///
    /// A fixation is a run of samples that lasts for the least duration and whose dispersion, the sum of
    /// their ranges along each axis, is at most [`Gaze::dispersion_mm`]; it goes on until the next sample
    /// would exceed it. Before that, every sample is replaced by the median of itself and up to two
    /// neighbours on each side, which takes out the tracker's jitter but keeps the jumps. Samples without a
    /// position are passed over; more than 100 ms without any end a fixation. Two that follow each other
    /// within 75 ms and half the dispersion are one.
    ///
    /// # Errors
    /// Number of samples, a parameter or a position out of range; a position off the plane; times that do
    /// not grow.
    pub fn fixations(&self) -> Result<Vec<Fixation>, PromptError> {
        self.check()?;
        Ok(fixations::find(self))
    }

    /// The box round all positions, LPS mm; `None` without any.
    ///
    /// # Errors
    /// As [`Gaze::fixations`].
    pub fn bounds_mm(&self) -> Result<Option<(DVec3, DVec3)>, PromptError> {
        self.check()?;
        let points = self.positions();
        Ok((!points.is_empty()).then(|| check::bounds(&points)))
    }

    /// The voxels of a grid that hold a fixation. Fixations outside of the grid are left out.
    ///
    /// # Errors
    /// As [`Gaze::fixations`]; no fixation inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let mut runs = Runs::default();
        for fixation in self.fixations()? {
            if let Some([i, j, k]) = grid.voxel_at(fixation.position_lps_mm) {
                runs.push(k, j, i..i + 1);
            }
        }
        if runs.is_empty() {
            return Err(PromptError::NoFixation(self.min_duration_ms, self.dispersion_mm));
        }
        Ok(Rasterised::new(self.polarity, Meaning::Marks, runs))
    }

    fn positions(&self) -> Vec<DVec3> {
        self.samples.iter().filter_map(|s| s.position_lps_mm).collect()
    }

    fn check(&self) -> Result<(), PromptError> {
        check::count("gaze samples", self.samples.len(), 1, Self::MAX_SAMPLES)?;
        check::range("The dispersion (mm)", self.dispersion_mm, 0.1, 200.0)?;
        check::range("The duration of a fixation (ms)", self.min_duration_ms, 20.0, 2000.0)?;
        let mut last = f64::NEG_INFINITY;
        for (n, sample) in self.samples.iter().enumerate() {
            check::range("The time of a gaze sample (ms)", sample.time_ms, -1e15, 1e15)?;
            if sample.time_ms < last + Self::MIN_STEP_MS {
                return Err(PromptError::Time(n, Self::MIN_STEP_MS));
            }
            last = sample.time_ms;
        }
        match &self.plane {
            Some(plane) => plane.take(&self.positions()).map(|_| ()),
            None => check::points(&self.positions()),
        }
    }
}

impl std::str::FromStr for Gaze {
    type Err = PromptError;

    /// Reads samples and options with `;` or line breaks between them: `time,x,y,z` with the time in ms and
    /// the place in LPS mm, or `time` alone where the tracker lost the eyes; `dispersion=mm` (20),
    /// `duration=ms` (100), the plane by `normal=x,y,z` or `u=` and `v=`, and the polarity (`+`).
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("gaze", Self::EXAMPLE, text, Self::MAX_SAMPLES)?;
        let dispersion_mm = fields.number("dispersion")?.unwrap_or(Self::DISPERSION_MM);
        let min_duration_ms = fields.number("duration")?.unwrap_or(Self::MIN_DURATION_MS);
        let plane = fields.plane()?;
        let polarity = fields.polarity;
        let samples = fields.tuples()?.into_iter().map(|tuple| match tuple.as_slice() {
            &[time_ms] => Ok(GazeSample { time_ms, position_lps_mm: None }),
            &[time_ms, x, y, z] => Ok(GazeSample { time_ms, position_lps_mm: Some(DVec3::new(x, y, z)) }),
            other => {
                let given = other.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(",");
                Err(PromptError::Syntax { kind: "gaze", given, example: Self::EXAMPLE })
            }
        });
        let samples = samples.collect::<Result<_, _>>()?;
        let gaze = Self { samples, plane, dispersion_mm, min_duration_ms, polarity };
        gaze.check()?;
        Ok(gaze)
    }
}
