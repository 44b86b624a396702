//! Random damage to journals and to requests: an answer, quickly, and never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "../../intake/tests/fuzz/mutate.rs"]
mod mutate;

use common::{Bench, click, volume};
use isochrone_api::{Limits, v1, wire_prompt};
use isochrone_journal::Journal;
use isochrone_prompt::{Box3D, BoxAxes, Click, Lasso, Plane, Polarity, Polygon, Prompt, Scribble};
use isochrone_segment::Channel;
use isochrone_session::stub::StubEngine;
use isochrone_session::{Keeper, Session, SessionLimits};
use isochrone_volume::DVec3;
use mutate::{Target, run};
use prost::Message;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tonic::Code;

fn session() -> Session {
    let channel = Channel { volume: Arc::new(volume()) };
    Session::open(Arc::new(StubEngine::default()), &[channel], 7, SessionLimits::default()).unwrap()
}

#[derive(Clone)]
struct Into(Arc<Mutex<Journal>>);

impl Keeper for Into {
    fn keep(&mut self, record: &[u8]) -> Result<(), String> {
        self.0.lock().unwrap().append(record).map_err(|e| e.to_string())
    }
}

/// A session's journal: labels, prompts, an undo.
fn journal(folder: &Path) -> Vec<u8> {
    let path = folder.join("good.journal");
    let file = Into(Arc::new(Mutex::new(Journal::create(&path, b"head").unwrap())));
    let mut session = session().kept_by(Box::new(file));
    let label = session.add_label("lesion").unwrap().label.unwrap();
    for voxel in [[10, 10, 10], [25, 20, 10], [12, 12, 8]] {
        let position_lps_mm = session.volume().grid().centre_mm(voxel);
        session
            .add_prompts(label, vec![Prompt::Click(Click { position_lps_mm, polarity: Polarity::Positive })], "")
            .unwrap();
    }
    session.undo().unwrap();
    std::fs::read(path).unwrap()
}

/// A request of each kind of prompt.
fn requests(session: &str) -> Vec<Vec<u8>> {
    let at = |x: f64, y: f64| DVec3::new(x, y, 20.0);
    let plane = Plane::new(at(15.0, 15.0), DVec3::X, DVec3::Y).unwrap();
    let around = vec![at(8.0, 8.0), at(22.0, 8.0), at(22.0, 22.0), at(8.0, 22.0)];
    let polarity = Polarity::Positive;
    let kinds = [
        Prompt::Click(Click { position_lps_mm: at(15.0, 15.0), polarity }),
        Prompt::Scribble(Scribble { points_lps_mm: around.clone(), radius_mm: 2.0, plane: Some(plane), polarity }),
        Prompt::Box3D(Box3D {
            corners_lps_mm: [at(8.0, 8.0), DVec3::new(22.0, 22.0, 30.0)],
            axes: BoxAxes::Lps,
            polarity,
        }),
        Prompt::Lasso(Lasso { points_lps_mm: around.clone(), plane, polarity }),
        Prompt::Polygon(Polygon { vertices_lps_mm: around, plane, polarity, pinned: vec![1] }),
        Prompt::LabelName("liver".parse().unwrap()),
    ];
    let request = |prompt: &Prompt| v1::AddPromptsRequest {
        prompts: vec![wire_prompt(prompt)],
        mask_only: true,
        ..click(session, [15.0, 15.0, 20.0])
    };
    kinds.iter().map(|prompt| request(prompt).encode_to_vec()).collect()
}

#[test]
fn journals_and_requests_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let good = journal(folder.path());
    let comes_back = |_: &[u8], path: &Path| {
        let Ok(found) = isochrone_journal::read(path) else { return };
        let Some((_, changes)) = found.records.split_first() else { return };
        // What the journal's hashes let through is what was written.
        session().resumed(changes).unwrap();
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (bench, id) = runtime.block_on(async {
        let mut bench = Bench::new(StubEngine::default(), Limits::default()).await;
        let id = bench.session().await;
        (bench, id)
    });
    let asked = |bytes: &[u8], _: &Path| {
        let Ok(request) = v1::AddPromptsRequest::decode(bytes) else { return };
        let mut client = bench.segmentation.clone();
        let undo = v1::UndoRequest { session_id: id.clone(), ..Default::default() };
        let code = runtime.block_on(async move {
            let ended = async {
                let mut events = client.add_prompts(request).await?.into_inner();
                while events.message().await?.is_some() {}
                Ok::<_, tonic::Status>(())
            };
            let code = ended.await.map_or_else(|status| status.code(), |()| Code::Ok);
            // The list of steps stays short.
            drop(client.undo(undo).await);
            code
        });
        assert!(!matches!(code, Code::Internal | Code::Unknown | Code::Unavailable), "{code:?}");
    };
    run(&[
        Target { name: "journal", good: vec![good], take: &comes_back },
        Target { name: "requests", good: requests(&id), take: &asked },
    ]);
}
