//! Servers that do not behave, each misbehaviour by its name.

use std::time::Duration;

use acceso::Mailer;

use crate::smtp_server::{Answer, SmtpServer, Verb};
use crate::stand::{Came, PATIENCE, builder, impatient, mail, mailer, reason, send};

const STEPS: [Verb; 6] = [Verb::Connect, Verb::Ehlo, Verb::Sender, Verb::Recipient, Verb::Data, Verb::Message];

fn doing(step: Verb, answer: Answer) -> SmtpServer {
    SmtpServer::start(move |heard| if heard.verb == step { answer.clone() } else { Answer::Usual })
}

#[tokio::test]
async fn a_connection_that_closes_at_any_step_is_tried_again() {
    for step in STEPS {
        let server = doing(step, Answer::Close);
        assert_eq!(send(&mailer(&server)).await, Came::Transient, "{step:?}");
    }
}

#[tokio::test]
async fn silence_at_any_step_ends_with_the_time_out_of_the_command() {
    for step in STEPS {
        let server = doing(step, Answer::Silence);
        let error = impatient(&server).send(&mail()).await.expect_err("silence");
        assert!(reason(&error).starts_with("the mail server did not answer in time"), "{step:?}: {}", reason(&error));
    }
}

#[tokio::test]
async fn a_server_that_is_slow_at_every_step_ends_with_the_time_out_of_the_whole() {
    // No single command is late, as the silent one is still within its time.
    let server = doing(Verb::Message, Answer::Silence);
    let short = builder(&server.url()).command_timeout(PATIENCE);
    let mailer = short.command_timeout(Duration::from_millis(200)).send_timeout(Duration::from_millis(200));
    let error = mailer.build().expect("a mailer").send(&mail()).await.expect_err("late");
    assert!(matches!(error, acceso::SendError::Transient(_)));
}

#[tokio::test]
async fn garbage_in_place_of_an_answer_is_tried_again() {
    for step in STEPS {
        for garbage in [
            &b"\r\n"[..],
            b"hello\r\n",
            b"999 no such code\r\n",
            b"25\r\n",
            b"\xff\xfe\x00\r\n",
            b"250-one\r\n550 another\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ] {
            let server = doing(step, Answer::Raw(garbage));
            assert_eq!(send(&mailer(&server)).await, Came::Transient, "{garbage:?} at {step:?}");
            assert!(server.take().is_empty());
        }
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_no_yes() {
    for (step, line) in [
        (Verb::Connect, "354 go on"),
        (Verb::Sender, "354 go on"),
        (Verb::Recipient, "354 go on"),
        (Verb::Data, "250 ok"),
        (Verb::Message, "354 go on"),
    ] {
        let server = doing(step, Answer::Say(line));
        assert_eq!(send(&mailer(&server)).await, Came::Transient, "{line} at {step:?}");
        assert!(server.take().is_empty(), "{line} at {step:?}");
    }
}

#[tokio::test]
async fn a_line_without_end_is_cut_off() {
    for step in STEPS {
        let server = doing(step, Answer::Endless);
        let error = mailer(&server).send(&mail()).await.expect_err("no line");
        assert!(reason(&error).starts_with("the mail server's answer did not end"), "{step:?}: {}", reason(&error));
    }
}

#[tokio::test]
async fn an_answer_of_lines_without_end_is_cut_off() {
    static LINES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let lines = LINES.get_or_init(|| b"250-and another\r\n".repeat(10_000));
    let server = doing(Verb::Ehlo, Answer::Raw(lines));
    let error = mailer(&server).send(&mail()).await.expect_err("no end");
    assert_eq!(reason(&error), "the mail server's answer did not end at EHLO");
}

#[tokio::test]
async fn a_server_that_answers_ahead_of_the_question_is_not_believed() {
    let server = doing(Verb::Sender, Answer::Raw(b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"));
    let error = mailer(&server).send(&mail()).await.expect_err("forged");
    assert_eq!(reason(&error), "the mail server spoke without being asked before RCPT TO");
    assert!(server.take().is_empty());
}

#[tokio::test]
async fn after_250_and_a_drop_the_next_mail_arrives_all_the_same() {
    let server = doing(Verb::Message, Answer::SayAndClose("250 2.0.0 taken"));
    let mailer = mailer(&server);
    for number in 1..=3 {
        assert_eq!(send(&mailer).await, Came::Sent, "{number}");
    }
    assert_eq!(server.take().len(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_the_next_mail_nothing() {
    let server = SmtpServer::obliging();
    let mailer = mailer(&server);
    assert_eq!(send(&mailer).await, Came::Sent);
    server.cut_all();
    assert_eq!(send(&mailer).await, Came::Sent);
    assert_eq!((server.take().len(), server.count(Verb::Connect)), (2, 2));
}

#[tokio::test]
async fn a_server_that_has_enough_mails_on_one_connection_gets_another() {
    for line in ["421 4.7.0 too many messages on this connection", "450 4.7.1 too many", "503 5.5.1 bad sequence"] {
        let server = SmtpServer::start(move |heard| match heard.verb {
            Verb::Sender if heard.before == 1 => Answer::SayAndClose(line),
            _ => Answer::Usual,
        });
        let mailer = mailer(&server);
        assert_eq!([send(&mailer).await, send(&mailer).await], [Came::Sent, Came::Sent], "{line}");
        assert_eq!((server.take().len(), server.count(Verb::Connect)), (2, 2));
    }
}

#[tokio::test]
async fn mails_one_after_the_other_share_a_connection() {
    let server = SmtpServer::obliging();
    let mailer = mailer(&server);
    for _ in 0..5 {
        assert_eq!(send(&mailer).await, Came::Sent);
    }
    assert_eq!((server.take().len(), server.count(Verb::Connect)), (5, 1));
}

#[tokio::test]
async fn a_connection_whose_mail_failed_is_not_used_for_the_next() {
    for step in [Verb::Recipient, Verb::Data, Verb::Message] {
        let server = SmtpServer::start(move |heard| match heard.verb {
            verb if verb == step && heard.before == 0 => Answer::Say("451 4.3.0 later"),
            _ => Answer::Usual,
        });
        let mailer = mailer(&server);
        assert_eq!([send(&mailer).await, send(&mailer).await], [Came::Transient, Came::Sent], "{step:?}");
        let mails = server.take();
        assert_eq!((mails.len(), mails[0].to.len(), server.count(Verb::Connect)), (1, 1, 2), "{step:?}");
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_taken_is_not_sent_again_by_itself() {
    let server = SmtpServer::start(|heard| match heard.verb {
        Verb::Message if heard.before == 1 => Answer::Close,
        _ => Answer::Usual,
    });
    let mailer = mailer(&server);
    assert_eq!([send(&mailer).await, send(&mailer).await], [Came::Sent, Came::Transient]);
    assert_eq!((server.count(Verb::Message), server.count(Verb::Connect)), (2, 1));
}

#[tokio::test]
async fn no_more_connections_than_were_allowed() {
    // The first two wait for their answer to the message until the test has seen that nobody else comes.
    let server = SmtpServer::obliging();
    let mailer = builder(&server.url()).connections(2).build().expect("a mailer");
    let mailer = std::sync::Arc::new(mailer);
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let mailer = std::sync::Arc::clone(&mailer);
        sends.spawn(async move { mailer.send(&mail()).await });
    }
    assert!(sends.join_all().await.iter().all(Result::is_ok));
    assert_eq!(server.take().len(), 12);
    assert!(server.count(Verb::Connect) <= 2, "{}", server.count(Verb::Connect));
}

#[tokio::test]
async fn a_send_that_was_dropped_leaves_nothing_to_the_next() {
    let server = doing(Verb::Recipient, Answer::Silence);
    let mailer = mailer(&server);
    let mail = mail();
    {
        let mut send = std::pin::pin!(mailer.send(&mail));
        // Until the server has heard the recipient, then dropped.
        while server.count(Verb::Recipient) == 0 {
            tokio::select! {
                biased;
                _ = &mut send => panic!("no answer was given"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    server.change(|_| Answer::Usual);
    assert_eq!(send(&mailer).await, Came::Sent);
    assert_eq!((server.take().len(), server.count(Verb::Connect)), (1, 2));
}

#[tokio::test]
async fn where_starttls_is_stripped_nothing_is_sent() {
    let server = SmtpServer::obliging();
    let url = format!("smtp://portal:secreta@127.0.0.1:{}", server.port());
    let mailer = builder(&url).require_tls().build().expect("a mailer");
    let error = mailer.send(&mail()).await.expect_err("no TLS");
    assert_eq!(reason(&error), "the mail server does not offer TLS");
    let heard: Vec<_> = server.commands().into_iter().filter(|command| !command.starts_with("EHLO")).collect();
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test]
async fn what_is_said_after_the_answer_to_starttls_is_not_believed() {
    for injected in [&b"220 go\r\n250-forged\r\n250 AUTH PLAIN\r\n"[..], b"220 go\r\n2", b"220 go\r\n\r\n"] {
        let server = SmtpServer::start(move |heard| match heard.verb {
            Verb::Ehlo => Answer::Say("250-loopback\r\n250 STARTTLS"),
            Verb::StartTls => Answer::Raw(injected),
            _ => Answer::Usual,
        });
        let url = format!("smtp://portal:secreta@127.0.0.1:{}", server.port());
        let mailer = builder(&url).require_tls().build().expect("a mailer");
        let error = mailer.send(&mail()).await.expect_err("injected");
        assert_eq!(reason(&error), "the mail server spoke without being asked before the TLS handshake");
        assert_eq!(server.commands().len(), 2, "{:?}", server.commands());
    }
}
