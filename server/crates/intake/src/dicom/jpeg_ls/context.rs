use super::marker::Frame;

/// What does not change within a frame.
pub(super) struct Coding {
    pub(super) max_value: i32,
    pub(super) near: i32,
    thresholds: [i32; 3],
    reset: i32,
    range: i32,
    /// qbpp of the standard.
    pub(super) bits: u32,
    pub(super) limit: u32,
}

impl Coding {
    pub(super) fn new(frame: &Frame) -> Self {
        let (max_value, near) = (frame.max_value, frame.near);
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let width = |n: i32| n.max(1).ilog2() + u32::from(n.max(1).count_ones() > 1);
        let bpp = width(max_value + 1).max(2);
        Self {
            max_value,
            near,
            thresholds: frame.thresholds,
            reset: frame.reset,
            range,
            bits: width(range),
            limit: 2 * (bpp + bpp.max(8)),
        }
    }

    fn first_sum(&self) -> i32 {
        ((self.range + 32) / 64).max(2)
    }

    /// A gradient as one of nine regions (T.87 A.3.3).
    pub(super) fn quantise(&self, difference: i32) -> i32 {
        let size = difference.abs();
        let [t1, t2, t3] = self.thresholds;
        let region = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        region * difference.signum()
    }

    /// Prediction and error to a sample (T.87 A.4.5).
    pub(super) fn reconstruct(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut sample = predicted + error * step;
        if sample < -self.near {
            sample += self.range * step;
        } else if sample > self.max_value + self.near {
            sample -= self.range * step;
        }
        sample.clamp(0, self.max_value)
    }
}

/// The smallest `k` with `count · 2ᵏ ≥ sum`.
fn order(count: i32, sum: i32) -> u32 {
    let mut k = 0;
    while k < 24 && i64::from(count) << k < i64::from(sum) {
        k += 1;
    }
    k
}

/// Statistics of one context; names as in T.87 A.2.
#[derive(Clone)]
pub(super) struct Context {
    a: i32,
    b: i32,
    pub(super) c: i32,
    n: i32,
}

impl Context {
    pub(super) fn new(coding: &Coding) -> Self {
        Self { a: coding.first_sum(), b: 0, c: 0, n: 1 }
    }

    pub(super) fn order(&self) -> u32 {
        order(self.n, self.a)
    }

    pub(super) fn unmap(&self, mapped: i32, k: u32, near: i32) -> i32 {
        let odd = mapped & 1 == 1;
        let half = mapped >> 1;
        if near == 0 && k == 0 && 2 * self.b <= -self.n {
            return if odd { half } else { -half - 1 };
        }
        if odd { -half - 1 } else { half }
    }

    pub(super) fn update(&mut self, error: i32, coding: &Coding) {
        self.b = self.b.saturating_add(error.saturating_mul(2 * coding.near + 1));
        self.a = self.a.saturating_add(error.saturating_abs());
        if self.n == coding.reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}

/// Statistics of the samples that end runs (T.87 A.7.2).
pub(super) struct Run {
    kind: i32,
    a: i32,
    n: i32,
    negative: i32,
}

impl Run {
    /// `kind` is RItype: 1 where the sample above is like the run.
    pub(super) fn new(coding: &Coding, kind: i32) -> Self {
        Self { kind, a: coding.first_sum(), n: 1, negative: 0 }
    }

    pub(super) fn order(&self) -> u32 {
        order(self.n, self.a + if self.kind == 1 { self.n >> 1 } else { 0 })
    }

    pub(super) fn unmap(&self, mapped: i32, k: u32) -> i32 {
        let whole = mapped + self.kind;
        let odd = whole & 1 == 1;
        let size = (whole + 1) >> 1;
        if (k != 0 || 2 * self.negative >= self.n) == odd { -size } else { size }
    }

    pub(super) fn update(&mut self, error: i32, mapped: i32, coding: &Coding) {
        if error < 0 {
            self.negative += 1;
        }
        self.a = self.a.saturating_add((mapped + 1 - self.kind) >> 1);
        if self.n == coding.reset {
            self.a >>= 1;
            self.n >>= 1;
            self.negative >>= 1;
        }
        self.n += 1;
    }
}
