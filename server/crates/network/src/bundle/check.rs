//! From the words of `bundle.toml` to a [`Bundle`] that can be relied on.

use super::{
    Bundle, ChannelSpec, DropoutInput, Encoding, GraphSpec, Graphs, Normalisation, RegionSpec, SweepSpec, format,
    graph_file,
};
use crate::NetworkError;
use isochrone_volume::Modality;
use std::path::Path;

type Checked<T> = Result<T, NetworkError>;

fn wrong<T>(why: impl Into<String>) -> Checked<T> {
    Err(NetworkError::Description(why.into()))
}

pub(super) fn description(raw: format::Description, folder: &Path, digest: String) -> Checked<Bundle> {
    if raw.format != 1 {
        return wrong(format!("format {} is not known (this version reads 1)", raw.format));
    }
    for (what, text) in [("name", &raw.name), ("version", &raw.version), ("licence", &raw.licence)] {
        if text.trim().is_empty() || text.len() > 200 {
            return wrong(format!("{what} must be 1 to 200 characters"));
        }
    }
    if !(1..=16).contains(&raw.channel.len()) {
        return wrong("there must be 1 to 16 [[channel]] sections");
    }
    classes(&raw.classes)?;
    let channels = raw.channel.into_iter().map(channel).collect::<Checked<Vec<_>>>()?;
    let region = region(&raw.region)?;
    if !(raw.output.threshold > 0.0 && raw.output.threshold < 1.0) {
        return wrong("output.threshold must lie between 0 and 1");
    }
    if !(0.01..=100.0).contains(&raw.output.temperature) {
        return wrong("output.temperature must lie between 0.01 and 100");
    }
    let graphs = graphs(raw.graph, folder)?;
    if graphs.error().is_some() && !raw.classes.is_empty() {
        return wrong("a bundle with classes has no error graph: its answer depends on the class that is asked for");
    }
    let sweep = sweep(raw.sweep.as_ref(), &region)?;
    let has_inputs = graphs.all().iter().any(|g| !g.dropout.is_empty());
    let dropout_rate = raw.dropout.map(|d| d.rate).filter(|_| has_inputs);
    if dropout_rate.is_some_and(|rate| !(rate > 0.0 && rate < 1.0)) {
        return wrong("dropout.rate must lie between 0 and 1");
    }
    if has_inputs && dropout_rate.is_none() {
        return wrong("a graph has dropout inputs, but there is no [dropout] section with its rate");
    }
    let stride = graphs.for_samples().stride;
    if region.size.iter().any(|n| n % stride != 0) {
        return wrong(format!("region.size must be a multiple of the sampler's stride {stride}"));
    }
    if let Some(error) = graphs.error().filter(|g| region.size.iter().any(|n| n % g.stride != 0)) {
        return wrong(format!("region.size must be a multiple of the error graph's stride {}", error.stride));
    }
    Ok(Bundle {
        name: raw.name,
        version: raw.version,
        licence: raw.licence,
        description: raw.description,
        training_data: raw.training_data,
        classes: raw.classes,
        channels,
        region,
        positive: encoding(&raw.guidance.positive.encoding)?,
        negative: encoding(&raw.guidance.negative.encoding)?,
        threshold: raw.output.threshold,
        temperature: raw.output.temperature,
        graphs,
        dropout_rate,
        sweep,
        digest,
    })
}

/// Most classes of a bundle, and characters of a class's name: as long as a label name may be.
const CLASSES: usize = 1024;
const CLASS_CHARACTERS: usize = 64;

fn classes(names: &[String]) -> Checked<()> {
    if names.len() > CLASSES {
        return wrong(format!("there may be {CLASSES} classes"));
    }
    let good = |name: &String| name.trim() == name && (1..=CLASS_CHARACTERS).contains(&name.chars().count());
    if names.iter().any(|name| !good(name) || name.chars().any(char::is_control)) {
        return wrong(format!("a class's name must be 1 to {CLASS_CHARACTERS} characters, without space round it"));
    }
    // As a reader may write them: case, hyphens and underscores tell nothing apart.
    let mut plain: Vec<String> = names.iter().map(|n| n.to_lowercase().replace(['-', '_'], " ")).collect();
    plain.sort();
    if plain.windows(2).any(|w| matches!(w, [a, b] if a == b)) {
        return wrong("two classes have the same name");
    }
    Ok(())
}

fn channel(raw: format::Channel) -> Checked<ChannelSpec> {
    let modalities = raw
        .modalities
        .iter()
        .map(|code| {
            Modality::from_code(code)
                .ok_or_else(|| NetworkError::Description(format!("{code:?} is not a modality: CT, MR, PT or OT")))
        })
        .collect::<Checked<Vec<_>>>()?;
    if modalities.is_empty() {
        return wrong("a channel must name at least one modality");
    }
    let normalisation = match raw.normalisation {
        format::Normalisation::PercentileZScore { low, high } if 0.0 <= low && low < high && high <= 100.0 => {
            Normalisation::PercentileZScore { low, high }
        }
        format::Normalisation::PercentileZScore { .. } => return wrong("percentiles must rise, from 0 to 100"),
        format::Normalisation::ZScore {} => Normalisation::ZScore,
        format::Normalisation::Window { low, high } if low.is_finite() && high.is_finite() && low < high => {
            Normalisation::Window { low, high }
        }
        format::Normalisation::Window { .. } => return wrong("a window's low must be less than its high"),
        format::Normalisation::None {} => Normalisation::None,
    };
    if raw.missing.is_some_and(|value| !value.is_finite()) {
        return wrong("a channel's missing value must be a finite number");
    }
    Ok(ChannelSpec { modalities, normalisation, missing: raw.missing })
}

/// Without a section: at the coarsest spacing, and without a prediction.
fn sweep(raw: Option<&format::Sweep>, region: &RegionSpec) -> Checked<SweepSpec> {
    let Some(&format::Sweep { spacing_mm, zero_click }) = raw else {
        return Ok(SweepSpec { spacing_mm: region.max_spacing_mm, zero_click: false });
    };
    if !(region.min_spacing_mm..=region.max_spacing_mm).contains(&spacing_mm) {
        return wrong("sweep.spacing_mm must lie between region.min_spacing_mm and region.max_spacing_mm");
    }
    Ok(SweepSpec { spacing_mm, zero_click })
}

fn region(raw: &format::Region) -> Checked<RegionSpec> {
    if !(1..=256).contains(&raw.divisor) || raw.size.iter().any(|n| !(8..=512).contains(n) || n % raw.divisor != 0) {
        return wrong("region.size must be three multiples of region.divisor, from 8 to 512 voxels");
    }
    let spacings = [raw.min_spacing_mm, raw.first_spacing_mm, raw.max_spacing_mm];
    if !spacings.iter().all(|s| (0.01..=100.0).contains(s)) || !spacings.is_sorted() {
        return wrong("region spacings must be 0.01 to 100 mm, with min ≤ first ≤ max");
    }
    if !(1.05..=10.0).contains(&raw.zoom_out) || !(1.0..=10.0).contains(&raw.context) {
        return wrong("region.zoom_out must lie between 1.05 and 10, region.context between 1 and 10");
    }
    if !(0.0..=10.0).contains(&raw.first_spacing_voxels) {
        return wrong("region.first_spacing_voxels must lie between 0 and 10");
    }
    let &format::Region { size, divisor, first_spacing_mm, min_spacing_mm, max_spacing_mm, zoom_out, context, .. } =
        raw;
    let &format::Region { first_spacing_voxels, local_from, .. } = raw;
    Ok(RegionSpec {
        size,
        divisor,
        first_spacing_mm,
        first_spacing_voxels,
        min_spacing_mm,
        max_spacing_mm,
        zoom_out,
        context,
        local_from,
    })
}

fn encoding(raw: &format::Encoding) -> Checked<Encoding> {
    let length = |x: f32| x > 0.0 && x <= 10_000.0;
    let mix = |x: f32| (0.0..=1.0).contains(&x);
    let (encoding, good) = match *raw {
        format::Encoding::Gaussian { sigma_voxels } => (Encoding::Gaussian { sigma_voxels }, length(sigma_voxels)),
        format::Encoding::Disk { radius_voxels } => {
            (Encoding::Disk { radius_voxels }, radius_voxels == 0.0 || length(radius_voxels))
        }
        format::Encoding::Euclidean { cutoff_mm } => (Encoding::Euclidean { cutoff_mm }, length(cutoff_mm)),
        format::Encoding::Geodesic { lambda, cutoff_mm, dip_voxels } => {
            let good = mix(lambda) && length(cutoff_mm) && (dip_voxels == 0.0 || length(dip_voxels));
            (Encoding::Geodesic { lambda, cutoff_mm, dip_voxels }, good)
        }
        format::Encoding::ExponentialGeodesic { lambda, tau_mm } => {
            (Encoding::ExponentialGeodesic { lambda, tau_mm }, mix(lambda) && length(tau_mm))
        }
    };
    if good {
        Ok(encoding)
    } else {
        wrong("a guidance encoding's lengths must be above 0 (at most 10000), its lambda from 0 to 1")
    }
}

fn graphs(raw: Vec<format::Graph>, folder: &Path) -> Checked<Graphs> {
    let mut found: [Option<GraphSpec>; 5] = [const { None }; 5];
    for graph in raw {
        let roles = ["network", "encoder", "decoder", "sampler", "error"];
        let Some((slot, role)) = found.iter_mut().zip(roles).find(|(_, role)| *role == graph.role) else {
            return wrong("a graph's role must be network, encoder, decoder, sampler or error");
        };
        if slot.is_some() {
            return wrong(format!("there is more than one {role}"));
        }
        *slot = Some(spec(graph, role, folder)?);
    }
    match found {
        [Some(network), None, None, None, None] if takes_prompts(&network) && network.logits.is_some() => {
            Ok(Graphs::Single(network))
        }
        [Some(_), None, None, None, None] => {
            wrong("the network graph needs inputs.image, inputs.positive and outputs.logits")
        }
        [None, Some(encoder), Some(decoder), sampler, error] => {
            if !takes_prompts(&encoder) {
                return wrong("the encoder needs inputs.image and inputs.positive");
            }
            for graph in [Some(&decoder), sampler.as_ref(), error.as_ref()].into_iter().flatten() {
                if graph.features.is_empty() || graph.logits.is_none() {
                    return wrong(format!("the {} needs inputs.features and outputs.logits", graph.file.role));
                }
            }
            if decoder.stride != 1 {
                return wrong("the decoder's stride must be 1; a coarser graph is a sampler");
            }
            if error.as_ref().is_some_and(|e| !e.dropout.is_empty()) {
                return wrong("the error graph takes features and a probability, no dropout inputs");
            }
            Ok(Graphs::Split { encoder, decoder, sampler, error })
        }
        _ => wrong(
            "there must be one network graph, or an encoder, a decoder, at most one sampler and at most one error graph",
        ),
    }
}

fn takes_prompts(graph: &GraphSpec) -> bool {
    graph.image.is_some() && graph.positive.is_some() && graph.stride == 1
}

fn spec(raw: format::Graph, role: &'static str, folder: &Path) -> Checked<GraphSpec> {
    let sha256 = raw.sha256.to_ascii_lowercase();
    if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        return wrong(format!("the {role}'s sha256 must be 64 hexadecimal digits"));
    }
    if !(1..=64).contains(&raw.stride) {
        return wrong(format!("the {role}'s stride must lie between 1 and 64"));
    }
    if raw.inputs.dropout.len() > 64 || raw.inputs.dropout.iter().any(|d| !(1..=65_536).contains(&d.channels)) {
        return wrong(format!("the {role} may have 64 dropout inputs of 1 to 65536 channels"));
    }
    let dropout = raw.inputs.dropout.into_iter().map(|d| DropoutInput { name: d.name, channels: d.channels }).collect();
    Ok(GraphSpec {
        file: graph_file(folder, role, &raw.file, sha256)?,
        image: raw.inputs.image,
        previous_mask: raw.inputs.previous_mask,
        positive: raw.inputs.positive,
        negative: raw.inputs.negative,
        features: raw.inputs.features,
        probability: raw.inputs.probability,
        dropout,
        logits: raw.outputs.logits,
        stride: raw.stride,
    })
}
