use super::call::Access;
use isochrone_trust::audit::Kind;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Such as `Segmentation/AddPrompts`; `other` for what this server does not have.
    pub name: &'static str,
    /// What it does with the things it names.
    pub access: Access,
    /// How the trail calls it; `None` if it is not worth an event.
    pub kind: Option<Kind>,
    /// Anybody may ask: load balancers ask for the server's health.
    pub public: bool,
}

/// Requests that only look. Whatever is not named here counts as a change, also what writes a file or stores into an
/// archive.
const LOOKS: [&str; 14] = [
    "Volumes/GetVolume",
    "Volumes/ListVolumes",
    "Segmentation/GetSession",
    "Segmentation/DescribeServer",
    "Segmentation/ListSessions",
    "Segmentation/ListLabels",
    "Segmentation/GetMask",
    "Segmentation/GetMap",
    "Segmentation/Propose",
    "Segmentation/Replay",
    "Export/DownloadNifti",
    "Export/Measure",
    "Pacs/FindSeries",
    "Pacs/ListPacs",
];

/// Requests that show and change nothing worth an event.
const QUIET: [&str; 5] =
    ["Segmentation/DescribeServer", "Volumes/BeginUpload", "Volumes/UploadChunk", "Volumes/GetUpload", "Pacs/ListPacs"];

const DELETES: [&str; 2] = ["Segmentation/CloseSession", "Volumes/UnloadVolume"];

impl Method {
    /// What the path of a request asks for.
    pub fn of(path: &str) -> Self {
        let other = Self { name: "other", access: Access::Change, kind: None, public: false };
        let Some(name) = path.strip_prefix("/isochrone.v1.") else {
            return match path.strip_prefix('/').and_then(|p| p.split_once('/')) {
                Some(("grpc.health.v1.Health", _)) => Self { name: "health", public: true, ..other },
                Some(("grpc.reflection.v1.ServerReflection", _)) => Self { name: "reflection", ..other },
                _ => other,
            };
        };
        let Some(name) = known().get(name).map(String::as_str) else { return other };
        let leaves = name.starts_with("Export/") || name == "Pacs/StoreToPacs";
        let look = LOOKS.contains(&name);
        let kind = match name.split_once('/') {
            _ if QUIET.contains(&name) => None,
            _ if DELETES.contains(&name) => Some(Kind::Delete),
            Some((_, "Measure")) => Some(Kind::View),
            _ if leaves => Some(Kind::Export),
            Some(("Volumes", _) | (_, "LoadFromPacs")) if !look => Some(Kind::Import),
            _ if look => Some(Kind::View),
            _ => Some(Kind::Change),
        };
        Self { name, access: if look { Access::Look } else { Access::Change }, kind, public: false }
    }
}

/// All `Service/Method` of our protocol: nothing that a client makes up becomes a name in logs or metrics.
fn known() -> &'static BTreeSet<String> {
    static KNOWN: OnceLock<BTreeSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let set = prost_types::FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).unwrap_or_default();
        let services = set.file.into_iter().filter(|f| f.package() == "isochrone.v1").flat_map(|f| f.service);
        services
            .flat_map(|s| s.method.iter().map(|m| format!("{}/{}", s.name(), m.name())).collect::<Vec<_>>())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(known().len() > 20);
        let of = |path: &str| {
            let m = Method::of(path);
            (m.name, m.access, m.kind, m.public)
        };
        assert_eq!(
            of("/isochrone.v1.Segmentation/AddPrompts"),
            ("Segmentation/AddPrompts", Access::Change, Some(Kind::Change), false)
        );
        assert_eq!(of("/isochrone.v1.Segmentation/GetMask").1, Access::Look);
        for writes in ["Export/SaveNifti", "Export/Export", "Pacs/StoreToPacs"] {
            let (_, access, kind, _) = of(&format!("/isochrone.v1.{writes}"));
            assert_eq!((access, kind), (Access::Change, Some(Kind::Export)), "{writes}");
        }
        assert_eq!(of("/isochrone.v1.Export/DownloadNifti").1, Access::Look);
        assert_eq!(of("/isochrone.v1.Volumes/LoadFile").2, Some(Kind::Import));
        assert_eq!(of("/isochrone.v1.Volumes/UploadChunk").2, None);
        let listed = LOOKS.iter().chain(&QUIET).chain(&DELETES);
        assert!(listed.into_iter().all(|name| known().contains(*name)), "every name in the lists is of the protocol");
        assert_eq!(of("/isochrone.v1.Segmentation/Jane Doe").0, "other");
        assert!(of("/grpc.health.v1.Health/Check").3 && !of("/grpc.reflection.v1.ServerReflection/X").3);
        for path in ["", "/", "//", "/a", "isochrone.v1.Segmentation/GetMask", "/isochrone.v1.", "/isochrone.v1./"] {
            assert_eq!(of(path), ("other", Access::Change, None, false), "{path}");
        }
    }
}
