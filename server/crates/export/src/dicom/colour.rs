//! Colours as DICOM writes them: CIELab under D50, each number on 16 bits (PS3.3 C.10.7.1.1).

/// sRGB (IEC 61966-2-1, D65) as the three numbers of Recommended Display CIELab Value.
///
/// sRGB is linearised, taken to XYZ, adapted to D50 by the Bradford matrix that the ICC profile of sRGB
/// holds, and then to L*a*b*.
#[must_use]
pub fn cielab_from_srgb(rgb: [u8; 3]) -> [u16; 3] {
    let [r, g, b] = rgb.map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    // XYZ of the sRGB primaries, adapted to D50.
    let x = 0.436_065_7 * r + 0.385_151_5 * g + 0.143_078_4 * b;
    let y = 0.222_493_2 * r + 0.716_887_0 * g + 0.060_616_9 * b;
    let z = 0.013_916_3 * r + 0.097_076_4 * g + 0.714_096_1 * b;
    let f = |t: f64| {
        const E: f64 = 6.0 / 29.0;
        if t > E * E * E { t.cbrt() } else { t / (3.0 * E * E) + 4.0 / 29.0 }
    };
    let (fx, fy, fz) = (f(x / 0.964_22), f(y), f(z / 0.825_21));
    let (l, a, b) = (116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz));
    let on_16_bits = |v: f64| (v * 65_535.0).round().clamp(0.0, 65_535.0) as u16;
    [on_16_bits(l / 100.0), on_16_bits((a + 128.0) / 255.0), on_16_bits((b + 128.0) / 255.0)]
}

/// The colour of the `n`th label where nobody chose one: hues that stand apart, by the golden angle.
#[must_use]
pub fn colour_of(n: usize) -> [u8; 3] {
    let hue = (n as f64 * 0.618_034).fract() * 6.0;
    let ramp = |offset: f64| {
        let t = (hue + offset) % 6.0;
        let v = (t - 3.0).abs() - 1.0;
        (60.0 + 180.0 * v.clamp(0.0, 1.0)).round() as u8
    };
    [ramp(0.0), ramp(4.0), ramp(2.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_black_and_red() {
        assert_eq!(cielab_from_srgb([0, 0, 0]), [0, 32896, 32896]);
        let [l, a, b] = cielab_from_srgb([255, 255, 255]);
        assert!(l >= 65_500 && a.abs_diff(32_896) < 30 && b.abs_diff(32_896) < 30, "{l} {a} {b}");
        // L* 54.29, a* 80.81, b* 69.89 (D50).
        let red = cielab_from_srgb([255, 0, 0]).map(f64::from);
        assert!((red[0] / 655.35 - 54.29).abs() < 0.05);
        assert!((red[1] / 257.0 - 128.0 - 80.81).abs() < 0.1 && (red[2] / 257.0 - 128.0 - 69.89).abs() < 0.1);
        assert_ne!(colour_of(0), colour_of(1));
    }
}
