//! What a mailer is built from: the URL, credentials, names and times.

use std::time::Duration;

use acceso::Mailer;
use acceso::adapter::smtp::{SmtpConfigError, SmtpMailer};

use crate::smtp_server::{Answer, SmtpServer, Verb};
use crate::stand::{Came, builder, impatient, mail, mailer, reason, send, sender};

fn refused(url: &str) -> Option<SmtpConfigError> {
    SmtpMailer::builder(url, sender()).build().err()
}

#[tokio::test]
async fn a_url_that_cannot_be_meant_is_refused_and_not_quoted() {
    for (url, fault) in [
        ("", SmtpConfigError::Scheme),
        ("mail.example", SmtpConfigError::Scheme),
        ("http://mail.example", SmtpConfigError::Scheme),
        ("smtp:mail.example", SmtpConfigError::Scheme),
        ("smtp://", SmtpConfigError::Host),
        ("smtp://:25", SmtpConfigError::Host),
        ("smtp://mail example", SmtpConfigError::Host),
        ("smtp://clínica.example", SmtpConfigError::Host),
        ("smtp://mail.example\r\nX", SmtpConfigError::Host),
        ("smtp://[::1", SmtpConfigError::Host),
        ("smtp://[mail.example]", SmtpConfigError::Host),
        ("smtps://a..b", SmtpConfigError::Host),
        ("smtp://mail.example:", SmtpConfigError::Port),
        ("smtp://mail.example:0", SmtpConfigError::Port),
        ("smtp://mail.example:65536", SmtpConfigError::Port),
        ("smtp://mail.example:+25", SmtpConfigError::Port),
        ("smtp://[::1]25", SmtpConfigError::Port),
        ("smtp://mail.example/path", SmtpConfigError::Trailing),
        ("smtp://mail.example?tls=none", SmtpConfigError::Trailing),
        ("smtp://user:25/secreta@mail.example", SmtpConfigError::Trailing),
        ("smtp://user@mail.example", SmtpConfigError::Credentials),
        ("smtp://:secreta@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr@ta@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr:ta@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr%@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr%4@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr%zz@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr%00@mail.example", SmtpConfigError::Credentials),
        ("smtp://user:secr%ff@mail.example", SmtpConfigError::Credentials),
    ] {
        let found = refused(url);
        assert_eq!(found, Some(fault), "{url:?}");
        assert!(!found.is_some_and(|fault| format!("{fault} {fault:?}").contains("secr")), "{url:?}");
    }
    for url in ["smtps://mail.example", "SMTP://Mail.Example:25/", "smtps://[::1]:465", "smtp://u:p@10.0.0.1"] {
        assert_eq!(refused(url), None, "{url:?}");
    }
}

#[tokio::test]
async fn times_numbers_names_and_roots_that_cannot_work_are_refused() {
    let url = "smtps://mail.example";
    let second = Duration::from_secs(1);
    for (builder, fault) in [
        (builder(url).command_timeout(Duration::ZERO), SmtpConfigError::Timeout),
        (builder(url).command_timeout(2 * second).send_timeout(second), SmtpConfigError::Timeout),
        (builder(url).connections(0), SmtpConfigError::Connections),
        (builder(url).connections(101), SmtpConfigError::Connections),
        (builder(url).helo_name(""), SmtpConfigError::HeloName),
        (builder(url).helo_name("portal\r\nMAIL FROM:<>"), SmtpConfigError::HeloName),
        (builder(url).root_certificates(b"no certificate"), SmtpConfigError::Certificates),
        (builder(url).only_own_roots(), SmtpConfigError::Certificates),
        (
            builder(url).root_certificates(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            SmtpConfigError::Certificates,
        ),
    ] {
        assert_eq!(builder.build().err(), Some(fault));
    }
}

#[tokio::test]
async fn no_debug_shows_credentials() {
    let builder = SmtpMailer::builder("smtps://portal:secreta@mail.example", sender());
    assert!(!format!("{builder:?}").contains("secreta"));
    let shown = format!("{:?}", builder.build().expect("a mailer"));
    assert!(!shown.contains("secreta") && !shown.contains("portal"), "{shown}");
}

#[tokio::test]
async fn credentials_are_decoded_and_said_as_the_server_offers() {
    for (offer, said) in [
        ("250-x\r\n250 AUTH LOGIN PLAIN", &["AUTH PLAIN AHBvcnRhbABzOiBAL8Ox"][..]),
        ("250-x\r\n250 auth=plain", &["AUTH PLAIN AHBvcnRhbABzOiBAL8Ox"]),
        ("250-x\r\n250 AUTH CRAM-MD5 LOGIN", &["AUTH LOGIN", "cG9ydGFs", "czogQC/DsQ=="]),
    ] {
        let server = SmtpServer::start(move |heard| match (heard.verb, heard.line.as_str()) {
            (Verb::Ehlo, _) => Answer::Say(offer),
            (Verb::Auth, "AUTH LOGIN") => Answer::Say("334 VXNlcm5hbWU6"),
            (Verb::Other, "cG9ydGFs") => Answer::Say("334 UGFzc3dvcmQ6"),
            (Verb::Other, _) => Answer::Say("235 2.7.0 welcome"),
            _ => Answer::Usual,
        });
        let url = format!("smtp://portal:s%3A%20%40%2f%C3%B1@127.0.0.1:{}", server.port());
        assert_eq!(send(&builder(&url).build().expect("a mailer")).await, Came::Sent, "{offer}");
        let heard: Vec<_> = server.commands().into_iter().skip(1).take(said.len()).collect();
        assert_eq!(heard, said);
    }
}

#[tokio::test]
async fn a_failed_login_is_tried_again_and_sends_nothing() {
    for (answer, expected) in [
        (Answer::Say("535 5.7.8 wrong"), "the mail server answered 535 5.7.8 at AUTH"),
        (Answer::Say("454 4.7.0 later"), "the mail server answered 454 4.7.0 at AUTH"),
        (Answer::Say("334 "), "the mail server's answer made no sense at AUTH"),
    ] {
        let server =
            SmtpServer::start(move |heard| if heard.verb == Verb::Auth { answer.clone() } else { Answer::Usual });
        let url = format!("smtp://portal:secreta@127.0.0.1:{}", server.port());
        let error = builder(&url).build().expect("a mailer").send(&mail()).await.expect_err("no login");
        assert!(matches!(error, acceso::SendError::Transient(_)));
        assert_eq!(reason(&error), expected);
        assert_eq!(server.count(Verb::Sender), 0);
    }
}

#[tokio::test]
async fn a_server_without_login_gets_no_mail_from_who_has_credentials() {
    let server = SmtpServer::start(|heard| if heard.verb == Verb::Ehlo { Answer::Say("250 x") } else { Answer::Usual });
    let url = format!("smtp://portal:secreta@127.0.0.1:{}", server.port());
    let error = builder(&url).build().expect("a mailer").send(&mail()).await.expect_err("no login");
    assert_eq!(reason(&error), "the mail server does not offer AUTH PLAIN or LOGIN");
    assert_eq!(server.count(Verb::Sender), 0);
}

#[tokio::test]
async fn the_name_for_ehlo_is_the_hosts_or_the_address_of_the_connection() {
    let server = SmtpServer::obliging();
    send(&mailer(&server)).await;
    send(&builder(&server.url()).helo_name("portal.clinica.example").build().expect("a mailer")).await;
    let hello: Vec<_> = server.commands().into_iter().filter(|command| command.starts_with("EHLO")).collect();
    assert_eq!(hello, ["EHLO [127.0.0.1]", "EHLO portal.clinica.example"]);
}

#[tokio::test]
async fn a_check_logs_in_and_sends_no_mail() {
    let server = SmtpServer::obliging();
    let url = format!("smtp://portal:secreta@127.0.0.1:{}", server.port());
    let mailer = builder(&url).build().expect("a mailer");
    mailer.check().await.expect("all is well");
    assert_eq!((server.count(Verb::Auth), server.count(Verb::Sender)), (1, 0));
    // What the check has opened, the first mail uses.
    assert_eq!(send(&mailer).await, Came::Sent);
    assert_eq!(server.count(Verb::Connect), 1);

    server.change(|heard| if heard.verb == Verb::Auth { Answer::Say("535 5.7.8 wrong") } else { Answer::Usual });
    let error = mailer.check().await.expect_err("wrong");
    assert_eq!(reason(&error), "the mail server answered 535 5.7.8 at AUTH");
}

#[tokio::test]
async fn a_check_of_a_silent_server_ends() {
    let server = SmtpServer::start(|_| Answer::Silence);
    let error = impatient(&server).check().await.expect_err("silence");
    assert_eq!(reason(&error), "the mail server did not answer in time at the greeting");
}

#[test]
fn without_a_runtime_a_send_fails_and_does_not_panic() {
    let mail = mail();
    let mailer = SmtpMailer::builder("smtp://127.0.0.1:9", sender()).build().expect("a mailer");
    let mut send = std::pin::pin!(mailer.send(&mail));
    let polled = send.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(polled, std::task::Poll::Ready(Err(acceso::SendError::Transient(_)))));
}

#[tokio::test]
async fn a_connection_that_idled_too_long_is_not_used() {
    let server = SmtpServer::obliging();
    let mailer = builder(&server.url()).longest_idle(Duration::ZERO).build().expect("a mailer");
    assert_eq!([send(&mailer).await, send(&mailer).await], [Came::Sent, Came::Sent]);
    assert_eq!(server.count(Verb::Connect), 2);
}
