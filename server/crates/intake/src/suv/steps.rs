use super::body;
use super::facts::{PetFacts, date_time, day_before, time};
use super::options::{SuvByHand, SuvOptions};
use super::report::{SuvKind, SuvReport, SuvValue};
use super::scan_time;
use chrono::NaiveDateTime;

/// Works out the factor from the series' units to SUV, noting every value on the way.
#[must_use]
pub fn work_out(facts: &PetFacts, options: &SuvOptions) -> SuvReport {
    let mut work = Work { facts, hand: &options.by_hand, kind: options.kind, values: Vec::new(), warnings: Vec::new() };
    let (scale, refusal) = match work.scale() {
        Ok(scale) => (Some(scale), None),
        Err(why) => (None, Some(why)),
    };
    SuvReport { kind: options.kind, values: work.values, scale, refusal, warnings: work.warnings }
}

type Outcome<T> = Result<T, String>;

struct Work<'a> {
    facts: &'a PetFacts,
    hand: &'a SuvByHand,
    kind: SuvKind,
    values: Vec<SuvValue>,
    warnings: Vec<String>,
}

const MAX_HALF_LIVES: f64 = 10.0;

impl Work<'_> {
    fn note(&mut self, name: &str, value: impl Into<String>, from: &str) {
        let by_hand = from == BY_HAND;
        self.values.push(SuvValue { name: name.to_owned(), value: value.into(), from: from.to_owned(), by_hand });
    }

    fn scale(&mut self) -> Outcome<f64> {
        self.corrections()?;
        self.note("units", or_missing(&self.facts.units), "Units (0054,1001)");
        match self.facts.units.as_str() {
            "BQML" => self.activity(1.0),
            "CNTS" => self.counts(),
            "GML" => self.already(),
            "" => Err("Units (0054,1001) are missing, so the values mean nothing certain".to_owned()),
            _ => Err("Units (0054,1001) are none of BQML, CNTS and GML, from which SUV can be worked out".to_owned()),
        }
    }

    fn corrections(&mut self) -> Outcome<()> {
        let have = |names: &[&str]| self.facts.corrections.iter().any(|c| names.contains(&c.as_str()));
        let (attenuation, decay) = (have(&["ATTN"]), have(&["DECY", "DECAY"]));
        self.note("corrections", or_missing(&self.facts.corrections.join(", ")), "Corrected Image (0028,0051)");
        if !attenuation {
            return Err(
                "The images are not corrected for attenuation (no ATTN in (0028,0051)). Choose the corrected series"
                    .to_owned(),
            );
        }
        if !decay {
            return Err("The images are not corrected for decay (no DECY in (0028,0051)). Choose the corrected series"
                .to_owned());
        }
        Ok(())
    }

    /// One unit is `bqml` Bq/mL.
    fn activity(&mut self, bqml: f64) -> Outcome<f64> {
        let dose = self.dose_at_reference()?;
        let normaliser = self.normaliser()?;
        let scale = bqml * normaliser / dose;
        self.note("factor", format!("{scale:.6e} per unit"), "normaliser / dose");
        Ok(scale)
    }

    fn counts(&mut self) -> Outcome<f64> {
        if let Some(factor) = self.facts.philips_suv.filter(|f| *f > 0.0) {
            self.note("SUVbw factor", format!("{factor} per count"), "Philips private (7053,1000)");
            if self.kind == SuvKind::BodyWeight {
                return Ok(factor);
            }
            let grams = 1000.0 * self.weight()?;
            return Ok(factor * self.normaliser()? / grams);
        }
        if let Some(bqml) = self.facts.philips_bqml.filter(|f| *f > 0.0) {
            self.note("activity factor", format!("{bqml} Bq/mL per count"), "Philips private (7053,1009)");
            return self.activity(bqml);
        }
        Err("Units are counts, and neither Philips' SUV factor (7053,1000) nor its activity factor (7053,1009) is there".to_owned())
    }

    fn already(&mut self) -> Outcome<f64> {
        self.note("SUV type", or_missing(&self.facts.suv_type), "SUV Type (0054,1006)");
        let is = match self.facts.suv_type.as_str() {
            "" | "BW" => Some(SuvKind::BodyWeight),
            "LBMJANMA" => Some(SuvKind::LeanJanmahasatian),
            "LBMJAMES128" => Some(SuvKind::LeanJames),
            "BSA" => Some(SuvKind::BodySurface),
            _ => None,
        };
        if is != Some(self.kind) {
            return Err("The values are SUV already, but not the one that was asked for (SUV Type (0054,1006)). Ask for that one, or export in Bq/mL".to_owned());
        }
        if self.facts.suv_type.is_empty() {
            self.warnings.push("SUV Type is not given; the values were taken as SUV by body weight".to_owned());
        }
        Ok(1.0)
    }

    fn dose_at_reference(&mut self) -> Outcome<f64> {
        let dose =
            self.number("dose", "Bq", self.hand.dose_bq, self.facts.dose_bq, "Radionuclide Total Dose (0018,1074)")?;
        if dose < 1e5 {
            return Err(
                "Radionuclide Total Dose (0018,1074) is below 0.1 MBq: it is probably not in Bq. Set the dose by hand"
                    .to_owned(),
            );
        }
        self.note("decay correction", or_missing(&self.facts.decay_correction), "Decay Correction (0054,1102)");
        match self.facts.decay_correction.as_str() {
            "ADMIN" => {
                self.note("dose used", format!("{:.3} MBq", dose / 1e6), "as injected: voxels refer to the injection");
                Ok(dose)
            }
            "START" => self.decayed(dose),
            "NONE" => Err("Decay Correction (0054,1102) is NONE: each frame would need its own correction. Export the corrected series".to_owned()),
            "" => Err("Decay Correction (0054,1102) is missing, so the time that the voxels refer to is not known".to_owned()),
            _ => Err("Decay Correction (0054,1102) is none of START, ADMIN and NONE".to_owned()),
        }
    }

    fn decayed(&mut self, dose: f64) -> Outcome<f64> {
        let half_life = self.number(
            "half-life",
            "s",
            self.hand.half_life_s,
            self.facts.half_life_s,
            "Radionuclide Half Life (0018,1075)",
        )?;
        let scan = match &self.hand.scan_at {
            Some(text) => self.by_hand_time("scan start", text)?,
            None => {
                let found = scan_time::find(self.facts, half_life);
                let found = found.ok_or("No time of the scan is there: neither of the series nor of an acquisition")?;
                self.note("scan start", found.at.format(FORMAT).to_string(), &found.from);
                if found.unsure {
                    self.warnings.push("The scan's start was taken from the first acquisition: the series' time lies after it, and the files hold nothing better".to_owned());
                }
                found.at
            }
        };
        let injected = self.injection(scan)?;
        let elapsed_s = (scan - injected).as_seconds_f64();
        if elapsed_s < 0.0 {
            return Err("The injection lies after the scan's start. Set its time by hand if you know it".to_owned());
        }
        if elapsed_s > MAX_HALF_LIVES * half_life {
            return Err(format!(
                "The injection lies {:.1} h before the scan, more than {MAX_HALF_LIVES} half-lives: a date is wrong. Set its time by hand if you know it",
                elapsed_s / 3600.0
            ));
        }
        let left = dose * (-elapsed_s / half_life).exp2();
        self.note("elapsed", format!("{elapsed_s:.1} s"), "scan start − injection");
        self.note("dose used", format!("{:.3} MBq", left / 1e6), "dose · 2^(−elapsed / half-life)");
        Ok(left)
    }

    fn injection(&mut self, scan: NaiveDateTime) -> Outcome<NaiveDateTime> {
        if let Some(text) = &self.hand.injected_at {
            return self.by_hand_time("injection", text);
        }
        if let Some(at) = date_time(&self.facts.injected_at) {
            self.note("injection", at.format(FORMAT).to_string(), "Radiopharmaceutical Start DateTime (0018,1078)");
            return Ok(at);
        }
        let at = time(&self.facts.injected_time)
            .ok_or("The time of injection is missing ((0018,1078), (0018,1072)). Set it by hand if you know it")?;
        let date = self.facts.series.map_or(scan.date(), |s| s.date());
        let mut moment = date.and_time(at);
        let mut from = "Radiopharmaceutical Start Time (0018,1072) on the series' date";
        if moment > scan {
            moment = day_before(moment).ok_or("The date of the series cannot be used")?;
            from = "Radiopharmaceutical Start Time (0018,1072) on the day before the series' date";
            self.warnings.push(
                "The injection's time of day lies after the scan's: it was taken to be before midnight".to_owned(),
            );
        }
        self.note("injection", moment.format(FORMAT).to_string(), from);
        Ok(moment)
    }

    fn by_hand_time(&mut self, name: &str, text: &str) -> Outcome<NaiveDateTime> {
        let at = date_time(text)
            .ok_or_else(|| format!("The {name} set by hand is no date and time: write YYYYMMDDHHMMSS"))?;
        self.note(name, at.format(FORMAT).to_string(), BY_HAND);
        Ok(at)
    }

    fn weight(&mut self) -> Outcome<f64> {
        let kg =
            self.number("weight", "kg", self.hand.weight_kg, self.facts.weight_kg, "Patient's Weight (0010,1030)")?;
        if kg > 700.0 {
            return Err(
                "Patient's Weight (0010,1030) is above 700 kg: it is probably not in kg. Set it by hand".to_owned()
            );
        }
        Ok(kg)
    }

    fn height(&mut self) -> Outcome<f64> {
        let m = self.number("height", "m", self.hand.height_m, self.facts.height_m, "Patient's Size (0010,1020)")?;
        if !(0.2..=2.8).contains(&m) {
            return Err(
                "Patient's Size (0010,1020) lies outside 0.2 to 2.8 m: it is probably not in m. Set it by hand"
                    .to_owned(),
            );
        }
        Ok(m)
    }

    fn female(&mut self) -> Outcome<bool> {
        let (sex, from) = match &self.hand.sex {
            Some(sex) => (sex.clone(), BY_HAND),
            None => (self.facts.sex.clone(), "Patient's Sex (0010,0040)"),
        };
        self.note("sex", or_missing(&sex), from);
        match sex.as_str() {
            "F" => Ok(true),
            "M" => Ok(false),
            _ => Err("Lean body mass needs the patient's sex, M or F ((0010,0040)). Set it by hand".to_owned()),
        }
    }

    /// Grams, or cm² of body surface.
    fn normaliser(&mut self) -> Outcome<f64> {
        let kg = self.weight()?;
        match self.kind {
            SuvKind::BodyWeight => {
                self.note("normaliser", format!("{} g", kg * 1000.0), "body weight");
                Ok(kg * 1000.0)
            }
            SuvKind::BodySurface => {
                let m2 = body::surface(kg, self.height()?);
                self.note("normaliser", format!("{:.2} cm²", m2 * 1e4), "body surface, Du Bois 1916");
                Ok(m2 * 1e4)
            }
            SuvKind::LeanJanmahasatian | SuvKind::LeanJames => {
                let (m, female) = (self.height()?, self.female()?);
                let (lean, from) = if self.kind == SuvKind::LeanJames {
                    (body::lean_james(kg, m, female), "lean body mass, James 1976 (128 for men)")
                } else {
                    (body::lean_janmahasatian(kg, m, female), "lean body mass, Janmahasatian 2005")
                };
                if lean <= 0.0 {
                    return Err(
                        "Lean body mass comes out negative at this weight and height: use the formula of Janmahasatian"
                            .to_owned(),
                    );
                }
                self.note("normaliser", format!("{:.1} g", lean * 1000.0), from);
                Ok(lean * 1000.0)
            }
        }
    }

    fn number(&mut self, name: &str, unit: &str, hand: Option<f64>, fact: Option<f64>, tag: &str) -> Outcome<f64> {
        let (value, from) = if hand.is_some() { (hand, BY_HAND) } else { (fact, tag) };
        let shown = value.map_or_else(|| "missing".to_owned(), |v| format!("{v} {unit}"));
        self.note(name, shown, from);
        value
            .filter(|v| v.is_finite() && *v > 0.0)
            .ok_or_else(|| format!("{tag} is missing or not above 0. Set the {name} by hand if you know it"))
    }
}

const BY_HAND: &str = "set by hand";
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

fn or_missing(text: &str) -> String {
    if text.is_empty() { "missing".to_owned() } else { text.to_owned() }
}
