//! One browser, as a child of the test. Not: what it looks at.
//!
//! **It ends with the test**, however that ends: the watcher's standard input is our pipe.

use std::io::{self, BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities as _;
use thirtyfour::prelude::*;
use tokio_rustls::rustls::crypto;

use crate::peer;

/// When our end of its standard input closes, the driver ends, and its browser with it.
const WATCHER: &str = "chromedriver --port=0 & driver=$!; cat >/dev/null; kill $driver; wait $driver";

/// Notes what the page's own rules stop, and what its script throws.
const WATCH_PAGE: &str = r"
    window.stopped = [];
    document.addEventListener('securitypolicyviolation', (event) => stopped.push(`${event.violatedDirective} ${event.blockedURI}`));
    window.addEventListener('error', (event) => stopped.push(`error: ${event.message}`));
";

/// What the tests need from this machine.
pub(crate) struct Tools {
    axe: String,
}

/// If they are there. If not, says so where no test harness hides it; where all tests must run, it panics.
pub(crate) fn tools_or_skip(test_name: &str) -> Option<Tools> {
    let packages = peer::packages_or_skip(test_name, "browser", "axe-core")?;
    if ["chromedriver", "chromium"].into_iter().all(peer::has_program) {
        let axe = std::fs::read_to_string(packages.join("node_modules/axe-core/axe.min.js")).expect("a script");
        return Some(Tools { axe });
    }
    peer::skip(test_name, "no chromium with its chromedriver on this machine");
    None
}

/// How somebody looks at the pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) language: &'static str,
    pub(crate) width: u32,
    pub(crate) has_script: bool,
}

pub(crate) struct Chrome {
    /// First: it ends what the others would wait for.
    _watcher: Watcher,
    pub(crate) driver: WebDriver,
    axe: String,
    look: Look,
    shots: PathBuf,
    shown: usize,
    _profile: TempDir,
}

/// The driver's parent, and what the driver says, so that it can go on saying it.
struct Watcher {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    fn start() -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a shell");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, lines }
    }

    fn port(&mut self) -> u16 {
        let told = |line: io::Result<String>| {
            let line = line.expect("text");
            line.rsplit_once("successfully on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok())
        };
        self.lines.by_ref().find_map(told).expect("a port")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Chrome {
    pub(crate) async fn open(tools: Tools, test_name: &str, look: Look) -> Self {
        // The driver's client wants one, though it speaks to loopback alone; another test may have set it.
        let _ = crypto::ring::default_provider().install_default();
        let mut watcher = Watcher::start();
        let profile = tempfile::tempdir().expect("a folder");
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Else it looks for one for a minute, where there is no network.
            "--no-proxy-server",
            "--no-first-run",
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            capabilities.add_arg(argument).expect("an argument");
        }
        let preferences = json!({ "intl.accept_languages": look.language, "credentials_enable_service": false });
        capabilities.add_experimental_option("prefs", preferences).expect("preferences");
        let url = format!("http://127.0.0.1:{}", watcher.port());
        let driver = WebDriver::new(&url, capabilities).await.expect("a browser");
        let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots").join(test_name);
        std::fs::create_dir_all(&shots).expect("a folder");
        let chrome = Self { driver, axe: tools.axe, look, shots, shown: 0, _watcher: watcher, _profile: profile };
        let mobile = look.width < 600;
        let height = if mobile { 1_700 } else { 1_200 };
        let size = json!({ "width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        chrome.tell("Emulation.setDeviceMetricsOverride", size).await;
        chrome.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH_PAGE })).await;
        chrome.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !look.has_script })).await;
        chrome
    }

    pub(crate) async fn tell(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.expect(method)
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.driver.goto(url).await.expect(url);
    }

    pub(crate) async fn find(&self, css: &str) -> WebElement {
        self.driver.find(By::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.driver.find_all(By::Css(css)).await.expect("a page").is_empty()
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("text")
    }

    pub(crate) async fn value(&self, field: &str) -> String {
        self.find(&format!("#{field}")).await.prop("value").await.expect("a value").unwrap_or_default()
    }

    pub(crate) async fn fill(&self, fields: &[(&str, &str)]) {
        for (name, text) in fields {
            let field = self.find(&format!("#{name}")).await;
            field.clear().await.expect("a field");
            field.send_keys(*text).await.expect("a field");
        }
    }

    /// Fills the form of the page in and sends it.
    pub(crate) async fn send(&self, fields: &[(&str, &str)]) {
        self.fill(fields).await;
        self.follow("main form button.primary").await;
    }

    /// Clicks on what leads to another page, and waits for it.
    pub(crate) async fn follow(&self, css: &str) {
        let before = self.find("html").await;
        self.click(css).await;
        before.wait_until().stale().await.expect("another page");
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.expect(css);
    }

    /// Strikes keys, whatever has the focus.
    pub(crate) async fn strike(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("a keyboard");
    }

    /// Strikes keys while another one is held down.
    pub(crate) async fn strike_with(&self, held: Key, keys: impl Into<TypingData>) {
        let keyboard = self.driver.action_chain();
        keyboard.key_down(held.clone()).send_keys(keys).key_up(held).perform().await.expect("a keyboard");
    }

    /// Strikes a key that leads to another page, and waits for it.
    pub(crate) async fn strike_and_leave(&self, key: Key) {
        let before = self.find("html").await;
        self.strike(key).await;
        before.wait_until().stale().await.expect("another page");
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.expect("a script").json().clone()
    }

    pub(crate) async fn path(&self) -> String {
        self.driver.current_url().await.expect("a page").path().to_owned()
    }

    /// The path with its query.
    pub(crate) async fn address(&self) -> String {
        let url = self.driver.current_url().await.expect("a page");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Looks at the page: a picture for people, by day and by night; the judge of accessibility; nothing wider than the
    /// screen; nothing stopped; the right language; the title that is given.
    pub(crate) async fn look_at(&mut self, name: &str, title: &str) {
        assert_eq!(self.text("h1").await, title, "{name}");
        let language = self.find("html").await.attr("lang").await.expect("a page");
        assert_eq!(language.as_deref(), Some(self.look.language), "{name}");
        self.shown += 1;
        // The judge is a script too; those of the page have had their chance.
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
        for scheme in ["light", "dark"] {
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            self.tell("Emulation.setEmulatedMedia", features).await;
            let shot = self.shots.join(format!("{:02}-{name}-{scheme}.png", self.shown));
            self.driver.screenshot(&shot).await.expect("a picture");
            let found = self.violations().await;
            assert_eq!(found, json!([]), "{name}, {scheme}: {found:#}");
        }
        let wide = self.run("return document.documentElement.scrollWidth").await;
        assert!(wide.as_u64().is_some_and(|wide| wide <= self.look.width.into()), "{name} is {wide} wide");
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !self.look.has_script })).await;
        if self.look.has_script {
            assert_eq!(self.run("return window.stopped").await, json!([]), "{name}");
        }
    }

    async fn violations(&self) -> Value {
        self.run(&self.axe).await;
        let judge = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                ({ violations }) => done(violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) }))),
                (error) => done(String(error)));";
        self.driver.execute_async(judge, Vec::new()).await.expect("a judgement").json().clone()
    }

    pub(crate) async fn close(self) {
        self.driver.clone().quit().await.expect("an end");
    }
}
