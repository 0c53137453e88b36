//! One connection through the proxy, message by message.
//!
//! **A connection that lost a message is silent for ever**, as with a network that lost it.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Controls, Cut, Mode};

/// Asks for encryption, by TLS or by GSSAPI: the request codes of the protocol.
const WISHES: [u32; 2] = [80_877_103, 80_877_104];

pub(super) struct Link<'a> {
    client: TcpStream,
    server: TcpStream,
    controls: &'a Controls,
    from_client: Vec<u8>,
    from_server: Vec<u8>,
    /// The first message has no letter before its length.
    introduced: bool,
    /// The texts of prepared statements and of portals, by name.
    prepared: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
    /// How many times the server will have said that it is ready for a query, when all that was passed on is answered;
    /// and how many times it has.
    asked: usize,
    answered: usize,
    /// The answer, by that count, at whose end the connection is cut.
    withheld: Option<usize>,
    deaf: bool,
}

impl<'a> Link<'a> {
    pub(super) fn new(client: TcpStream, server: TcpStream, controls: &'a Controls) -> Self {
        Self {
            client,
            server,
            controls,
            from_client: Vec::new(),
            from_server: Vec::new(),
            introduced: false,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            asked: 1,
            answered: 0,
            withheld: None,
            deaf: false,
        }
    }

    /// Until one side ends the connection or the proxy cuts it.
    pub(super) async fn carry(mut self) -> io::Result<()> {
        // Messages are small and each is waited for.
        self.client.set_nodelay(true)?;
        self.server.set_nodelay(true)?;
        loop {
            let read = tokio::select! {
                read = self.client.read_buf(&mut self.from_client) => read?,
                read = self.server.read_buf(&mut self.from_server) => read?,
            };
            if read == 0 {
                break;
            }
            while let Some(message) = take_message(&mut self.from_client, self.introduced) {
                if self.swallows() {
                    self.note(&message);
                } else if self.on_request(&message).await? == Some(Cut::Before) {
                    return self.give_up().await;
                }
            }
            while let Some(message) = take_message(&mut self.from_server, true) {
                if self.swallows() {
                    continue;
                }
                if self.on_answer(&message).await? == Some(Cut::After) {
                    return self.give_up().await;
                }
            }
        }
        self.end_in_hiding().await;
        Ok(())
    }

    fn swallows(&mut self) -> bool {
        self.deaf |= self.controls.mode() == Mode::Blackhole;
        self.deaf
    }

    /// Passes a client's message on, unless it is the one to cut before.
    async fn on_request(&mut self, message: &[u8]) -> io::Result<Option<Cut>> {
        if !self.introduced && asks_for_encryption(message) {
            self.client.write_all(b"N").await?;
            return Ok(None);
        }
        let cut = self.note(message);
        match cut {
            Some(Cut::Before) => return Ok(cut),
            // A query is answered as a whole; an execution with the synchronisation that follows.
            Some(Cut::After) => self.withheld = Some(self.asked + usize::from(message[0] == b'E')),
            None => {}
        }
        self.server.write_all(message).await?;
        Ok(cut)
    }

    /// Keeps in mind what a client's message says, and tells whether a cut is due at it.
    fn note(&mut self, message: &[u8]) -> Option<Cut> {
        if !self.introduced {
            self.introduced = !asks_for_encryption(message);
            return None;
        }
        let mut fields = message[5..].split(|byte| *byte == 0);
        let mut field = || fields.next().unwrap_or_default();
        match message[0] {
            b'Q' => {
                self.asked += 1;
                self.controls.statement(&String::from_utf8_lossy(field()))
            }
            b'P' => {
                let name = field().to_owned();
                self.prepared.insert(name, String::from_utf8_lossy(field()).into_owned());
                None
            }
            b'B' => {
                let portal = field().to_owned();
                let text = self.prepared.get(field()).cloned().unwrap_or_default();
                self.portals.insert(portal, text);
                None
            }
            b'E' => self.controls.statement(self.portals.get(field()).map_or("", String::as_str)),
            b'S' => {
                self.asked += 1;
                None
            }
            _ => None,
        }
    }

    /// Passes a server's message on, unless its answer is withheld; tells when that answer is whole.
    async fn on_answer(&mut self, message: &[u8]) -> io::Result<Option<Cut>> {
        let is_withheld = self.withheld == Some(self.answered + 1);
        let is_whole = message[0] == b'Z';
        self.answered += usize::from(is_whole);
        if !is_withheld {
            self.client.write_all(message).await?;
        }
        Ok((is_withheld && is_whole).then_some(Cut::After))
    }

    /// Cuts the client off when the server has ended the connection, and with it the transaction and its locks.
    async fn give_up(mut self) -> io::Result<()> {
        self.server.shutdown().await?;
        while self.server.read_buf(&mut self.from_server).await? > 0 {
            self.from_server.clear();
        }
        self.controls.cuts.send_modify(|cuts| *cuts += 1);
        Ok(())
    }

    /// Keeps from each side that the other has gone, while everything is swallowed.
    async fn end_in_hiding(&mut self) {
        let mut mode = self.controls.mode.subscribe();
        let _ = mode.wait_for(|mode| *mode != Mode::Blackhole).await;
    }
}

/// The first whole message, taken out of what has come: a letter unless it is the introduction, and a length that
/// counts itself.
fn take_message(come: &mut Vec<u8>, has_letter: bool) -> Option<Vec<u8>> {
    let letter = usize::from(has_letter);
    let length = number(come.get(letter..letter + 4)?);
    let whole = letter + usize::try_from(length).expect("a length");
    (come.len() >= whole).then(|| come.drain(..whole).collect())
}

fn asks_for_encryption(message: &[u8]) -> bool {
    message.get(4..8).is_some_and(|code| WISHES.contains(&number(code)))
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}
