//! What each answer of a server means.

use acceso::{Mailer, SendError};

use crate::smtp_server::{Answer, SmtpServer, Verb};
use crate::stand::{Came, came, mail, mailer, reason, send};

/// Each step of a send, as a server hears it.
const STEPS: [Verb; 6] = [Verb::Connect, Verb::Ehlo, Verb::Sender, Verb::Recipient, Verb::Data, Verb::Message];

fn answering(step: Verb, answer: Answer) -> SmtpServer {
    SmtpServer::start(move |heard| if heard.verb == step { answer.clone() } else { Answer::Usual })
}

#[tokio::test]
async fn a_mail_that_the_server_takes_is_sent_to_its_one_recipient() {
    let server = SmtpServer::obliging();
    let mail = mail();
    mailer(&server).send(&mail).await.expect("sent");
    let mails = server.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("avisos@clinica.example", &[mail.to().to_string()][..])
    );
}

#[tokio::test]
async fn a_4xx_at_any_step_is_tried_again() {
    for step in STEPS {
        for line in ["450 4.2.0 greylisted", "451 later", "452 4.2.2 full"] {
            let server = answering(step, Answer::Say(line));
            assert_eq!(send(&mailer(&server)).await, Came::Transient, "{line} at {step:?}");
            assert!(server.take().is_empty());
        }
    }
}

#[tokio::test]
async fn a_5xx_that_is_about_us_or_the_server_is_tried_again() {
    for (step, line) in [
        (Verb::Connect, "554 5.7.1 no service for you"),
        (Verb::Connect, "521 no mail here"),
        (Verb::Ehlo, "550 5.7.1 bad name"),
        (Verb::Ehlo, "502 what"),
        (Verb::Sender, "550 5.7.1 sender refused"),
        (Verb::Sender, "530 5.7.0 authentication required"),
        (Verb::Sender, "550 5.1.1 no such sender"),
        (Verb::Recipient, "554 5.7.1 Relay access denied"),
        (Verb::Recipient, "550 relay not permitted"),
        (Verb::Recipient, "530 authentication required"),
        (Verb::Recipient, "552 5.2.2 mailbox full"),
        (Verb::Data, "554 5.5.1 no valid recipients"),
        (Verb::Data, "550 no such user"),
        (Verb::Message, "554 5.7.1 looks like spam"),
        (Verb::Message, "550 no"),
        (Verb::Message, "552 5.3.4 too big"),
    ] {
        let server = answering(step, Answer::Say(line));
        assert_eq!(send(&mailer(&server)).await, Came::Transient, "{line} at {step:?}");
        assert!(server.take().is_empty());
    }
}

#[tokio::test]
async fn a_5xx_that_is_about_the_recipient_is_for_good() {
    for (step, line) in [
        (Verb::Recipient, "550 5.1.1 no such user"),
        (Verb::Recipient, "550-5.1.1 no such user\r\n550 5.1.1 look at your spelling"),
        (Verb::Recipient, "550 no such user"),
        (Verb::Recipient, "553 5.1.3 bad address"),
        (Verb::Recipient, "556 5.1.10 takes no mail"),
        (Verb::Message, "550 5.1.1 no such user"),
    ] {
        let server = answering(step, Answer::Say(line));
        assert_eq!(send(&mailer(&server)).await, Came::Permanent, "{line} at {step:?}");
        assert!(server.take().is_empty());
    }
}

#[tokio::test]
async fn a_421_at_any_step_is_tried_again() {
    for step in STEPS {
        let server = answering(step, Answer::SayAndClose("421 4.3.2 closing"));
        assert_eq!(send(&mailer(&server)).await, Came::Transient, "{step:?}");
    }
}

#[tokio::test]
async fn a_greylisted_mail_arrives_with_the_next_try_on_the_same_mailer() {
    let server = SmtpServer::start(|heard| match heard.verb {
        Verb::Recipient if heard.before == 0 => Answer::Say("450 4.2.0 greylisted"),
        _ => Answer::Usual,
    });
    let mailer = mailer(&server);
    assert_eq!(send(&mailer).await, Came::Transient);
    assert_eq!(send(&mailer).await, Came::Sent);
    assert_eq!(server.take().len(), 1);
}

#[tokio::test]
async fn one_bad_address_among_eight_parallel_ones_costs_only_itself() {
    // The third to ask is unknown, whoever it is.
    let server = SmtpServer::start(|heard| match heard.verb {
        Verb::Recipient if heard.before == 2 => Answer::Say("550 5.1.1 no such user"),
        _ => Answer::Usual,
    });
    let mailer = std::sync::Arc::new(mailer(&server));
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mailer = std::sync::Arc::clone(&mailer);
        sends.spawn(async move { came(&mailer.send(&mail()).await) });
    }
    let came = sends.join_all().await;
    assert_eq!(came.iter().filter(|came| **came == Came::Sent).count(), 7, "{came:?}");
    assert_eq!(came.iter().filter(|came| **came == Came::Permanent).count(), 1, "{came:?}");
    assert_eq!(server.take().len(), 7);
}

#[tokio::test]
async fn a_failure_tells_the_step_and_the_code_but_not_whom() {
    let server = answering(Verb::Recipient, Answer::Say("550 5.1.1 <ana.pena@example.org> unknown"));
    let error = mailer(&server).send(&mail()).await.expect_err("refused");
    assert!(matches!(error, SendError::Permanent(_)));
    assert_eq!(reason(&error), "the mail server answered 550 5.1.1 at RCPT TO");
    let cause = std::error::Error::source(&error).expect("a cause");
    for shown in [format!("{error} {error:?}"), format!("{cause} {cause:?}")] {
        assert!(!shown.contains("ana.pena"), "{shown}");
    }
    // The operator who wants them has the server's own words.
    assert_eq!(cause.source().expect("the words").to_string(), "5.1.1 <ana.pena@example.org> unknown");
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let server = SmtpServer::obliging();
    let mailer = mailer(&server);
    drop(server);
    assert_eq!(send(&mailer).await, Came::Transient);
}
