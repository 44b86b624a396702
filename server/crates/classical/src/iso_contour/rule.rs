use crate::ClassicalError;
use ndarray::{Array3, ArrayView3, Zip};

/// Where the contour lies, in the image's own unit (SUV for PET).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A share of the lesion's maximum; 0.41 is the usual one for FDG (EANM guideline 2015).
    OfMaximum(f32),
    /// A fixed value, such as SUV 2.5 or 4.0.
    Fixed(f32),
    /// `times · mean + sds · sd` of a reference region such as the liver. `times` 1 and `sds` 2 give
    /// "liver mean + 2 SD", `times` 1.5 and `sds` 2 the measurable lesion of PERCIST (Wahl et al. 2009).
    Reference {
        /// Mean of the reference region.
        mean: f32,
        /// Its standard deviation.
        sd: f32,
        /// Factor on the mean.
        times: f32,
        /// Factor on the standard deviation.
        sds: f32,
    },
    /// `background + share · (maximum − background)`, the background being the mean of a shell round the
    /// contour, which is drawn again until it rests: the relative threshold adapted for local
    /// background of Boellaard et al. (J Nucl Med 2004), iterated as by van Dalen et al. (Nucl Med Commun 2007).
    Adaptive(f32),
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfMaximum(share) => write!(f, "of-maximum:{share}"),
            Self::Adaptive(share) => write!(f, "adaptive:{share}"),
            Self::Fixed(value) => write!(f, "fixed:{value}"),
            Self::Reference { mean, sd, times, sds } => write!(f, "reference:{mean},{sd},{times},{sds}"),
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = ClassicalError;

    /// Reads `of-maximum:0.41`, `adaptive:0.41`, `fixed:2.5`, or `reference:MEAN,SD` with, if wished, the factors
    /// on both (else 1 and 2).
    fn from_str(text: &str) -> Result<Self, ClassicalError> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let numbers: Option<Vec<f32>> = rest.split(',').map(|n| n.trim().parse().ok()).collect();
        let rule = match (name.trim(), numbers.as_deref()) {
            ("of-maximum", Some(&[share])) => Self::OfMaximum(share),
            ("adaptive", Some(&[share])) => Self::Adaptive(share),
            ("fixed", Some(&[value])) => Self::Fixed(value),
            ("reference", Some(&[mean, sd])) => Self::Reference { mean, sd, times: 1.0, sds: 2.0 },
            ("reference", Some(&[mean, sd, times, sds])) => Self::Reference { mean, sd, times, sds },
            _ => {
                let wanted = "written of-maximum:SHARE, adaptive:SHARE, fixed:VALUE or reference:MEAN,SD";
                return Err(ClassicalError::Parameter { name: "The rule", value: f64::NAN, wanted });
            }
        };
        rule.check().map(|()| rule)
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::OfMaximum(0.41)
    }
}

impl Rule {
    /// True if the rule is about a maximum.
    pub(super) fn needs_maximum(&self) -> bool {
        matches!(self, Self::OfMaximum(_) | Self::Adaptive(_))
    }

    /// The threshold, given the lesion's maximum and its background (0 at first).
    pub(super) fn threshold(&self, maximum: f32, background: f32) -> f32 {
        match *self {
            Self::OfMaximum(share) => share * maximum,
            Self::Fixed(value) => value,
            Self::Reference { mean, sd, times, sds } => times * mean + sds * sd,
            Self::Adaptive(share) => background + share * (maximum - background),
        }
    }

    pub(super) fn check(&self) -> Result<(), ClassicalError> {
        let wrong = |name, value: f32, wanted| Err(ClassicalError::Parameter { name, value: value.into(), wanted });
        match *self {
            Self::OfMaximum(share) | Self::Adaptive(share) if !(share > 0.0 && share < 1.0) => {
                wrong("The share of the maximum", share, "between 0 and 1, such as 0.41")
            }
            Self::Fixed(value) if !value.is_finite() => {
                wrong("The threshold", value, "a finite value in the image's unit")
            }
            Self::Reference { mean, sd, times, sds } if !(times * mean + sds * sd).is_finite() || sd < 0.0 => wrong(
                "The reference region's mean",
                mean,
                "finite, with a standard deviation of 0 or more; measure it again",
            ),
            _ => Ok(()),
        }
    }
}

/// Mean of a shell round `mask` `[k, j, i]`, of what lies below `threshold`: from `near` to `far` voxels
/// away along each axis. `None` if the shell is empty.
pub(super) fn background(
    image: ArrayView3<'_, f32>,
    mask: ArrayView3<'_, bool>,
    threshold: f32,
    near: [usize; 3],
    far: [usize; 3],
) -> Option<f32> {
    let (inner, outer) = (dilated(mask, near), dilated(mask, far));
    let (mut sum, mut count) = (0.0f64, 0u32);
    Zip::from(image).and(&inner).and(&outer).for_each(|&v, &inner, &outer| {
        if outer && !inner && v < threshold {
            sum += f64::from(v);
            count += 1;
        }
    });
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}

/// Grows a mask by a box of `reach` voxels to each side along `[k, j, i]`.
fn dilated(mask: ArrayView3<'_, bool>, reach: [usize; 3]) -> Array3<bool> {
    let mut out = mask.to_owned();
    for (axis, reach) in reach.into_iter().enumerate() {
        for mut lane in out.lanes_mut(ndarray::Axis(axis)) {
            let set: Vec<usize> = lane.iter().enumerate().filter(|(_, v)| **v).map(|(n, _)| n).collect();
            for n in set {
                let (first, end) = (n.saturating_sub(reach), (n + reach + 1).min(lane.len()));
                lane.slice_mut(ndarray::s![first..end]).fill(true);
            }
        }
    }
    out
}
