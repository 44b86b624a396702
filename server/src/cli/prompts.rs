//! Prompts of every kind on the command line, in the order in which they are written.

use super::decoding::read_isolated;
use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches};
use isochrone_intake::ReadOptions;
use isochrone_prompt::{
    Box2D, Box3D, Click, ExtremePoints, Gaze, InitialMask, LabelName, Lasso, Polygon, Prompt, PromptError, Scribble,
};
use isochrone_volume::{Grid, Mask, VoxelBox};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What was asked for, in order. Points are x,y,z in LPS mm.
#[derive(Debug, Clone)]
pub struct PromptArgs {
    steps: Vec<Asked>,
}

#[derive(Debug, Clone)]
enum Asked {
    Prompt(Prompt),
    Initial(PathBuf),
}

/// An option, what its value is called, its help, and how its value is read.
type Kind = (&'static str, &'static str, &'static str, fn(&str) -> Result<Asked, String>);

const KINDS: [Kind; 9] = [
    ("click", "X,Y,Z[,-]", "A click. `,-` after it says \"this is not of the lesion\"", click),
    (
        "scribble",
        "POINTS",
        "A brush stroke: 'X,Y,Z; X,Y,Z; …; radius=MM; normal=X,Y,Z; -'. With the plane's normal (or u= and v=) the brush is \
         a disc on it, else a ball; '-' says \"not this\"",
        |text| shape(text, Prompt::Scribble, Scribble::from_str),
    ),
    (
        "box",
        "CORNERS",
        "A box that the lesion lies in: 'X,Y,Z; X,Y,Z; axes=lps|grid', or with u=X,Y,Z; v=X,Y,Z a rectangle on a plane; '-' \
         says \"nothing in here\"",
        boxed,
    ),
    (
        "extreme",
        "POINTS",
        "The lesion's six farthest points, or four with u= and v= on a plane: 'X,Y,Z; …; margin=MM'",
        |text| shape(text, Prompt::ExtremePoints, ExtremePoints::from_str),
    ),
    (
        "lasso",
        "POINTS",
        "A closed curve round the lesion on a plane: 'X,Y,Z; X,Y,Z; X,Y,Z; …'; '-' for round something else",
        |text| shape(text, Prompt::Lasso, Lasso::from_str),
    ),
    (
        "polygon",
        "VERTICES",
        "The lesion's border on a plane: 'X,Y,Z; X,Y,Z; X,Y,Z; …', with any number of drags 'drag=X,Y,Z,X,Y,Z' (from, to)",
        |text| shape(text, Prompt::Polygon, Polygon::from_str),
    ),
    (
        "gaze",
        "FILE",
        "A file of an eye tracker's samples, one a line: 'MS,X,Y,Z', or 'MS' where it lost the eyes. Where the eyes rest is a \
         click; lines 'dispersion=MM' and 'duration=MS' say what rest is",
        |path| read_text(Path::new(path)).and_then(|text| shape(&text, Prompt::Gaze, Gaze::from_str)),
    ),
    ("initial", "MASK", "A mask to start from, NIfTI or NRRD on the image's grid (any value but 0)", |path| {
        Ok(Asked::Initial(PathBuf::from(path)))
    }),
    ("name", "NAME", "What is meant, in words; for models that know names", |text| {
        shape(text, Prompt::LabelName, LabelName::from_str)
    }),
];

fn click(text: &str) -> Result<Asked, String> {
    shape(text, Prompt::Click, Click::from_str)
}

fn boxed(text: &str) -> Result<Asked, String> {
    let text = at_file(text)?;
    let on_plane = text.split([';', '\n']).any(|item| item.trim_start().starts_with(['u', 'v', 'n']));
    if on_plane { shape(&text, Prompt::Box2D, Box2D::from_str) } else { shape(&text, Prompt::Box3D, Box3D::from_str) }
}

fn shape<T>(text: &str, of: fn(T) -> Prompt, parse: fn(&str) -> Result<T, PromptError>) -> Result<Asked, String> {
    Ok(Asked::Prompt(of(parse(&at_file(text)?).map_err(|e| e.to_string())?)))
}

/// `@FILE` stands for what the file holds.
fn at_file(text: &str) -> Result<String, String> {
    text.strip_prefix('@').map_or_else(|| Ok(text.to_owned()), |path| read_text(Path::new(path)))
}

fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

impl Args for PromptArgs {
    fn augment_args(command: Command) -> Command {
        let mut command = command;
        for (name, value, help, parse) in KINDS {
            let arg = Arg::new(name)
                .long(name)
                .value_name(value)
                .help(help)
                .help_heading("Prompts (each a step, in order; LPS mm; @FILE reads a long one)");
            let arg = arg.action(ArgAction::Append).allow_hyphen_values(true).value_parser(parse);
            command = command.arg(arg);
        }
        command.group(ArgGroup::new("prompts").args(KINDS.map(|(name, ..)| name)).required(true).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PromptArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        for (name, ..) in KINDS {
            let (Some(values), Some(places)) = (matches.get_many::<Asked>(name), matches.indices_of(name)) else {
                continue;
            };
            found.extend(places.zip(values.cloned()));
        }
        if found.is_empty() {
            return Err(clap::Error::new(ErrorKind::MissingRequiredArgument));
        }
        found.sort_by_key(|(place, _)| *place);
        Ok(Self { steps: found.into_iter().map(|(_, asked)| asked).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl PromptArgs {
    /// The prompts in order; masks are read, and must lie on the image's grid.
    ///
    /// # Errors
    /// A mask cannot be read, or lies elsewhere.
    pub fn prompts(&self, grid: &Grid) -> anyhow::Result<Vec<Prompt>> {
        let one = |asked: &Asked| match asked {
            Asked::Prompt(prompt) => Ok(prompt.clone()),
            Asked::Initial(path) => initial(path, grid).with_context(|| path.display().to_string()),
        };
        self.steps.iter().map(one).collect()
    }
}

fn initial(path: &Path, grid: &Grid) -> anyhow::Result<Prompt> {
    let file = read_isolated(path, &ReadOptions::default())?;
    let corners = [[0; 3], grid.size().map(|n| n.saturating_sub(1))];
    let apart = corners.map(|voxel| file.grid().centre_mm(voxel).distance(grid.centre_mm(voxel)));
    let voxel_mm = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    if file.grid().size() != grid.size() || apart.iter().any(|mm| *mm > 0.1 * voxel_mm) {
        bail!("the mask does not lie on the image's grid; resample it to the image first");
    }
    let voxels = file.values(&VoxelBox::whole(grid.size())).mapv(|v| v != 0.0);
    Ok(Prompt::InitialMask(InitialMask::of(&Mask::new(file.grid().clone(), voxels)?)))
}
