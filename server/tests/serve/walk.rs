//! Every field of every request, wrong in every way that its type allows, by walking the protocol's description.

use crate::access::{Verbatim, VerbatimCodec};
use crate::support::{BALL, Server, balls, wire_box};
use isochrone_api::v1;
use isochrone_volume::{DVec3, Mask, MaskDelta, VoxelBox};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Enum99,
    NotANumber,
    Infinite,
    Hundred,
    LongText,
    Million,
    Missing,
}

/// A request that is wrong in one field.
struct Wrong {
    /// Names from the outside in, separated by dots.
    field: String,
    fault: Fault,
    bytes: Vec<u8>,
}

/// A message as it should be, and in all ways in which it should not.
#[derive(Default)]
struct Variants {
    good: Vec<u8>,
    wrong: Vec<Wrong>,
}

struct Walk {
    messages: BTreeMap<String, DescriptorProto>,
    ids: BTreeMap<&'static str, String>,
    label: u64,
}

const TEN_MB: usize = 10 << 20;

impl Walk {
    fn message(&self, name: &str, path: &str) -> Variants {
        let message = &self.messages[name];
        let parts: Vec<(&FieldDescriptorProto, Variants)> =
            message.field.iter().map(|f| (f, self.field(f, path))).collect();
        // Of alternatives the first counts, unless another is the one at fault; optional fields are left out.
        let alternative = |f: &FieldDescriptorProto| f.oneof_index.filter(|_| !f.proto3_optional());
        let first = |f: &FieldDescriptorProto| {
            let group = alternative(f);
            group.is_none()
                || message.field.iter().find(|g| alternative(g) == group).is_some_and(|g| g.number == f.number)
        };
        let without = |gone: &FieldDescriptorProto| {
            let mut bytes = Vec::new();
            for (f, v) in &parts {
                let beside = alternative(gone).is_some() && alternative(gone) == alternative(f);
                if f.number != gone.number && !beside && first(f) && !f.proto3_optional() {
                    bytes.extend(&v.good);
                }
            }
            bytes
        };
        let mut all = Variants::default();
        for (f, v) in &parts {
            if first(f) && !f.proto3_optional() {
                all.good.extend(&v.good);
            }
            for wrong in &v.wrong {
                let bytes = [without(f), wrong.bytes.clone()].concat();
                all.wrong.push(Wrong { field: wrong.field.clone(), fault: wrong.fault, bytes });
            }
            if alternative(f).is_some() && first(f) {
                let group = &message.oneof_decl[f.oneof_index() as usize];
                let field = format!("{path}{}", group.name());
                all.wrong.push(Wrong { field, fault: Fault::Missing, bytes: without(f) });
            }
        }
        all
    }

    fn field(&self, f: &FieldDescriptorProto, path: &str) -> Variants {
        let field = format!("{path}{}", f.name());
        let number = f.number() as u32;
        let repeated = f.label() == Label::Repeated;
        let mut all = Variants::default();
        let mut wrong = |fault, bytes| all.wrong.push(Wrong { field: field.clone(), fault, bytes });
        let text = |text: &[u8]| delimited(number, text);
        match f.r#type() {
            Type::Message => {
                let name = f.type_name().trim_start_matches('.');
                if self.messages[name].options.as_ref().is_some_and(|o| o.map_entry()) {
                    return all;
                }
                let inner = self.message(name, &format!("{field}."));
                if repeated {
                    wrong(Fault::Million, delimited(number, &[]).repeat(1_000_000));
                }
                all.good = match directions(f.name(), path) {
                    Some(direction) => delimited(number, &direction.encode_to_vec()),
                    None if repeated => several(number, &inner.good, name),
                    None => delimited(number, &inner.good),
                };
                for w in inner.wrong {
                    all.wrong.push(Wrong { bytes: delimited(number, &w.bytes), ..w });
                }
                return all;
            }
            Type::String => {
                wrong(Fault::LongText, text(&vec![b'x'; TEN_MB]));
                if repeated {
                    wrong(Fault::Million, text(b"").repeat(1_000_000));
                }
                all.good = text(self.ids.get(f.name()).map_or("x", |id| id).as_bytes());
            }
            Type::Bytes if f.name() == "sha256" => all.good = text(&[0; 32]),
            Type::Bytes => all.good = text(&two_by_two()),
            Type::Bool => all.good = varint(number, 0),
            Type::Double => {
                wrong(Fault::NotANumber, double(number, f64::NAN));
                wrong(Fault::Infinite, double(number, f64::NEG_INFINITY));
                wrong(Fault::Hundred, double(number, -1e100));
                let good = match f.name() {
                    "x" => BALL.x,
                    "y" => BALL.y,
                    "z" => BALL.z,
                    _ => 2.0,
                };
                all.good = double(number, good);
            }
            Type::Enum => {
                wrong(Fault::Enum99, varint(number, 99));
                if repeated {
                    wrong(Fault::Million, varint(number, 1).repeat(1_000_000));
                }
                all.good = varint(number, 1);
            }
            _ => {
                wrong(Fault::Hundred, varint(number, u64::MAX));
                if repeated {
                    wrong(Fault::Million, varint(number, 1).repeat(1_000_000));
                }
                let good = match f.name() {
                    "label_id" | "label_ids" => self.label,
                    "other_label_id" => self.label + 1,
                    "i" | "j" | "k" if path.ends_with("max.") => 2,
                    "i" | "j" | "k" => 0,
                    "size_bytes" => 100,
                    _ => 1,
                };
                all.good = varint(number, good);
            }
        }
        all
    }
}

fn delimited(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

fn varint(number: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::Varint, &mut bytes);
    encode_varint(value, &mut bytes);
    bytes
}

fn double(number: u32, value: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::SixtyFourBit, &mut bytes);
    bytes.extend(value.to_le_bytes());
    bytes
}

/// The two directions of a plane.
fn directions(name: &str, path: &str) -> Option<v1::Point> {
    let along = |x, y| Some(v1::Point { x, y, z: 0.0 });
    match name {
        "u" if path.ends_with("plane.") => along(1.0, 0.0),
        "v" if path.ends_with("plane.") => along(0.0, 1.0),
        _ => None,
    }
}

/// A list as long as anything asks for; points that do not lie on one line.
fn several(number: u32, one: &[u8], message: &str) -> Vec<u8> {
    if message.ends_with(".Point") {
        let corners = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)].map(|(x, y)| BALL + DVec3::new(x, y, 0.0));
        return corners
            .iter()
            .flat_map(|p| delimited(number, &v1::Point { x: p.x, y: p.y, z: p.z }.encode_to_vec()))
            .collect();
    }
    delimited(number, one)
}

/// Eight set voxels, as a delta packs them.
fn two_by_two() -> Vec<u8> {
    let mut mask = Mask::empty(balls().grid().clone());
    let region = VoxelBox { min: [0; 3], max: [2; 3] };
    mask.voxels_mut().slice_mut(region.slice()).fill(true);
    MaskDelta::of_box(&mask, region).zlib_bits
}

async fn send(channel: &Channel, path: &str, bytes: Vec<u8>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let answer = client.server_streaming(tonic::Request::new(Verbatim(bytes)), path.parse().unwrap(), VerbatimCodec);
    let mut stream = answer.await?.into_inner();
    while stream.message().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn every_field_of_every_request() {
    let mut server = Server::start().await;
    let volume = server.load("balls.nii.gz", &balls()).await;
    let session = server.open(&volume, "").await.unwrap();
    let label = server.add_label(&session, "lesion").await;
    let other = server.add_label(&session, "other").await;
    let edit = v1::ApplyEditRequest {
        session_id: session.clone(),
        label_id: other,
        r#box: Some(wire_box(&VoxelBox { min: [20; 3], max: [22; 3] })),
        zlib_bits: two_by_two(),
        ..Default::default()
    };
    server.segmentation.apply_edit(edit).await.unwrap();
    let begin = v1::BeginUploadRequest { format: 1, size_bytes: 100, ..Default::default() };
    let upload = server.volumes.begin_upload(begin).await.unwrap().into_inner().upload_id;
    let set = FileDescriptorSet::decode(isochrone_api::FILE_DESCRIPTOR_SET).unwrap();
    let own = || set.file.iter().filter(|f| f.package() == "isochrone.v1");
    let mut messages = BTreeMap::new();
    for m in own().flat_map(|f| &f.message_type) {
        let name = format!("isochrone.v1.{}", m.name());
        for inner in &m.nested_type {
            messages.insert(format!("{name}.{}", inner.name()), inner.clone());
        }
        messages.insert(name, m.clone());
    }
    let ids = BTreeMap::from([
        ("session_id", session.clone()),
        ("volume_id", volume.volume_id.clone()),
        ("volume_ids", volume.volume_id.clone()),
        ("to_volume_id", volume.volume_id.clone()),
        ("upload_id", upload),
        ("path", "balls.nii.gz".to_owned()),
        ("engine", String::new()),
        ("frame_of_reference_uid", String::new()),
        ("series", String::new()),
    ]);
    let walk = Walk { messages, ids, label: label.into() };
    let (mut asked, mut complaints) = (0, Vec::new());
    for (service, method) in own().flat_map(|f| &f.service).flat_map(|s| s.method.iter().map(move |m| (s, m))) {
        let path = format!("/isochrone.v1.{}/{}", service.name(), method.name());
        for wrong in walk.message(method.input_type().trim_start_matches('.'), "").wrong {
            let Wrong { field, fault, bytes } = wrong;
            let whole = bytes.len() <= 15 << 20;
            asked += 1;
            let (code, text) = match send(&server.channel, &path, bytes).await {
                Ok(()) => (Code::Ok, String::new()),
                Err(status) => (status.code(), status.message().to_owned()),
            };
            let name = field.rsplit('.').next().unwrap();
            let named = code == Code::InvalidArgument && text.contains(name);
            // A plain refusal, that names no path and repeats no flood.
            let answered = !matches!(
                code,
                Code::Internal | Code::Unknown | Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded
            );
            let fits = match fault {
                Fault::Enum99 | Fault::NotANumber | Fault::Infinite | Fault::Missing => {
                    named || service.name() == "Pacs"
                }
                Fault::LongText | Fault::Million => code != Code::Ok,
                Fault::Hundred => true,
            };
            if !(answered && fits && whole && text.len() < 1000) {
                complaints.push(format!("{path} {field} {fault:?}: {code:?} {:.160}", text));
            }
        }
    }
    println!("{asked} wrong requests");
    assert!(asked > 300);
    assert!(complaints.is_empty(), "{} of {asked}:\n{}", complaints.len(), complaints.join("\n"));
    server.still_serves().await;
}
