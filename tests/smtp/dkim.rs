//! Signatures, verified by a verifier of another maker.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use acceso::Mailer;
use acceso::adapter::smtp::{DkimKey, DkimKeyError};
use serde_json::{Value, json};

use crate::peer::skip;
use crate::smtp_peer::{packages_or_skip, text};
use crate::smtp_server::SmtpServer;
use crate::stand::{builder, everything, mail};

const DOMAIN: &str = "clinica.example";

/// What the other maker's program says.
fn ask(packages: &Path, verb: &str, input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail/dkim.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(verb).env("PACKAGES", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("node");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(input.to_string().as_bytes()).expect("it listens");
    drop(stdin);
    let done = process.wait_with_output().expect("it ends");
    serde_json::from_slice(&done.stdout).expect("JSON")
}

fn verified(packages: &Path, message: &str, record: &Value) -> Value {
    let records = json!({ format!("s1._domainkey.{DOMAIN}"): record });
    ask(packages, "verify", &json!({ "message": message, "records": records }))
}

#[tokio::test]
async fn every_mail_is_signed_so_that_another_makers_verifier_agrees() {
    let Some(packages) = packages_or_skip("every_mail_is_signed_so_that_another_makers_verifier_agrees") else {
        return;
    };
    let keys = ask(&packages, "keys", &Value::Null);
    for (kind, pem) in [("rsa", "pem"), ("rsa", "oldPem"), ("ed25519", "pem")] {
        let key = DkimKey::from_pem(DOMAIN, "s1", text(&keys[kind][pem]).as_bytes()).expect("a key");
        let server = SmtpServer::obliging();
        let mailer = builder(&server.url()).dkim(key).build().expect("a mailer");
        // The one with ñ, a long link and an empty line at the end of a part; the others differ in words only.
        for mail in everything().iter().take(if pem == "pem" { 14 } else { 1 }).step_by(6) {
            mailer.send(mail).await.expect("sent");
            let message = server.take().remove(0).message;
            let agreed = json!([{ "result": "pass", "domain": DOMAIN, "algo": format!("{kind}-sha256") }]);
            assert_eq!(verified(&packages, &message, &keys[kind]["record"]), agreed, "{message}");
        }
    }
}

#[tokio::test]
async fn what_was_changed_or_added_afterwards_is_found_out() {
    let Some(packages) = packages_or_skip("what_was_changed_or_added_afterwards_is_found_out") else { return };
    let keys = ask(&packages, "keys", &Value::Null);
    let key = DkimKey::from_pem(DOMAIN, "s1", text(&keys["rsa"]["pem"]).as_bytes()).expect("a key");
    let server = SmtpServer::obliging();
    let mailer = builder(&server.url()).dkim(key).build().expect("a mailer");
    mailer.send(&everything()[0]).await.expect("sent");
    let message = server.take().remove(0).message;
    assert_eq!(text(&verified(&packages, &message, &keys["rsa"]["record"])[0]["result"]), "pass");
    for (change, changed) in [
        ("another body", message.replace("https://", "http://evil.example/")),
        ("another recipient", message.replace("To: ana", "To: eva")),
        ("a second sender", format!("From: eve@example.org\r\n{message}")),
        ("another encoding", format!("Content-Transfer-Encoding: base64\r\n{message}")),
        ("a second subject", format!("Subject: urgent\r\n{message}")),
        ("an address for answers", format!("Reply-To: eve@example.org\r\n{message}")),
    ] {
        assert_ne!(changed, message, "{change}");
        let found = verified(&packages, &changed, &keys["rsa"]["record"]);
        // That verifier calls a wrong body neutral, and a wrong head a failure; neither counts as signed (RFC 8601, 2.7.1).
        assert!(matches!(text(&found[0]["result"]), "fail" | "neutral"), "{change}: {found}");
    }
}

/// The guide's commands that make this key, run in an empty folder: the key, and what stands behind `p=`.
fn made_as_the_guide_says(file: &str) -> (String, String) {
    let guide = include_str!("../../docs/mail.md");
    let commands = guide.split("```").filter_map(|block| block.strip_prefix("sh\n"));
    let commands = commands.filter(|commands| commands.contains(&format!("-out {file})"))).collect::<String>();
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("sh").args(["-euc", &commands]).current_dir(folder.path()).output().expect("a shell");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = fs::read_to_string(folder.path().join(file)).expect("a key");
    (key, String::from_utf8(made.stdout).expect("base64"))
}

#[tokio::test]
async fn a_key_made_as_the_guide_says_signs_and_its_record_verifies() {
    let name = "a_key_made_as_the_guide_says_signs_and_its_record_verifies";
    let Some(packages) = packages_or_skip(name) else { return };
    if Command::new("openssl").arg("version").output().is_err() {
        return skip(name, "openssl is not on this machine");
    }
    for (kind, file) in [("rsa", "dkim.pem"), ("ed25519", "dkim-ed25519.pem")] {
        let (pem, public) = made_as_the_guide_says(file);
        let key = DkimKey::from_pem(DOMAIN, "s1", pem.as_bytes()).expect("a key");
        let server = SmtpServer::obliging();
        let mailer = builder(&server.url()).dkim(key).build().expect("a mailer");
        mailer.send(&mail()).await.expect("sent");
        let message = server.take().remove(0).message;
        let record = json!(format!("v=DKIM1; k={kind}; p={public}"));
        assert_eq!(text(&verified(&packages, &message, &record)[0]["result"]), "pass", "{record}");
    }
}

#[test]
fn a_key_that_is_too_weak_or_of_another_kind_is_refused() {
    let Some(packages) = packages_or_skip("a_key_that_is_too_weak_or_of_another_kind_is_refused") else { return };
    let keys = ask(&packages, "keys", &Value::Null);
    for kind in ["weak", "curve"] {
        let refused = DkimKey::from_pem(DOMAIN, "s1", text(&keys[kind]["pem"]).as_bytes());
        assert_eq!(refused.err(), Some(DkimKeyError::Key), "{kind}");
    }
    let key = DkimKey::from_pem(DOMAIN, "s1", text(&keys["ed25519"]["pem"]).as_bytes()).expect("a key");
    assert_eq!(format!("{key:?}"), "DkimKey { domain: \"clinica.example\", selector: \"s1\", .. }");
}
