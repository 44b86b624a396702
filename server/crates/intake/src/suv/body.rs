//! What uptake is divided by: formulas of body size.

/// Lean body mass by Janmahasatian (Clin Pharmacokinet 2005;44:1051), kg.
pub(super) fn lean_janmahasatian(weight_kg: f64, height_m: f64, female: bool) -> f64 {
    let bmi = weight_kg / (height_m * height_m);
    let (a, b) = if female { (8780.0, 244.0) } else { (6680.0, 216.0) };
    9270.0 * weight_kg / (a + b * bmi)
}

/// Lean body mass by James (1976), with 128 for men, kg.
pub(super) fn lean_james(weight_kg: f64, height_m: f64, female: bool) -> f64 {
    let ratio = weight_kg / (100.0 * height_m);
    let (a, b) = if female { (1.07, 148.0) } else { (1.10, 128.0) };
    a * weight_kg - b * ratio * ratio
}

/// Body surface by Du Bois (1916), m².
pub(super) fn surface(weight_kg: f64, height_m: f64) -> f64 {
    0.007_184 * weight_kg.powf(0.425) * (100.0 * height_m).powf(0.725)
}
