//! A mail server of another maker, as a child of the test. Not: what it is made of, which is `tests/peers/mail`.
//!
//! **It ends with the test**, however that ends: its standard input is our pipe.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use acceso::conformance::mailer::Arrived;
use serde_json::Value;

use crate::certificates::Certificate;
use crate::peer;

/// The folder of the installed packages, if it is there; or says that it is not.
pub fn packages_or_skip(test_name: &str) -> Option<PathBuf> {
    peer::packages_or_skip(test_name, "mail", "smtp-server")
}

/// How the server speaks.
#[derive(Clone, Copy)]
pub enum Speaks<'a> {
    Plain,
    StartTls(&'a Certificate),
    Implicit(&'a Certificate),
}

pub struct Peer {
    process: Mutex<(Child, BufReader<ChildStdout>)>,
    pub port: u16,
}

impl Peer {
    /// With a login, if the two words are given.
    pub fn start(packages: &Path, speaks: Speaks<'_>, login: Option<(&str, &str)>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail/server.mjs");
        let mut command = Command::new("node");
        command.arg(script).env("PACKAGES", packages);
        let (tls, certificate) = match speaks {
            Speaks::Plain => ("none", None),
            Speaks::StartTls(certificate) => ("starttls", Some(certificate)),
            Speaks::Implicit(certificate) => ("implicit", Some(certificate)),
        };
        command.env("TLS", tls);
        if let Some(certificate) = certificate {
            command.env("KEY", certificate.key_file()).env("CERT", certificate.file());
        }
        if let Some((user, password)) = login {
            command.env("USER_NAME", user).env("PASSWORD", password);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node");
        let mut answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut port = String::new();
        answers.read_line(&mut port).expect("a line");
        let port = port.trim().parse().expect("a port");
        Self { process: Mutex::new((process, answers)), port }
    }

    /// Takes out the mails that have arrived.
    pub fn take(&self) -> Vec<Value> {
        let mut process = self.process.lock().expect("no panic");
        let (child, answers) = &mut *process;
        writeln!(child.stdin.as_mut().expect("a pipe")).expect("it listens");
        let mut line = String::new();
        answers.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("a list")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let (child, _) = self.process.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(child.stdin.take());
        let _ = child.wait();
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A mail as the other maker's parser read it.
pub fn arrived(mail: &Value) -> Arrived {
    let recipients = mail["envelope"]["to"].as_array().expect("a list");
    Arrived {
        recipients: recipients.iter().map(|address| text(address).to_owned()).collect(),
        subject: text(&mail["subject"]).to_owned(),
        text: text(&mail["text"]).to_owned(),
        html: text(&mail["html"]).to_owned(),
    }
}
