use isochrone_volume::{Grid, VolumeError};

/// Why a prompt was refused. The text says what to do; it quotes at most 64 characters of the input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PromptError {
    /// A coordinate is NaN or infinite.
    #[error("The point ({0}, {1}, {2}) is not a place: every coordinate must be a finite number of millimetres (LPS)")]
    NotFinite(f64, f64, f64),
    /// The point lies outside the volume.
    #[error(
        "The point ({x:.1}, {y:.1}, {z:.1}) mm lies outside the volume, which spans ({low}) to ({high}) mm (LPS). Click inside the image; if it looked inside, the client may be sending RAS instead of LPS"
    )]
    Outside {
        /// LPS x in mm.
        x: f64,
        /// LPS y in mm.
        y: f64,
        /// LPS z in mm.
        z: f64,
        /// Lowest corner of the volume's bounding box, LPS mm.
        low: String,
        /// Highest corner of the volume's bounding box, LPS mm.
        high: String,
    },
    /// A shape has no voxel of the volume in it.
    #[error(
        "The {kind} marks nothing inside the volume, which spans ({low}) to ({high}) mm (LPS). Draw inside the image; if it looked inside, the client may be sending RAS instead of LPS"
    )]
    NothingInside {
        /// Which prompt.
        kind: &'static str,
        /// Lowest corner of the volume's bounding box, LPS mm.
        low: String,
        /// Highest corner of the volume's bounding box, LPS mm.
        high: String,
    },
    /// The prompt was made in another frame of reference.
    #[error(
        "The point was made in frame of reference {given:?}, the volume is in {expected:?}. Point in the volume that the session was opened on"
    )]
    FrameOfReference {
        /// The volume's.
        expected: String,
        /// The prompt's.
        given: String,
    },
    /// A click written as text, such as `1,2,3,-`, could not be read.
    #[error(
        "{0:?} is not a click: write x,y,z in mm (LPS), with ,- or ,+ after it for the polarity, such as 12.5,-30,88,-"
    )]
    Text(String),
    /// Another prompt written as text could not be read.
    #[error("{given:?} cannot be read in a {kind}; write it as {example:?} (points in mm, LPS)")]
    Syntax {
        /// Which prompt.
        kind: &'static str,
        /// What was written.
        given: String,
        /// What would be understood.
        example: &'static str,
    },
    /// A number is not finite, too small or too large.
    #[error("{what} is {got}; give a number from {low} to {high}")]
    Range {
        /// Which number, with its unit.
        what: &'static str,
        /// What was given.
        got: f64,
        /// Smallest that is taken.
        low: f64,
        /// Largest that is taken.
        high: f64,
    },
    /// Too few or too many points, vertices or samples.
    #[error("There are {got} {what}; give {low} to {high}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many were given.
        got: usize,
        /// Fewest that are taken.
        low: usize,
        /// Most that are taken.
        high: usize,
    },
    /// A shape that would take too long.
    #[error("The {0} covers too much of the volume for one prompt; use a narrower brush, or fewer points")]
    TooMuch(&'static str),
    /// Directions that span no plane, or points that lie on one line.
    #[error("No plane can be made of this ({0}); give two directions (or a normal) that are neither zero nor parallel")]
    Plane(&'static str),
    /// A point lies off the plane that it should lie on.
    #[error("A point lies {0:.2} mm off the prompt's plane; draw all points on one plane, at most {1} mm off")]
    OffPlane(f64, f64),
    /// A vertex drag starts where there is no vertex.
    #[error(
        "No vertex lies within {within_mm} mm of the place the drag starts from (the nearest is {nearest_mm:.1} mm away); drag a vertex"
    )]
    NoVertex {
        /// Distance of the nearest vertex.
        nearest_mm: f64,
        /// How near it has to be.
        within_mm: f64,
    },
    /// Times of a gaze stream do not go on.
    #[error("Sample {0} of the gaze is not later than the one before it; send samples in order, at least {1} ms apart")]
    Time(usize, f64),
    /// A gaze stream rests nowhere.
    #[error("The gaze rests nowhere inside the volume for {0} ms within {1} mm; look longer, or raise the dispersion")]
    NoFixation(f64, f64),
    /// A label name that cannot be used.
    #[error("Give the label a name of 1 to {0} printable characters")]
    Name(usize),
    /// An initial mask without a voxel.
    #[error("The initial mask is empty; send one with at least one voxel, or none")]
    EmptyMask,
    /// An initial mask that cannot be read.
    #[error(transparent)]
    Mask(#[from] VolumeError),
}

impl PromptError {
    pub(crate) fn nothing_inside(kind: &'static str, grid: &Grid) -> Self {
        let (low, high) = bounds_text(grid);
        Self::NothingInside { kind, low, high }
    }

    pub(crate) fn outside(p: isochrone_volume::DVec3, grid: &Grid) -> Self {
        let (low, high) = bounds_text(grid);
        Self::Outside { x: p.x, y: p.y, z: p.z, low, high }
    }
}

fn bounds_text(grid: &Grid) -> (String, String) {
    let (low, high) = grid.bounds_mm();
    let text = |v: isochrone_volume::DVec3| format!("{:.1}, {:.1}, {:.1}", v.x, v.y, v.z);
    (text(low), text(high))
}
