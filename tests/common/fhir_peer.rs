//! A FHIR R4 server of another maker (Medplum's router), as a child of the test process. Not: what it is made of, which
//! is `tests/peers/fhir`.
//!
//! **It ends with the test process**, however that ends: its standard input is our pipe.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::peer;

const BASE: &str = "/fhir/R4";

/// The patient record of a clinic.
pub struct FhirPeer {
    process: Mutex<(Child, BufReader<ChildStdout>)>,
    port: u16,
}

/// One server for all tests of a process, which keep apart by ids and addresses. If it cannot be had, says so where no
/// test harness hides it; where all tests must run, it panics.
pub fn shared_or_skip(test_name: &str) -> Option<&'static FhirPeer> {
    static SHARED: OnceLock<FhirPeer> = OnceLock::new();
    packages_or_skip(test_name).map(|packages| SHARED.get_or_init(|| FhirPeer::start(&packages)))
}

/// A server of the test's own, to be closed.
pub fn own_or_skip(test_name: &str) -> Option<FhirPeer> {
    packages_or_skip(test_name).map(|packages| FhirPeer::start(&packages))
}

fn packages_or_skip(test_name: &str) -> Option<PathBuf> {
    peer::packages_or_skip(test_name, "fhir", "@medplum/fhir-router")
}

impl FhirPeer {
    fn start(packages: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/fhir/server.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("PACKAGES", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node");
        let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut port = String::new();
        answers.read_line(&mut port).expect("a line");
        let Ok(port) = port.trim().parse() else {
            let mut said = String::new();
            let _ = child.stderr.take().expect("a pipe").read_to_string(&mut said);
            panic!("no FHIR server: {said}");
        };
        Self { process: Mutex::new((child, answers)), port }
    }

    /// The base URL for a client.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{BASE}", self.port)
    }

    /// Writes a resource, as the clinic's own programs do. The server has checked it against R4's definitions.
    pub fn put(&self, resource: &Value) {
        let target = format!("{}/{}", word(resource, "resourceType"), word(resource, "id"));
        self.send("PUT", &target, &resource.to_string());
    }

    /// Deletes a patient.
    pub fn delete(&self, id: &str) {
        self.send("DELETE", &format!("Patient/{id}"), "");
    }

    /// Nobody is listening any more, and all connections are cut. Records stay.
    pub fn close(&self) {
        self.order("close");
    }

    /// It is there again, at the same port.
    pub fn listen(&self) {
        self.order("listen");
    }

    fn order(&self, order: &str) {
        let mut process = self.process.lock().expect("no panic");
        let (child, answers) = &mut *process;
        writeln!(child.stdin.as_mut().expect("a pipe"), "{order}").expect("it reads");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("a line");
        assert_eq!(answer.trim(), order);
    }

    fn send(&self, method: &str, target: &str, body: &str) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the server listens");
        let request = format!(
            "{method} {BASE}/{target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
             content-type: application/fhir+json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{method} {target}: {answer}");
    }
}

impl Drop for FhirPeer {
    fn drop(&mut self) {
        let (child, _) = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(child.stdin.take());
        let _ = child.wait();
    }
}

fn word<'a>(resource: &'a Value, name: &str) -> &'a str {
    resource[name].as_str().expect("a word")
}
