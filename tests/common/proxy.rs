//! A proxy between a client and `PostgreSQL` that loses connections at a statement of the test's choice. Not: a proxy
//! for encrypted connections; it tells clients that there are none.
//!
//! **A connection cut after a statement is cut when the server has done it, and one cut before it when the server has
//! given up the connection**: a test that sees the cut need not wait for the server.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

#[path = "proxy_link.rs"]
mod link;

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use link::Link;

/// A proxy on loopback, on a thread of its own, so that a test may block while it works. Faults are ordered from any
/// thread and are in force when the call returns.
pub struct Proxy {
    address: SocketAddr,
    controls: Arc<Controls>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where a connection is cut, seen from the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The statement does not reach the server.
    Before,
    /// The server has done the statement; its answer does not reach the client.
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Blackhole,
    Refuse,
}

/// One cut to come: at the statement that holds `text`, after `passing` others that do.
struct Armed {
    cut: Cut,
    text: String,
    passing: usize,
}

struct Controls {
    target: Mutex<SocketAddr>,
    armed: Mutex<Option<Armed>>,
    mode: watch::Sender<Mode>,
    /// How often all connections were ordered to end.
    severed: watch::Sender<usize>,
    cuts: watch::Sender<usize>,
    statements: watch::Sender<usize>,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let controls = Arc::new(Controls {
            target: Mutex::new(target),
            armed: Mutex::new(None),
            mode: watch::Sender::new(Mode::Pass),
            severed: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            statements: watch::Sender::new(0),
        });
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn({
            let controls = Arc::clone(&controls);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, controls) => {}
                        _ = ended => {}
                    }
                });
            }
        });
        Self { address, controls, end: Some(end), thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same database by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        let (before, after) = url.split_once('@').expect("a user");
        let (_, database) = after.split_once('/').expect("a database");
        format!("{before}@{}/{database}", self.address)
    }

    /// Everything passes, and no cut is to come. What was swallowed before stays lost, with its connection.
    pub fn pass(&self) {
        *self.controls.armed() = None;
        self.controls.mode.send_replace(Mode::Pass);
    }

    /// Swallows everything both ways, also the end of a connection, and leaves connections open: who does not time out
    /// waits for ever. A server keeps the locks of a client that has gone, until everything passes again.
    pub fn blackhole(&self) {
        self.controls.mode.send_replace(Mode::Blackhole);
    }

    /// Closes new connections at once. Present ones go on, see [`Self::sever`].
    pub fn refuse(&self) {
        self.controls.mode.send_replace(Mode::Refuse);
    }

    /// Ends all present connections.
    pub fn sever(&self) {
        self.controls.severed.send_modify(|times| *times += 1);
    }

    /// Where new connections go from now on.
    pub fn set_target(&self, target: SocketAddr) {
        *self.controls.target.lock().expect("the target") = target;
    }

    /// Cuts the connection of the next statement that holds `text`, before the server has seen it.
    pub fn cut_before_statement(&self, text: &str) {
        self.cut_nth_statement(Cut::Before, text, 0);
    }

    /// Cuts the connection of the next statement that holds `text`, when the server has done it.
    pub fn cut_after_statement(&self, text: &str) {
        self.cut_nth_statement(Cut::After, text, 0);
    }

    /// The same after `passing` statements that hold `text` have passed, on whatever connections; the empty text is in
    /// each. One cut is armed at a time, and it happens once.
    pub fn cut_nth_statement(&self, cut: Cut, text: &str, passing: usize) {
        *self.controls.armed() = Some(Armed { cut, text: text.to_owned(), passing });
    }

    /// How many cuts have happened. A cut is counted before its client can see it.
    pub fn cuts(&self) -> usize {
        *self.controls.cuts.borrow()
    }

    /// Waits for that many cuts since the start.
    pub async fn until_cuts(&self, cuts: usize) {
        self.controls.cuts.subscribe().wait_for(|happened| *happened >= cuts).await.expect("the proxy lives");
    }

    /// How many statements have come from clients, cut and swallowed ones among them.
    pub fn statements(&self) -> usize {
        *self.controls.statements.borrow()
    }

    /// Waits for that many statements since the start.
    pub async fn until_statements(&self, statements: usize) {
        self.controls.statements.subscribe().wait_for(|seen| *seen >= statements).await.expect("the proxy lives");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Controls {
    fn armed(&self) -> MutexGuard<'_, Option<Armed>> {
        self.armed.lock().expect("the armed cut")
    }

    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Counts a statement, and takes the cut if this is the one it waits for.
    fn statement(&self, text: &str) -> Option<Cut> {
        self.statements.send_modify(|seen| *seen += 1);
        if self.mode() == Mode::Blackhole {
            return None;
        }
        let mut armed = self.armed();
        let waiting = armed.as_mut().filter(|waiting| text.contains(&waiting.text))?;
        if waiting.passing > 0 {
            waiting.passing -= 1;
            return None;
        }
        armed.take().map(|now| now.cut)
    }
}

async fn accept(listener: StdListener, controls: Arc<Controls>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        if controls.mode() != Mode::Refuse {
            tokio::spawn(serve(client, Arc::clone(&controls)));
        }
    }
}

async fn serve(client: TcpStream, controls: Arc<Controls>) {
    let mut severed = controls.severed.subscribe();
    let target = *controls.target.lock().expect("the target");
    let Ok(server) = TcpStream::connect(target).await else { return };
    // An end by an error is an end: both sides see the connection closed.
    tokio::select! {
        _ = Link::new(client, server, &controls).carry() => {}
        _ = severed.changed() => {}
    }
}
