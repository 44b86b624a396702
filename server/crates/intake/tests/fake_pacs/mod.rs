//! An HTTP server that answers as a test says, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn json(text: &str) -> Self {
        Self { body: text.as_bytes().to_vec(), ..Self::status(200) }.with("Content-Type", "application/dicom+json")
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.headers.retain(|(k, _)| k != key);
        self.headers.push((key.to_owned(), value.to_owned()));
        self
    }
}

pub struct FakePacs {
    port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl FakePacs {
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, remembered) = (Arc::new(answer), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, remembered) = (answer.clone(), remembered.clone());
                std::thread::spawn(move || {
                    let _ = serve(stream.unwrap(), answer.as_ref(), &remembered);
                });
            }
        });
        Self { port, asked }
    }

    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}/dicom-web", self.port)
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|r| r.path.clone()).collect()
    }

    pub fn last_header(&self, key: &str) -> Option<String> {
        let asked = self.asked.lock().unwrap();
        asked.last()?.headers.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone())
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Request) -> Answer + Send + Sync),
    asked: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((key, value)) = line.trim().split_once(':') else { break };
        headers.push((key.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(k, _)| k == "content-length").and_then(|(_, v)| v.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let request = Request { method, path, headers, body };
    let Answer { status, headers, body } = answer(&request);
    asked.lock().unwrap().push(request);
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    headers.iter().for_each(|(k, v)| head.push_str(&format!("{k}: {v}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&body)
}

/// What passes as a DICOM file here.
pub fn dicom(uid: &str) -> Vec<u8> {
    [&[0; 128][..], b"DICM", uid.as_bytes()].concat()
}

pub fn multipart(parts: &[&[u8]]) -> Answer {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(b"--b0\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b0--");
    Answer { body, ..Answer::status(200) }
        .with("Content-Type", "multipart/related; type=\"application/dicom\"; boundary=b0")
}

pub fn instance_list(uids: &[&str]) -> Answer {
    let entries: Vec<String> = uids
        .iter()
        .enumerate()
        .map(|(n, uid)| {
            format!(
                r#"{{"00080018":{{"vr":"UI","Value":["{uid}"]}},"00200013":{{"vr":"IS","Value":[{n}]}},"00280010":{{"vr":"US","Value":[4]}},"00280011":{{"vr":"US","Value":[4]}}}}"#
            )
        })
        .collect();
    Answer::json(&format!("[{}]", entries.join(",")))
}
