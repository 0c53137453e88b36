//! Commands and replies on one connection (RFC 5321). Not: what is said in which order.
//!
//! **One reply for one command**: what was not asked for is never taken for an answer, and no answer is without end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::adapter::smtp::failure::{Cause, Failure, Words};
use crate::adapter::smtp::reply::{Reply, ReplyLine, Step};

/// RFC 5321, 4.5.3.1.5, says 512 bytes; servers are more talkative.
const LONGEST_LINE: usize = 2 * 1024;
/// An answer to EHLO has some twenty lines.
const LONGEST_REPLY: usize = 64 * 1024;

/// A connection, plain or encrypted.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and what was heard on it and not yet read.
pub(super) struct Wire<S> {
    stream: S,
    heard: Vec<u8>,
    timeout: Duration,
}

impl<S: Stream> Wire<S> {
    /// With a time-out for each command with its answer.
    pub(super) fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, heard: Vec::new(), timeout }
    }

    /// What the server says first.
    pub(super) async fn greeting(&mut self) -> Result<(), Failure> {
        let limit = self.timeout;
        let reply = timed(limit, self.reply()).await.map_err(|cause| Failure::new(Step::Greeting, cause))?;
        expect(Step::Greeting, reply, 2).map(drop)
    }

    /// A command, and its answer of that kind: 2 for done, 3 for go on. `command` ends in CRLF.
    pub(super) async fn ask(&mut self, step: Step, command: &[u8], kind: u16) -> Result<Reply, Failure> {
        if !self.is_quiet() {
            return Err(Failure::new(step, Cause::Unasked));
        }
        let limit = self.timeout;
        let asked = async {
            self.stream.write_all(command).await.map_err(Cause::Io)?;
            self.stream.flush().await.map_err(Cause::Io)?;
            self.reply().await
        };
        let reply = timed(limit, asked).await.map_err(|cause| Failure::new(step, cause))?;
        expect(step, reply, kind)
    }

    /// Says goodbye without waiting for an answer, as far as that goes at once.
    pub(super) async fn quit(mut self) {
        let goodbye = async {
            self.stream.write_all(b"QUIT\r\n").await?;
            self.stream.shutdown().await
        };
        let _ = timeout(self.timeout.min(Duration::from_secs(1)), goodbye).await;
    }

    /// Whether the server has said nothing that was not asked for.
    pub(super) fn is_quiet(&self) -> bool {
        self.heard.is_empty()
    }

    /// The bare connection, to encrypt it. `None` if the server goes on speaking before it is: that would be read as if
    /// it had come encrypted.
    pub(super) fn into_stream(self) -> Option<S> {
        self.heard.is_empty().then_some(self.stream)
    }

    async fn reply(&mut self) -> Result<Reply, Cause> {
        let mut reply: Option<Reply> = None;
        let mut length = 0;
        loop {
            let line = self.line().await?;
            length += line.len();
            if length > LONGEST_REPLY {
                return Err(Cause::TooLong);
            }
            let line = ReplyLine::parse(&line).ok_or(Cause::Unreadable)?;
            let reply = reply.get_or_insert_with(|| Reply { code: line.code, lines: Vec::new() });
            if reply.code != line.code {
                return Err(Cause::Unreadable);
            }
            reply.lines.push(line.text.to_owned());
            if line.is_last {
                return Ok(reply.clone());
            }
        }
    }

    /// The next line, without its end. Bytes that are no UTF-8 are only ever shown.
    async fn line(&mut self) -> Result<String, Cause> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.heard[looked..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=looked + at).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            looked = self.heard.len();
            if looked > LONGEST_LINE {
                return Err(Cause::TooLong);
            }
            let mut piece = [0; 1024];
            match self.stream.read(&mut piece).await.map_err(Cause::Io)? {
                0 => return Err(Cause::Closed),
                read => self.heard.extend_from_slice(piece.get(..read).unwrap_or_default()),
            }
        }
    }
}

async fn timed<T>(limit: Duration, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
    match timeout(limit, work).await {
        Ok(Err(Cause::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Cause::Closed),
        Ok(done) => done,
        Err(_) => Err(Cause::Late),
    }
}

fn expect(step: Step, reply: Reply, kind: u16) -> Result<Reply, Failure> {
    match reply.code / 100 {
        found if found == kind => Ok(reply),
        4 | 5 => Err(Failure::new(step, Cause::Refused(Words(reply)))),
        _ => Err(Failure::new(step, Cause::Unreadable)),
    }
}
