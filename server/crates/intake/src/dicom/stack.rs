//! Frames that lie behind one another: found, sorted by position, and checked.

use super::instance::{Frame, Instance};
use crate::IntakeError;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid};

/// A frame of the series.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    /// Number of the instance.
    pub(crate) at: usize,
    pub(crate) instance: &'a Instance,
    pub(crate) frame: &'a Frame,
}

/// Frames of one series, orientation, size and frame of reference.
pub(crate) struct Stack<'a> {
    pub(crate) members: Vec<Member<'a>>,
}

/// A stack in order, on its grid.
pub(crate) struct Sorted<'a> {
    /// One for each `k`; `None` where a slice is missing.
    pub(crate) slices: Vec<Option<Member<'a>>>,
    pub(crate) grid: Grid,
    pub(crate) warnings: Vec<String>,
}

/// Directions this near are the same: 0.1°, in radians.
const SAME_DIRECTION: f64 = 1.7e-3;
/// A position may be off by this much of the spacing without a word.
const OFF: f64 = 0.01;
/// Or by this much, as positions are rounded to hundredths, mm.
const ROUNDED_MM: f64 = 0.015;
/// By this much of the spacing with a warning: scanners that move the table between beds are not exact.
const MOST_OFF: f64 = 0.1;

impl<'a> Member<'a> {
    fn normal(&self) -> DVec3 {
        self.frame.along_i.cross(self.frame.along_j)
    }

    fn fits(&self, other: &Self) -> bool {
        let (a, b) = (self.frame, other.frame);
        let near = |x: DVec3, y: DVec3| x.distance(y) < SAME_DIRECTION;
        let same = |x: f64, y: f64| (x - y).abs() <= 1e-4 * x.abs().max(y.abs());
        let [ai, aj] = a.spacing_mm;
        let [bi, bj] = b.spacing_mm;
        let (p, q) = (self.instance, other.instance);
        p.series_uid == q.series_uid
            && p.frame_of_reference == q.frame_of_reference
            && (p.format.rows, p.format.columns) == (q.format.rows, q.format.columns)
            && a.stack == b.stack
            && near(a.along_i, b.along_i)
            && near(a.along_j, b.along_j)
            && same(ai, bi)
            && same(aj, bj)
    }
}

/// Parts the frames of all images into stacks: by series, frame of reference, size, orientation and
/// stack; and where positions then repeat, by what sets the repeats apart (time, echo, b-value, acquisition).
pub(crate) fn stacks<'a>(instances: &'a [Instance]) -> Vec<Stack<'a>> {
    let of =
        |(at, instance): (usize, &'a Instance)| instance.frames.iter().map(move |frame| Member { at, instance, frame });
    let members = instances.iter().enumerate().flat_map(of);
    let mut stacks: Vec<Stack<'a>> = Vec::new();
    for member in members {
        let home = stacks.iter_mut().rev().find(|s| s.members.first().is_some_and(|first| first.fits(&member)));
        match home {
            Some(stack) => stack.members.push(member),
            None => stacks.push(Stack { members: vec![member] }),
        }
    }
    stacks.into_iter().flat_map(|stack| part(stack, 0)).collect()
}

/// Parts a stack whose positions repeat by the first attribute that makes a difference.
fn part(stack: Stack<'_>, from: usize) -> Vec<Stack<'_>> {
    let kinds = stack.members.first().map_or(0, |m| m.frame.apart.len());
    if !repeats(&stack.members) {
        return vec![stack];
    }
    for n in from..kinds {
        let of = |m: &Member<'_>| m.frame.apart.get(n).cloned().unwrap_or_default();
        let mut values: Vec<String> = stack.members.iter().map(of).collect();
        values.sort();
        values.dedup();
        // Every part must be a stack itself: as many parts as images would only hide the repeats.
        if values.len() < 2 || values.len() * 2 > stack.members.len() && stack.members.len() > 2 {
            continue;
        }
        let parts = values
            .into_iter()
            .map(|value| Stack { members: stack.members.iter().filter(|m| of(m) == value).copied().collect() });
        let parts: Vec<Stack<'_>> = parts.collect();
        if parts.iter().map(|p| count_repeats(&p.members)).sum::<usize>() < count_repeats(&stack.members) {
            return parts.into_iter().flat_map(|p| part(p, n + 1)).collect();
        }
    }
    vec![stack]
}

fn depths(members: &[Member<'_>]) -> Vec<f64> {
    let Some(normal) = members.first().map(Member::normal) else { return Vec::new() };
    let mut depths: Vec<f64> = members.iter().map(|m| normal.dot(m.frame.position)).collect();
    depths.sort_by(f64::total_cmp);
    depths
}

fn count_repeats(members: &[Member<'_>]) -> usize {
    depths(members).windows(2).filter(|w| matches!(w, [a, b] if b - a < 1e-3)).count()
}

fn repeats(members: &[Member<'_>]) -> bool {
    count_repeats(members) > 0
}

impl<'a> Stack<'a> {
    /// Sorts by position along the normal and lays the grid through the slices.
    ///
    /// # Errors
    /// Slices at one place; slices missing, unless `blank_gaps`; uneven spacing; geometry that a grid refuses.
    pub(crate) fn sort(&self, blank_gaps: bool) -> Result<Sorted<'a>, IntakeError> {
        let mut warnings = Vec::new();
        let members = self.without_copies(&mut warnings)?;
        let Some((&first, &last)) = members.first().zip(members.last()) else {
            return Err(IntakeError::NotAnImage("it holds no image with a place in the patient"));
        };
        let step = step(&members, first, last, &mut warnings)?;
        let slices = if members.len() == 1 {
            vec![Some(first)]
        } else {
            place(&members, first, step, blank_gaps, &mut warnings)?
        };
        let [i, j] = first.frame.spacing_mm;
        let matrix3 = DMat3::from_cols(first.frame.along_i * i, first.frame.along_j * j, step);
        let affine = DAffine3 { matrix3, translation: first.frame.position };
        let size = [first.instance.format.columns as usize, first.instance.format.rows as usize, slices.len()];
        let grid = Grid::new(size, affine)?;
        let lean = step.normalize().dot(first.normal()).clamp(-1.0, 1.0).acos().to_degrees();
        if lean > 0.1 {
            warnings.push(format!(
                "The gantry was tilted by {lean:.1}°: the slices are kept as they were taken, and so are masks on them"
            ));
        }
        Ok(Sorted { slices, grid, warnings })
    }

    /// In order of position, without images that are there twice under one UID.
    fn without_copies(&self, warnings: &mut Vec<String>) -> Result<Vec<Member<'a>>, IntakeError> {
        let Some(normal) = self.members.first().map(Member::normal) else { return Ok(Vec::new()) };
        let depth = |m: &Member<'_>| normal.dot(m.frame.position);
        let mut sorted = self.members.clone();
        sorted.sort_by(|a, b| depth(a).total_cmp(&depth(b)).then_with(|| uid(a).cmp(uid(b))));
        let before = sorted.len();
        sorted.dedup_by(|b, a| !uid(a).is_empty() && uid(a) == uid(b) && a.frame.index == b.frame.index);
        if sorted.len() < before {
            warnings.push(format!(
                "{} slices are there twice under the same UID; one of each was taken",
                before - sorted.len()
            ));
        }
        let doubled: Vec<usize> = sorted
            .windows(2)
            .enumerate()
            .filter_map(|(n, w)| matches!(w, [a, b] if depth(b) - depth(a) < 1e-3).then_some(n + 2))
            .collect();
        if let Some(at) = doubled.first() {
            return Err(IntakeError::Slices(format!(
                "{} slices lie where another one lies (the first is slice {at}): the series holds more than one image of the same place. Export only one of them",
                doubled.len()
            )));
        }
        Ok(sorted)
    }
}

fn uid<'m>(member: &'m Member<'_>) -> &'m str {
    &member.instance.sop_instance_uid
}

/// From one slice to the next, mm: the usual distance between neighbours, refined over the whole stack.
fn step(
    members: &[Member<'_>],
    first: Member<'_>,
    last: Member<'_>,
    warnings: &mut Vec<String>,
) -> Result<DVec3, IntakeError> {
    if members.len() == 1 {
        let thickness = first.frame.thickness_mm.filter(|mm| *mm > 0.0);
        if thickness.is_none() {
            warnings.push("The one slice does not say how thick it is; 1 mm was assumed".to_owned());
        }
        return Ok(first.normal() * thickness.unwrap_or(1.0));
    }
    let usual = usual(&gaps(members));
    let all = last.frame.position - first.frame.position;
    let steps = (all.dot(first.normal()) / usual).round();
    if !(1.0..=Grid::MAX_AXIS as f64).contains(&steps) {
        return Err(IntakeError::Slices("their distances cannot be made sense of. Export the series again".to_owned()));
    }
    Ok(all / steps)
}

fn gaps(members: &[Member<'_>]) -> Vec<f64> {
    depths(members).windows(2).filter_map(|w| if let [a, b] = w { Some(b - a) } else { None }).collect()
}

/// The mean of the gaps that are not larger than usual: positions are often rounded, so one gap alone is not exact.
fn usual(gaps: &[f64]) -> f64 {
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    let single: Vec<f64> = sorted.into_iter().filter(|g| *g < 1.5 * median).collect();
    single.iter().sum::<f64>() / single.len().max(1) as f64
}

/// Gives every slice its place `k`.
fn place<'a>(
    members: &[Member<'a>],
    first: Member<'a>,
    step: DVec3,
    blank_gaps: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Option<Member<'a>>>, IntakeError> {
    let spacing = step.dot(first.normal());
    let mut worst: f64 = 0.0;
    let mut slices: Vec<Option<Member<'a>>> = Vec::with_capacity(members.len());
    let mut missing = Vec::new();
    for member in members {
        let from_first = member.frame.position - first.frame.position;
        let k = (from_first.dot(first.normal()) / spacing).round();
        let off = from_first - step * k;
        worst = worst.max(off.length());
        if off.length() > (MOST_OFF * spacing).max(ROUNDED_MM) {
            return Err(IntakeError::Slices(uneven(members, &off, first)));
        }
        while (slices.len() as f64) < k {
            missing.push(slices.len() + 1);
            slices.push(None);
        }
        slices.push(Some(*member));
    }
    if worst > (OFF * spacing).max(ROUNDED_MM) {
        warnings.push(format!(
            "Slices lie up to {worst:.2} mm off even distances of {spacing:.2} mm; they were placed evenly between the first and the last"
        ));
    }
    if let Some((first_gap, rest)) = missing.split_first() {
        let named: Vec<String> = missing.iter().take(8).map(ToString::to_string).collect();
        let more = if missing.len() > 8 { ", …" } else { "" };
        let (which, are) = if rest.is_empty() { ("Slice", "is") } else { ("Slices", "are") };
        let text = format!(
            "{which} {}{more} of {} {are} missing ({:.1} mm apart, a gap after slice {})",
            named.join(", "),
            slices.len(),
            spacing,
            first_gap - 1
        );
        if !blank_gaps {
            return Err(IntakeError::Gap(text));
        }
        warnings.push(format!("{text}; left blank as you asked"));
    }
    Ok(slices)
}

fn uneven(members: &[Member<'_>], off: &DVec3, first: Member<'_>) -> String {
    let along = off.dot(first.normal()).abs();
    if along < 0.5 * off.length() {
        return format!(
            "they are shifted sideways against each other by up to {:.2} mm, so they form no regular volume",
            off.length()
        );
    }
    let gaps = gaps(members);
    let low = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    let high = gaps.iter().copied().fold(0.0, f64::max);
    format!(
        "their distances vary from {low:.2} to {high:.2} mm, so they form no regular volume. Resample the series to even slices first"
    )
}
