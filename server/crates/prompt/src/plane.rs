use crate::{PromptError, check};
use isochrone_volume::DVec3;
use serde::{Deserialize, Serialize};

/// A plane in the patient, at any angle, with an orthonormal frame of its own.
///
/// A point of it is `origin + x·u + y·v`, `x` and `y` in mm; [`Plane::normal`] is `u × v`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plane {
    origin: DVec3,
    u: DVec3,
    v: DVec3,
}

impl Plane {
    /// Farthest that a point of a prompt may lie off its plane, mm.
    pub const TOLERANCE_MM: f64 = 1.0;

    /// Through `origin` (LPS mm), along two in-plane directions of any length (LPS). The first one is
    /// kept; of the second, what is at right angles to it.
    ///
    /// # Errors
    /// Not finite or too far away; a direction is zero, or both are (nearly) parallel.
    pub fn new(origin: DVec3, along_u: DVec3, along_v: DVec3) -> Result<Self, PromptError> {
        check::points(&[origin, along_u, along_v])?;
        let unit = |d: DVec3| d.try_normalize().ok_or(PromptError::Plane("a direction has no length"));
        let (u, along_v) = (unit(along_u)?, unit(along_v)?);
        let across = along_v - along_v.dot(u) * u;
        if across.length() < 1e-3 {
            return Err(PromptError::Plane("the two directions are parallel"));
        }
        Ok(Self { origin, u, v: across.normalize() })
    }

    /// Through `origin` (LPS mm), at right angles to `normal` (LPS, any length).
    ///
    /// # Errors
    /// Not finite, too far away, or a normal without length.
    pub fn with_normal(origin: DVec3, normal: DVec3) -> Result<Self, PromptError> {
        check::points(&[origin, normal])?;
        let n = normal.try_normalize().ok_or(PromptError::Plane("the normal has no length"))?;
        let (u, v) = n.any_orthonormal_pair();
        // `any_orthonormal_pair` does not promise which way round.
        Ok(if u.cross(v).dot(n) > 0.0 { Self { origin, u, v } } else { Self { origin, u, v: -v } })
    }

    /// The plane of a closed curve (LPS mm): through the middle of its vertices, at right angles to
    /// the area it encloses (Newell's normal).
    ///
    /// # Errors
    /// Not finite, too far away, or a curve that encloses nothing.
    pub fn of_curve(points: &[DVec3]) -> Result<Self, PromptError> {
        check::points(points)?;
        let (low, high) = check::bounds(points);
        let extent = (high - low).max_element();
        let middle = points.iter().map(|p| *p - low).sum::<DVec3>() / points.len().max(1) as f64 + low;
        let next = points.iter().cycle().skip(1);
        let area: DVec3 = points.iter().zip(next).map(|(a, b)| (*a - middle).cross(*b - middle)).sum();
        if area.length() <= 1e-6 * extent * extent {
            return Err(PromptError::Plane("the points lie on one line, or the curve's halves cancel"));
        }
        Self::with_normal(middle, area)
    }

    /// A point of the plane, LPS mm.
    #[must_use]
    pub fn origin(&self) -> DVec3 {
        self.origin
    }

    /// First in-plane direction, unit length, LPS.
    #[must_use]
    pub fn u(&self) -> DVec3 {
        self.u
    }

    /// Second in-plane direction, unit length, LPS; at right angles to the first.
    #[must_use]
    pub fn v(&self) -> DVec3 {
        self.v
    }

    /// `u × v`, unit length, LPS.
    #[must_use]
    pub fn normal(&self) -> DVec3 {
        self.u.cross(self.v)
    }

    /// Signed distance of a point (LPS mm) from the plane, mm; positive on the normal's side.
    #[must_use]
    pub fn distance_mm(&self, point: DVec3) -> f64 {
        self.normal().dot(point - self.origin)
    }

    /// The nearest point of the plane, LPS mm.
    #[must_use]
    pub fn project(&self, point: DVec3) -> DVec3 {
        point - self.distance_mm(point) * self.normal()
    }

    /// A point (LPS mm) in the plane's own frame: along `u`, along `v`, and its distance; mm.
    #[must_use]
    pub fn coordinates(&self, point: DVec3) -> DVec3 {
        let offset = point - self.origin;
        DVec3::new(offset.dot(self.u), offset.dot(self.v), offset.dot(self.normal()))
    }

    /// Points (LPS mm) moved onto the plane, which they may miss by [`Plane::TOLERANCE_MM`].
    ///
    /// # Errors
    /// A point that is not finite, or lies farther off.
    pub fn take(&self, points: &[DVec3]) -> Result<Vec<DVec3>, PromptError> {
        check::points(points)?;
        let off = points.iter().map(|p| self.distance_mm(*p).abs()).fold(0.0, f64::max);
        if off > Self::TOLERANCE_MM {
            return Err(PromptError::OffPlane(off, Self::TOLERANCE_MM));
        }
        Ok(points.iter().map(|p| self.project(*p)).collect())
    }
}
