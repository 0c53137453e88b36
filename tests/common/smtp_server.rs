//! A mail server on loopback that answers as a script says, also badly. Not: a server of another maker, which
//! `tests/smtp` starts too.
//!
//! **What it has accepted is what it has answered 2xx to after the whole message, or was told to keep.** It runs on threads of its own, so it
//! works under any runtime and any clock, and ends when it is dropped.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use acceso::conformance::mailer::Arrived;
use mail_parser::MessageParser;
use tokio::net::TcpSocket;

/// What a client does, in its usual order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    Data,
    /// The end of the message.
    Message,
    Noop,
    Quit,
    Other,
}

/// What a script is asked about.
#[derive(Debug, Clone)]
pub struct Heard {
    pub verb: Verb,
    /// The command, without its end; of a message its whole text.
    pub line: String,
    /// How often this verb was heard before, by the server as a whole.
    pub before: usize,
    /// The number of the connection, from 0.
    pub connection: usize,
}

/// What the server does.
#[derive(Debug, Clone)]
pub enum Answer {
    /// As an obliging server answers.
    Usual,
    /// These lines, and goes on.
    Say(&'static str),
    /// These lines, and closes the connection.
    SayAndClose(&'static str),
    /// These bytes as they are, and goes on.
    Raw(&'static [u8]),
    Close,
    /// Keeps the message, and closes without a word.
    KeepAndClose,
    /// Nothing more, on an open connection.
    Silence,
    /// A line without end, until the client has enough.
    Endless,
}

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message, without the doubled dots.
    pub message: String,
}

impl Received {
    /// As an independent parser reads it.
    pub fn arrived(&self) -> Arrived {
        let mail = MessageParser::default().parse(self.message.as_bytes()).expect("a mail");
        Arrived {
            recipients: self.to.clone(),
            subject: mail.subject().expect("a subject").to_owned(),
            text: mail.body_text(0).expect("a text").into_owned(),
            html: mail.body_html(0).expect("an HTML").into_owned(),
        }
    }
}

/// A port of a test's own, where connections are refused as long as no server listens.
pub struct Port {
    /// Bound, so that nobody else gets it, and never listening.
    _reserved: TcpSocket,
    address: SocketAddr,
}

impl Port {
    pub fn reserve() -> Self {
        let reserved = bound((Ipv4Addr::LOCALHOST, 0).into());
        let address = reserved.local_addr().expect("an address");
        Self { _reserved: reserved, address }
    }

    /// `smtp://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("a port for two sockets");
    socket.set_reuseaddr(true).expect("a port that was just left");
    socket.bind(address).expect("a port");
    socket
}

type Script = dyn Fn(&Heard) -> Answer + Send + Sync;

pub struct SmtpServer {
    address: SocketAddr,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

struct State {
    script: Mutex<Arc<Script>>,
    told: Mutex<Told>,
    taken: Condvar,
}

#[derive(Default)]
struct Told {
    mails: Vec<Received>,
    commands: Vec<String>,
    counts: BTreeMap<Verb, usize>,
    streams: Vec<TcpStream>,
    has_ended: bool,
}

impl SmtpServer {
    /// A server that accepts everything.
    pub fn obliging() -> Self {
        Self::start(|_| Answer::Usual)
    }

    /// A server that asks the script about everything it hears.
    pub fn start(script: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"), script)
    }

    /// As [`start`](Self::start), at that port: until it is dropped connections are taken there. Needs a runtime of tokio.
    pub fn start_at(port: &Port, script: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> Self {
        let listener = bound(port.address).listen(128).and_then(tokio::net::TcpListener::into_std).expect("a listener");
        listener.set_nonblocking(false).expect("a listener that waits");
        Self::on(listener, script)
    }

    fn on(listener: TcpListener, script: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let state =
            Arc::new(State { script: Mutex::new(Arc::new(script)), told: Mutex::default(), taken: Condvar::new() });
        let served = Arc::clone(&state);
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let state = Arc::clone(&served);
                {
                    let mut told = state.told.lock().expect("no panic");
                    if told.has_ended {
                        return;
                    }
                    told.streams.push(stream.try_clone().expect("a second handle"));
                }
                thread::spawn(move || state.serve(&stream));
            }
        });
        Self { address, state, listening: Some(listening) }
    }

    /// Another script, from the next thing on that it hears.
    pub fn change(&self, script: impl Fn(&Heard) -> Answer + Send + Sync + 'static) {
        *self.state.script.lock().expect("no panic") = Arc::new(script);
    }

    /// `smtp://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes out the mails that were accepted, in their order.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.told().mails)
    }

    /// Blocks until so many mails lie here. Only for those that are under way whatever the runtime does.
    pub fn wait_for(&self, mails: usize) {
        let patience = Duration::from_secs(60);
        let few = |told: &mut Told| told.mails.len() < mails;
        let (_told, waited) = self.state.taken.wait_timeout_while(self.told(), patience, few).expect("no panic");
        assert!(!waited.timed_out(), "{mails} mails were under way");
    }

    /// Every command so far, without messages.
    pub fn commands(&self) -> Vec<String> {
        self.told().commands.clone()
    }

    /// How often it has heard that.
    pub fn count(&self, verb: Verb) -> usize {
        self.told().counts.get(&verb).copied().unwrap_or_default()
    }

    /// Cuts all connections that are open, as a restart does.
    pub fn cut_all(&self) {
        for stream in self.told().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.state.told.lock().expect("no panic")
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.told().has_ended = true;
        self.cut_all();
        // Wakes the one who listens.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl State {
    /// One connection; ends when either side does.
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let connection = self.told.lock().expect("no panic").counts.get(&Verb::Connect).copied().unwrap_or_default();
        let (mut from, mut to) = (String::new(), Vec::new());
        let mut heard = self.hear(Verb::Connect, String::new(), connection);
        loop {
            let answer = self.answer(&heard);
            let line = match &answer {
                Answer::Usual => usual(heard.verb),
                Answer::Say(line) | Answer::SayAndClose(line) => line,
                _ => "",
            };
            match heard.verb {
                Verb::Sender => (from, to) = (bracketed(&heard.line), Vec::new()),
                Verb::Recipient if line.starts_with('2') => to.push(bracketed(&heard.line)),
                Verb::Message if line.starts_with('2') || matches!(answer, Answer::KeepAndClose) => {
                    let mail = Received { from: from.clone(), to: to.clone(), message: heard.line.clone() };
                    self.told.lock().expect("no panic").mails.push(mail);
                    self.taken.notify_all();
                }
                _ => {}
            }
            let mut writer = stream;
            let sent = match answer {
                Answer::Usual | Answer::Say(_) => writer.write_all(format!("{line}\r\n").as_bytes()),
                Answer::SayAndClose(_) => {
                    let _ = writer.write_all(format!("{line}\r\n").as_bytes());
                    return close(stream);
                }
                Answer::Raw(bytes) => writer.write_all(bytes),
                Answer::Close | Answer::KeepAndClose => return close(stream),
                Answer::Silence => {
                    // Until the client goes away.
                    let _ = std::io::copy(&mut reader, &mut std::io::sink());
                    return;
                }
                Answer::Endless => {
                    while writer.write_all(&[b'a'; 4096]).is_ok() {}
                    return;
                }
            };
            if sent.is_err() || heard.verb == Verb::Quit {
                return close(stream);
            }
            let content = heard.verb == Verb::Data && line.starts_with('3');
            let next = if content { message(&mut reader) } else { command(&mut reader) };
            let Some(next) = next else { return close(stream) };
            heard = if content {
                self.hear(Verb::Message, next, connection)
            } else {
                self.hear(verb(&next), next, connection)
            };
        }
    }

    fn hear(&self, verb: Verb, line: String, connection: usize) -> Heard {
        let mut told = self.told.lock().expect("no panic");
        if !matches!(verb, Verb::Connect | Verb::Message) {
            told.commands.push(line.clone());
        }
        let count = told.counts.entry(verb).or_default();
        *count += 1;
        Heard { verb, line, before: *count - 1, connection }
    }

    fn answer(&self, heard: &Heard) -> Answer {
        let script = Arc::clone(&self.script.lock().expect("no panic"));
        script(heard)
    }
}

fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

fn verb(line: &str) -> Verb {
    let line = line.to_ascii_uppercase();
    match line.split([' ', ':']).next().unwrap_or_default() {
        "EHLO" => Verb::Ehlo,
        "STARTTLS" => Verb::StartTls,
        "AUTH" => Verb::Auth,
        "MAIL" => Verb::Sender,
        "RCPT" => Verb::Recipient,
        "DATA" => Verb::Data,
        "NOOP" => Verb::Noop,
        "QUIT" => Verb::Quit,
        _ => Verb::Other,
    }
}

fn usual(verb: Verb) -> &'static str {
    match verb {
        Verb::Connect => "220 loopback ready",
        Verb::Ehlo => "250-loopback\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES",
        Verb::StartTls | Verb::Other => "502 5.5.1 not here",
        Verb::Auth => "235 2.7.0 welcome",
        Verb::Data => "354 go on",
        Verb::Quit => "221 2.0.0 bye",
        Verb::Sender | Verb::Recipient | Verb::Message | Verb::Noop => "250 2.0.0 ok",
    }
}

fn bracketed(line: &str) -> String {
    let (_, after) = line.split_once('<').expect("an address");
    after.split_once('>').expect("an address").0.to_owned()
}

fn command(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A message up to the lone dot, without the doubled dots.
fn message(reader: &mut impl BufRead) -> Option<String> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        match line.as_slice() {
            b".\r\n" => return Some(String::from_utf8_lossy(&message).into_owned()),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            line => message.extend_from_slice(line),
        }
    }
}
