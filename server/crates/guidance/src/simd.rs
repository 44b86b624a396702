//! Which instruction set the kernels run on.

use pulp::Arch;
use std::sync::OnceLock;

/// The best that this machine has, or what the environment variable `ISOCHRONE_SIMD` allows:
/// `scalar`, `avx2` or `avx512`. Every one gives the same bits.
pub(crate) fn arch() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    *CHOSEN.get_or_init(|| match std::env::var("ISOCHRONE_SIMD").as_deref() {
        Ok("scalar") => Arch::Scalar,
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Ok("avx2") => pulp::x86::V3::try_new().map_or_else(Arch::new, Arch::V3),
        _ => Arch::new(),
    })
}

/// The instruction set that the kernels run on: `scalar`, `avx2`, `avx512` or `neon`.
///
/// It is the best that the machine has; the environment variable `ISOCHRONE_SIMD` (`scalar` or
/// `avx2`), read once, lowers it. The maps are the same in every bit.
#[must_use]
pub fn instruction_set() -> &'static str {
    match arch() {
        Arch::Scalar => "scalar",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V3(_) => "avx2",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V4(_) => "avx512",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "neon",
        _ => "other",
    }
}
