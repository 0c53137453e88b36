//! A throwaway `PostgreSQL` server, from the machine's own programs: on loopback, with databases for the asking and
//! faults to order. Not: a server that somebody else started.
//!
//! **The server and its folder do not outlive the test process**, however that ends: a watcher holds the other end of a
//! pipe.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::{env, fs, io};

/// For every server: on loopback only, light, and new segments of its log are not written twice.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=32MB -c jit=off \
     -c logging_collector=off -c wal_init_zero=off -c wal_recycle=off";
const QUICK: &str = "-c fsync=off -c full_page_writes=off";
const DURABLE: &str = "-c fsync=on -c full_page_writes=on -c synchronous_commit=on";

/// Another process may take a port between our look and the server's start.
const PORTS_TO_TRY: usize = 8;

/// A server, running unless it was stopped or killed. Its superuser is `postgres`, without a password.
pub struct Server {
    watcher: Mutex<Watcher>,
    folder: PathBuf,
    port: u16,
    settings: &'static str,
    databases: AtomicUsize,
}

impl Server {
    /// A server that is quick, because it trusts the machine not to lose power.
    pub fn start() -> Self {
        Self::launch(QUICK, Origin::Template)
    }

    /// A server that writes through to the disk what it has committed.
    pub fn durable() -> Self {
        Self::launch(DURABLE, Origin::Template)
    }

    fn launch(settings: &'static str, origin: Origin) -> Self {
        let programs = programs().expect("PostgreSQL's programs: ask `postgres_or_skip` first");
        let template = template();
        let mut watcher = Watcher::new(programs, &template, settings);
        let folder = PathBuf::from(watcher.ask("folder").expect("a folder"));
        let filled = match origin {
            Origin::Primary(port) => watcher.ask(&format!("follow {port}")).is_some(),
            Origin::Template if template.exists() => watcher.ask("copy").is_some(),
            Origin::Template => watcher.ask("make").is_some_and(|made| publish(Path::new(&made), &template)),
        };
        assert!(filled, "no data for a server: {}", log(&folder));
        let port = (0..PORTS_TO_TRY).map(|_| free_port()).find(|port| watcher.ask(&format!("start {port}")).is_some());
        let Some(port) = port else { panic!("no server: {}", log(&folder)) };
        Self { watcher: Mutex::new(watcher), folder, port, settings, databases: AtomicUsize::new(0) }
    }

    /// Where it listens, for a proxy before it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its data and its log; gone when the server is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// The URL of a new database with nothing in it. Files are copied: seven times as fast as by way of the log.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let strategy = if major_version() < 15 { "" } else { "STRATEGY file_copy" };
        self.run_sql(&self.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE template0 {strategy}"));
        self.url(&name)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address())
    }

    /// What an owner's hand does to a database. The rows of the answer, a line each, columns parted by `|`.
    #[allow(clippy::unused_self, reason = "who has no server has no database")]
    pub fn run_sql(&self, url: &str, sql: &str) -> String {
        let programs = programs().expect("PostgreSQL's programs");
        let done = Command::new(programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .stdin(Stdio::null())
            .output()
            .expect("psql runs");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8").trim_end().to_owned()
    }

    /// Ends the server and all its children at once, as a crash does.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Ends the server in order; connections are cut.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again with its port and its data. It takes connections when this returns.
    pub fn restart(&self) {
        self.order(&format!("start {}", self.port));
    }

    fn order(&self, request: &str) {
        let answer = self.watcher.lock().expect("the watcher").ask(request);
        assert!(answer.is_some(), "{request}: {}", self.log());
    }

    /// A replica that this server waits for: from now on no commit is answered before the replica has it on its disk.
    /// One at a time; while it is down, commits here wait.
    pub fn standby(&self) -> Self {
        let standby = Self::launch(self.settings, Origin::Primary(self.port));
        let url = self.url("postgres");
        self.run_sql(&url, "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.run_sql(&url, "ALTER SYSTEM SET synchronous_commit = on");
        self.run_sql(&url, "SELECT pg_reload_conf()");
        self.run_sql(&url, WAIT_FOR_STANDBY);
        // The checkpointer is who makes commits wait. It reads the new settings before it does as asked.
        self.run_sql(&url, "CHECKPOINT");
        standby
    }

    /// Makes a standby a server of its own. It takes writes when this returns.
    pub fn promote(&self) {
        assert_eq!(self.run_sql(&self.url("postgres"), "SELECT pg_promote(true, 60)"), "t", "{}", self.log());
    }
}

const WAIT_FOR_STANDBY: &str = "DO $$ BEGIN \
     WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync') LOOP \
     PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";

#[derive(Clone, Copy)]
enum Origin {
    Template,
    Primary(u16),
}

/// One server for all tests of a process.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

/// Whether there are programs to run a server from. If not, says so where no test harness hides it; where all tests
/// must run, it panics.
pub fn postgres_or_skip(test_name: &str) -> bool {
    if programs().is_some() {
        return true;
    }
    let all_must_run = ["CI", "ACCESO_REQUIRE_ALL"].iter().any(|name| env::var_os(name).is_some());
    assert!(!all_must_run, "{test_name}: no PostgreSQL server on this machine");
    let _ = writeln!(io::stderr(), "skipped: {test_name}: no PostgreSQL server on this machine");
    false
}

/// The shell that starts and ends the server, see `postgres.sh`.
struct Watcher {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Watcher {
    /// In a process group of its own, so that what ends the tests' group leaves it to clean up.
    fn new(programs: &Path, template: &Path, settings: &str) -> Self {
        let user = unprivileged_user();
        let (run_as, owner) = user.map_or_else(Default::default, |(user, group)| {
            (format!("setpriv --reuid={user} --regid={group} --clear-groups --"), format!("{user}:{group}"))
        });
        let mut process = Command::new("sh")
            .args(["-c", include_str!("postgres.sh")])
            .env("BIN", programs)
            .env("AS", run_as)
            .env("OWNER", owner)
            .env("TEMPLATE", template)
            .env("SETTINGS", format!("{SETTINGS} {settings}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, requests, answers }
    }

    /// The answer to a request, unless it failed.
    fn ask(&mut self, request: &str) -> Option<String> {
        let mut requests = self.requests.as_ref().expect("the watcher is asked until it is dropped");
        writeln!(requests, "{request}").expect("the watcher listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the watcher answers");
        assert!(answer.ends_with('\n'), "the watcher ended");
        let answer = answer.trim_end();
        (answer != "failed").then(|| answer.to_owned())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}

/// The folder of `PostgreSQL`'s programs: the one in the path, else the newest that Debian has.
fn programs() -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let is_whole = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    let find = || {
        let in_path = env::var_os("PATH").and_then(|path| env::split_paths(&path).find(is_whole));
        in_path.or_else(|| {
            let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
            let version = |folder: &PathBuf| folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
            versions.map(|entry| entry.path().join("bin")).filter(is_whole).max_by_key(version)
        })
    };
    PROGRAMS.get_or_init(find).as_deref()
}

/// As `postgres --version` tells it.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| output(programs().expect("PostgreSQL's programs").join("postgres"), &["--version"]))
}

fn major_version() -> u32 {
    let digits = version().split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
    digits.and_then(|digits| digits.parse().ok()).expect("a version")
}

/// Where the data of a new server of this version and user is kept from one test process to the next.
fn template() -> PathBuf {
    let user = unprivileged_user().map_or_else(|| output("id", &["-u"]), |(user, _)| user.clone());
    let name = format!("postgres-{user}-{}", version()).replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Gives a new template its name, unless another process was first. Either way there is one.
fn publish(made: &Path, template: &Path) -> bool {
    fs::rename(made, template).is_ok() || template.exists()
}

/// Who runs the server if we are root, which `PostgreSQL` refuses: user and group, as numbers.
fn unprivileged_user() -> Option<&'static (String, String)> {
    static USER: OnceLock<Option<(String, String)>> = OnceLock::new();
    let find = || {
        let numbers = |name: &&str| (output("id", &["-u", name]), output("id", &["-g", name]));
        let is_known = |(user, _): &(String, String)| !user.is_empty();
        (output("id", &["-u"]) == "0")
            .then(|| ["postgres", "nobody"].iter().map(numbers).find(is_known).expect("a user other than root"))
    };
    USER.get_or_init(find).as_ref()
}

fn output(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).stderr(Stdio::null()).output().expect("the program runs");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Below the ports that the system gives to clients, so that none of them takes it while the server is down.
fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish() % 20_000;
        let port = 10_000 + u16::try_from(random).expect("below 20 000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}
