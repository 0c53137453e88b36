//! A FHIR server on loopback that answers as a script says, also badly; its token endpoint too. Not: a server of another
//! maker, which `tests/fhir` starts too.
//!
//! **It answers each request on a connection of its own.** It runs on threads of its own, so it works under any runtime
//! and any clock, and ends when it is dropped.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a script is asked about.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// How many requests came before.
    pub before: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The fields of its form, or of its query, decoded here: not by the client's own library.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let text = if self.body.is_empty() { query } else { &self.body };
        let decoded = |text: &str| String::from_utf8(unescaped(text)).expect("UTF-8");
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }
}

/// What the server does.
#[derive(Debug, Clone)]
pub enum Answer {
    /// 200 with FHIR JSON.
    Json(String),
    /// A status, headers in place of the usual content type, and a body.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// 200 with JSON, of which only so many bytes are sent before the connection is closed.
    Cut(String, usize),
    /// 200 with JSON in chunks without end, until the client has enough.
    Endless,
    /// 200 with JSON, of which a byte comes now and then, for ever.
    Drip,
    /// Nothing, on an open connection.
    Silence,
    Close,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::Full(status, Vec::new(), Vec::new())
    }

    /// 200 with that content type.
    pub fn of_type(content_type: &str, body: &[u8]) -> Self {
        Self::Full(200, vec![("content-type", content_type.to_owned())], body.to_owned())
    }
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

pub struct FhirServer {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    told: Mutex<Told>,
    sent: AtomicU64,
    tls: Option<Arc<ServerConfig>>,
}

#[derive(Default)]
struct Told {
    requests: Vec<Request>,
    streams: Vec<TcpStream>,
    has_ended: bool,
}

impl FhirServer {
    /// A server that asks the script about every request.
    pub fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch("http", None, Box::new(script))
    }

    /// The same over TLS.
    pub fn with_tls(tls: ServerConfig, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch("https", Some(Arc::new(tls)), Box::new(script))
    }

    fn launch(scheme: &'static str, tls: Option<Arc<ServerConfig>>, script: Box<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { script, told: Mutex::default(), sent: AtomicU64::new(0), tls });
        let listening = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let state = Arc::clone(&listening);
                {
                    let mut told = state.told.lock().expect("no panic");
                    if told.has_ended {
                        return;
                    }
                    told.streams.push(stream.try_clone().expect("a second handle"));
                }
                thread::spawn(move || state.accept(stream));
            }
        });
        Self { address, scheme, state }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where the host part is no name: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The base URL for a client.
    pub fn url(&self) -> String {
        format!("{}/fhir", self.origin())
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.told.lock().expect("no panic").requests.clone()
    }

    /// How many bytes of bodies were written so far.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }
}

impl Drop for FhirServer {
    fn drop(&mut self) {
        let mut told = self.state.told.lock().expect("no panic");
        told.has_ended = true;
        for stream in told.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(told);
        // Wakes the one who listens.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn accept(&self, stream: TcpStream) {
        let closing = stream.try_clone().expect("a second handle");
        match &self.tls {
            None => self.serve(stream),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).expect("a TLS configuration");
                self.serve(StreamOwned::new(connection, stream));
            }
        }
        let _ = closing.shutdown(Shutdown::Both);
    }

    /// One request; ends when it is answered or the client is gone.
    fn serve(&self, stream: impl Read + Write) {
        let mut reader = BufReader::new(stream);
        let Some(mut request) = read(&mut reader) else { return };
        {
            let mut told = self.told.lock().expect("no panic");
            request.before = told.requests.len();
            told.requests.push(request.clone());
        }
        let stream = reader.get_mut();
        match (self.script)(&request) {
            Answer::Json(body) => self.whole(stream, 200, &fhir_json(), body.as_bytes()),
            Answer::Full(status, headers, body) => self.whole(stream, status, &headers, &body),
            Answer::Cut(body, bytes) => {
                let head = head(200, &fhir_json(), &format!("content-length: {}\r\n", body.len()));
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&body.as_bytes()[..bytes]);
            }
            Answer::Endless => {
                let _ = stream.write_all(head(200, &fhir_json(), "transfer-encoding: chunked\r\n").as_bytes());
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                while stream.write_all(chunk.as_bytes()).is_ok() {
                    self.sent.fetch_add(0x10000, Ordering::Relaxed);
                }
            }
            Answer::Drip => {
                let _ = stream.write_all(head(200, &fhir_json(), "content-length: 1000000\r\n").as_bytes());
                while stream.write_all(b" ").and_then(|()| stream.flush()).is_ok() {
                    // The pace of a slow line; nobody waits for it.
                    thread::sleep(Duration::from_millis(5));
                }
            }
            Answer::Silence => {
                let _ = std::io::copy(&mut reader, &mut std::io::sink());
            }
            Answer::Close => {}
        }
    }

    fn whole(&self, stream: &mut impl Write, status: u16, headers: &[(&'static str, String)], body: &[u8]) {
        let head = head(status, headers, &format!("content-length: {}\r\n", body.len()));
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body).and_then(|()| stream.flush());
        self.sent.fetch_add(u64::try_from(body.len()).expect("a length"), Ordering::Relaxed);
    }
}

fn fhir_json() -> Vec<(&'static str, String)> {
    vec![("content-type", "application/fhir+json; charset=utf-8".to_owned())]
}

fn head(status: u16, headers: &[(&'static str, String)], length: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} scripted\r\n{headers}{length}connection: close\r\n\r\n")
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let line = |reader: &mut dyn BufRead| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Ok(0), |length| length.parse()).ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body: String::from_utf8(body).ok()?, before: 0 })
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next().expect("a digit")).to_digit(16).expect("a digit");
                u8::try_from(digit() * 16 + digit()).expect("a byte")
            }
            byte => byte,
        });
    }
    decoded
}
