//! To a mail server of another maker, with TLS and login, read by a parser of another maker.

use std::process::{Command, Stdio};

use acceso::adapter::message::Sender;
use acceso::adapter::smtp::SmtpMailer;
use acceso::{Mailer, SendError};

use crate::certificates::Authority;
use crate::peer::skip;
use crate::smtp_peer::{Peer, Speaks, arrived, packages_or_skip, text};
use crate::stand::{Came, builder, came, everything, mail, reason, send};

const LOGIN: (&str, &str) = ("portal@clinica.example", "s:ecr@ta/ñ");
const LOGGED_IN: &str = "portal%40clinica.example:s%3Aecr%40ta%2F%C3%B1";

fn plain(mut arrived: acceso::conformance::mailer::Arrived) -> acceso::conformance::mailer::Arrived {
    for body in [&mut arrived.text, &mut arrived.html] {
        let lines = body.replace("\r\n", "\n");
        lines.trim_end_matches('\n').clone_into(body);
    }
    arrived
}

#[tokio::test]
async fn every_mail_of_the_courier_arrives_intact_in_both_languages() {
    let Some(packages) = packages_or_skip("every_mail_of_the_courier_arrives_intact_in_both_languages") else { return };
    let authority = Authority::new();
    let certificate = authority.certify(&["localhost", "127.0.0.1"]);
    let peer = Peer::start(&packages, Speaks::StartTls(&certificate), Some(LOGIN));
    let url = format!("smtp://{LOGGED_IN}@127.0.0.1:{}", peer.port);
    let sender = Sender::new("avisos@clinica.example").and_then(|sender| sender.named("Clínica «Ñandú», S. A."));
    let sender = sender.and_then(|sender| sender.reply_to("recepcion@clinica.example")).expect("legal");
    let mailer = SmtpMailer::builder(&url, sender).require_tls().root_certificates(authority.pem.as_bytes());
    let mailer = mailer.build().expect("a mailer");

    let mails = everything();
    for mail in &mails {
        mailer.send(mail).await.expect("sent");
        let taken = peer.take();
        let [found] = taken.as_slice() else { panic!("{} mails", taken.len()) };
        assert_eq!(plain(arrived(found)), plain(mail.into()), "{:?} {:?}", mail.purpose(), mail.language());
        assert_eq!(found["secure"], true);
        assert_eq!(text(&found["user"]), LOGIN.0);
        assert_eq!(text(&found["envelope"]["from"]), "avisos@clinica.example");
        assert_eq!(text(&found["from"][0]["name"]), "Clínica «Ñandú», S. A.");
        assert_eq!(text(&found["from"][0]["address"]), "avisos@clinica.example");
        assert_eq!(text(&found["replyTo"][0]["address"]), "recepcion@clinica.example");
        assert_eq!(text(&found["to"][0]["address"]), mail.to().as_str());
        assert_eq!(text(&found["to"][0]["name"]), "");
        assert!(text(&found["messageId"]).starts_with(&format!("<{}", mail.id())));
        let mut headers: Vec<&str> = found["headers"].as_array().expect("a list").iter().map(text).collect();
        headers.sort_unstable();
        let expected = [
            "auto-submitted",
            "content-language",
            "content-type",
            "date",
            "from",
            "message-id",
            "mime-version",
            "reply-to",
            "subject",
            "to",
        ];
        assert_eq!(headers, expected);
    }
    assert_eq!(mails.len(), 14, "seven purposes in two languages");
}

#[tokio::test]
async fn over_tls_from_the_first_byte_a_mail_arrives() {
    let Some(packages) = packages_or_skip("over_tls_from_the_first_byte_a_mail_arrives") else { return };
    let authority = Authority::new();
    let certificate = authority.certify(&["localhost"]);
    let peer = Peer::start(&packages, Speaks::Implicit(&certificate), None);
    let url = format!("smtps://localhost:{}", peer.port);
    let with = builder(&url).root_certificates(authority.pem.as_bytes());
    assert_eq!(send(&with.only_own_roots().build().expect("a mailer")).await, Came::Sent);
    assert_eq!(peer.take()[0]["secure"], true);
}

#[tokio::test]
async fn a_certificate_that_is_not_the_servers_own_is_refused_and_nothing_is_sent() {
    let Some(packages) = packages_or_skip("a_certificate_that_is_not_the_servers_own_is_refused_and_nothing_is_sent")
    else {
        return;
    };
    let authority = Authority::new();
    let stranger = Authority::new();
    for (name, certificate, roots) in [
        ("unknown root", authority.certify(&["localhost"]), None),
        ("another's root", authority.certify(&["localhost"]), Some(&stranger)),
        ("another host's name", authority.certify(&["mail.example"]), Some(&authority)),
        ("expired", authority.expired(&["localhost"]), Some(&authority)),
    ] {
        for implicit in [true, false] {
            let speaks = if implicit { Speaks::Implicit(&certificate) } else { Speaks::StartTls(&certificate) };
            let peer = Peer::start(&packages, speaks, None);
            let scheme = if implicit { "smtps" } else { "smtp" };
            let mut with = builder(&format!("{scheme}://localhost:{}", peer.port)).require_tls();
            if let Some(roots) = roots {
                with = with.root_certificates(roots.pem.as_bytes());
            }
            let error = with.build().expect("a mailer").send(&mail()).await.expect_err(name);
            assert_eq!(came(&Err::<(), SendError>(error)), Came::Transient, "{name}");
            assert!(peer.take().is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn the_reason_for_a_refused_certificate_is_told() {
    let Some(packages) = packages_or_skip("the_reason_for_a_refused_certificate_is_told") else { return };
    let certificate = Authority::new().certify(&["localhost"]);
    let peer = Peer::start(&packages, Speaks::Implicit(&certificate), None);
    let mailer = builder(&format!("smtps://localhost:{}", peer.port)).build().expect("a mailer");
    let error = mailer.check().await.expect_err("unknown");
    assert_eq!(reason(&error), "the connection to the mail server failed at the TLS handshake");
    let deeper = std::error::Error::source(&error).and_then(std::error::Error::source).expect("a cause").to_string();
    assert!(deeper.contains("UnknownIssuer"), "{deeper}");
}

#[tokio::test]
async fn a_wrong_password_sends_nothing_and_the_right_one_does() {
    let Some(packages) = packages_or_skip("a_wrong_password_sends_nothing_and_the_right_one_does") else { return };
    let peer = Peer::start(&packages, Speaks::Plain, Some(LOGIN));
    let to = |login: &str| builder(&format!("smtp://{login}127.0.0.1:{}", peer.port)).build().expect("a mailer");

    let error = to("portal:wrong@").send(&mail()).await.expect_err("wrong");
    assert!(matches!(error, SendError::Transient(_)));
    assert!(reason(&error).ends_with("at AUTH"), "{}", reason(&error));
    let error = to("").send(&mail()).await.expect_err("no login");
    assert!(matches!(error, SendError::Transient(_)), "a portal that forgot to log in loses no mail");
    assert!(peer.take().is_empty());

    assert_eq!(send(&to(&format!("{LOGGED_IN}@"))).await, Came::Sent);
    assert_eq!(peer.take().len(), 1);
}

/// What arrives by another client, with the same text, is read as the same: server and parser are no accomplices of ours.
#[tokio::test]
async fn a_mail_made_by_another_client_is_read_the_same() {
    let name = "a_mail_made_by_another_client_is_read_the_same";
    let Some(packages) = packages_or_skip(name) else { return };
    if Command::new("swaks").arg("--version").output().is_err() {
        return skip(name, "swaks is not on this machine");
    }
    let peer = Peer::start(&packages, Speaks::Plain, None);
    let mail = mail();
    let server = format!("127.0.0.1:{}", peer.port);
    // Encoded by hand here, by the adapter there.
    let subject = format!("Subject: =?UTF-8?B?{}?=", base64(mail.subject()));
    let made = Command::new("swaks")
        .args(["--server", &server, "--from", "avisos@clinica.example", "--to", mail.to().as_str(), "--silent", "2"])
        .args(["--h-Subject", &subject["Subject: ".len()..], "--add-header", "Content-Type: text/plain; charset=utf-8"])
        .args(["--add-header", "MIME-Version: 1.0", "--add-header", "Content-Transfer-Encoding: base64"])
        .args(["--body", &base64(mail.text())])
        .stdin(Stdio::null())
        .output()
        .expect("swaks runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let theirs = plain(arrived(&peer.take()[0]));

    builder(&format!("smtp://{server}")).build().expect("a mailer").send(&mail).await.expect("sent");
    let ours = plain(arrived(&peer.take()[0]));
    assert_eq!((&ours.recipients, &ours.subject, &ours.text), (&theirs.recipients, &theirs.subject, &theirs.text));
    assert_eq!(ours.text, mail.text().trim_end());
}

fn base64(text: &str) -> String {
    use base64ct::{Base64, Encoding as _};
    Base64::encode_string(text.as_bytes())
}
