//! A server with accounts, for the tests of who may do what.

use crate::support::{balls, repository};
use isochrone_api::v1;
use isochrone_api::v1::export_client::ExportClient;
use isochrone_api::v1::segmentation_client::SegmentationClient;
use isochrone_api::v1::volumes_client::VolumesClient;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub fn isochrone(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isochrone")).args(arguments).output().unwrap()
}

/// A new folder for a server, and tokens of users in it.
pub fn state(users: &[(&str, &str)]) -> (TempDir, Vec<String>) {
    // For its owner alone, as the server demands.
    let owner = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(owner).tempdir().unwrap();
    let tokens = users.iter().map(|(name, role)| add_user(folder.path(), name, role)).collect();
    (folder, tokens)
}

pub fn add_user(state: &Path, name: &str, role: &str) -> String {
    let added = isochrone(&["user", "add", name, "--role", role, "--state", state.to_str().unwrap()]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let token = String::from_utf8(added.stdout).unwrap().trim().to_owned();
    assert!(!String::from_utf8_lossy(&added.stderr).contains(&token));
    token
}

/// A process of its own, ended with the test.
pub struct Guarded {
    pub child: Child,
    pub address: String,
    pub root: TempDir,
    log: tempfile::NamedTempFile,
    _stdout: BufReader<ChildStdout>,
}

impl Guarded {
    pub fn start(state: &Path, options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        isochrone_export::write_volume(&root.path().join("Planted_Patient.nii.gz"), &balls()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isochrone"));
        command.args(["serve", "--threads", "1", "--model", "no-such-bundle"]);
        if !options.contains(&"--root") {
            command.arg("--root").arg(root.path());
        }
        command.arg("--state").arg(state);
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let log = tempfile::NamedTempFile::new().unwrap();
        command.args(options).current_dir(repository()).env("RUST_LOG", "debug").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(log.reopen().unwrap()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let text = std::fs::read_to_string(log.path()).unwrap();
        let address = line.trim().strip_prefix("isochrone listening on ").expect(&text).to_owned();
        Self { child, address, root, log, _stdout: stdout }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    pub fn endpoint(&self) -> Endpoint {
        Channel::from_shared(format!("http://{}", self.address)).unwrap()
    }

    /// Somebody at a machine of theirs.
    pub async fn user(&self, token: Option<&str>) -> User {
        User::on(self.endpoint().connect().await.unwrap(), token)
    }

    /// Ends it in order.
    #[cfg(unix)]
    pub fn stop(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.log()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Headers that go with each request.
#[derive(Clone, Default)]
pub struct Headers(pub Vec<(&'static str, String)>);

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(*name, MetadataValue::try_from(value.as_str()).unwrap());
        }
        Ok(request)
    }
}

type With = InterceptedService<Channel, Headers>;

/// Clients of one user.
#[derive(Clone)]
pub struct User {
    pub volumes: VolumesClient<With>,
    pub segmentation: SegmentationClient<With>,
    pub export: ExportClient<With>,
}

impl User {
    pub fn on(channel: Channel, token: Option<&str>) -> Self {
        Self::with(channel, token.map(|t| ("authorization", format!("Bearer {t}"))).into_iter().collect())
    }

    pub fn with(channel: Channel, headers: Vec<(&'static str, String)>) -> Self {
        let headers = Headers(headers);
        Self {
            volumes: VolumesClient::with_interceptor(channel.clone(), headers.clone()),
            segmentation: SegmentationClient::with_interceptor(channel.clone(), headers.clone()),
            export: ExportClient::with_interceptor(channel, headers),
        }
    }

    pub async fn describe(&mut self) -> Result<(), Status> {
        self.segmentation.describe_server(v1::DescribeServerRequest {}).await.map(drop)
    }

    /// A volume, a session on it, a label.
    pub async fn open(&mut self) -> (String, String, u32) {
        let request = v1::LoadFileRequest {
            path: "Planted_Patient.nii.gz".to_owned(),
            modality: v1::Modality::Ct.into(),
            ..Default::default()
        };
        let volume_id = self.volumes.load_file(request).await.unwrap().into_inner().volume_id;
        let request = v1::OpenSessionRequest { volume_ids: vec![volume_id.clone()], seed: 3, ..Default::default() };
        let session_id = self.segmentation.open_session(request).await.unwrap().into_inner().session_id;
        let request = v1::AddLabelRequest {
            session_id: session_id.clone(),
            name: "Planted Label".to_owned(),
            ..Default::default()
        };
        let label = self.segmentation.add_label(request).await.unwrap().into_inner().label_id;
        (volume_id, session_id, label)
    }

    pub async fn look(&mut self, session_id: &str) -> Result<v1::Session, Status> {
        let request = v1::GetSessionRequest { session_id: session_id.to_owned() };
        Ok(self.segmentation.get_session(request).await?.into_inner())
    }

    pub async fn reset(&mut self, session_id: &str, label_id: u32) -> Result<(), Status> {
        let request = v1::ResetLabelRequest { session_id: session_id.to_owned(), label_id, expected_revision: None };
        self.segmentation.reset_label(request).await.map(drop)
    }
}
