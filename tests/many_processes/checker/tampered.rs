//! What the checker finds where something was tampered with, each by name. Not: a run.

use super::story::*;
use super::{Breach, check};
use crate::evidence::Evidence;
use crate::log::{Answer, Asked, Call, Landed};
use crate::tables::{EventRow, SessionRow};

fn breaches(evidence: &Evidence) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = check(evidence).into_iter().map(|violation| violation.breach).collect();
    breaches.sort_unstable();
    breaches.dedup();
    breaches
}

/// What is found once this was done to the story.
fn after(tamper: impl FnOnce(&mut Story)) -> Vec<Breach> {
    let mut story = Story::new();
    tamper(&mut story);
    breaches(&story.evidence)
}

fn call<'a>(story: &'a mut Story, id: &str) -> &'a mut Call {
    story.evidence.calls.iter_mut().find(|call| call.id == id).expect("the call")
}

fn event<'a>(story: &'a mut Story, id: &str) -> &'a mut EventRow {
    story.evidence.tables.events.iter_mut().find(|event| event.call.as_deref() == Some(id)).expect("the event")
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let found: Vec<String> = check(&Story::new().evidence).iter().map(ToString::to_string).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_link_used_twice_is_found() {
    let found = after(|story| {
        story.call("again", confirm_recovery("second"), Answer::Accepted, "recovery_confirmed", Some(true));
        story.and_so_on();
    });
    assert!(found.contains(&Breach::LinkUsedTwice), "{found:?}");
    let found = after(|story| {
        story.call("again", confirm("first"), Answer::Confirmed, "registration_confirmed", Some(true));
        story.and_so_on();
    });
    assert!(found.contains(&Breach::LinkUsedTwice) && found.contains(&Breach::NameTwice), "{found:?}");
}

#[test]
fn the_use_of_a_link_older_than_the_password_is_found() {
    let found = after(|story| {
        let mut older = story.evidence.mails[0].clone();
        older.secret = Some(link("older"));
        story.evidence.mails.push(older);
        let Asked::ConfirmRecovery { token } = &mut call(story, "recovery").asked else { panic!("another call") };
        *token = link("older");
    });
    assert_eq!(found, [Breach::DeadLinkUsed]);
}

#[test]
fn a_good_link_that_was_refused_is_found() {
    let found = after(|story| {
        let early = story.evidence.calls.iter().position(|call| call.id == "confirm").expect("the call");
        story.look("refused", confirm("first"), Answer::LinkInvalid, "confirmation_link_invalid");
        let (begun, ended) = (story.evidence.calls[early].begun - 2, story.evidence.calls[early].begun - 1);
        let refused = call(story, "refused");
        (refused.begun, refused.ended) = (begun, ended);
    });
    assert_eq!(found, [Breach::LinkRefused]);
}

#[test]
fn a_lost_strike_is_found() {
    assert_eq!(after(|story| story.evidence.tables.users[0].strikes = Some(0)), [Breach::StrikesWrong]);
    // A guess that was judged, and went by without a trace.
    let found = after(|story| {
        event(story, "wrong 3").kind = "login_while_locked".into();
    });
    assert!(found.contains(&Breach::StrikesWrong) && found.contains(&Breach::AnswerUnexplained), "{found:?}");
}

#[test]
fn a_guess_beyond_the_threshold_is_found() {
    let found = after(|story| event(story, "while locked").kind = "login_wrong_password".into());
    assert!(found.contains(&Breach::GuessBeyondThreshold), "{found:?}");
}

#[test]
fn a_lock_that_nobody_was_told_of_in_time_is_found() {
    let found = after(|story| event(story, "while locked").kind = "login_wrong_temporary".into());
    assert_eq!(found, [Breach::AnswerUnexplained]);
}

#[test]
fn a_login_with_a_password_that_was_not_valid_is_found() {
    for (id, typed) in [("login", NEW), ("second login", RIGHT), ("temporary", "otra")] {
        let found = after(|story| call(story, id).asked = login(typed));
        assert_eq!(found, [Breach::WrongPasswordAccepted], "{id}");
    }
    let found = after(|story| call(story, "change").asked = change("S1", "Equivocada 1", NEW));
    assert_eq!(found, [Breach::WrongPasswordAccepted]);
}

#[test]
fn a_strike_for_the_right_password_is_found() {
    assert_eq!(after(|story| call(story, "wrong 1").asked = login(RIGHT)), [Breach::RightPasswordRejected]);
}

#[test]
fn a_surviving_session_is_found() {
    for opener in ["login", "change", "temporary", "second login"] {
        let row = SessionRow { user: USER.into(), call: opener.into() };
        assert_eq!(after(|story| story.evidence.tables.sessions.push(row)), [Breach::SessionSurvived], "{opener}");
    }
    assert_eq!(after(|story| call(story, "late visit").answer = Answer::Visitor), [Breach::SessionSurvived]);
    let found = after(|story| story.ask("later", Asked::Session { token: "S5".into() }, Answer::Visitor));
    assert_eq!(found, [Breach::SessionSurvived]);
}

#[test]
fn a_change_of_password_by_a_dead_session_is_found() {
    let found = after(|story| {
        let changed = Answer::Changed { token: "S6".into() };
        story.call("dead", change("S2", NEWEST, NEW), changed, "password_changed", Some(true));
        story.and_so_on();
    });
    assert!(found.contains(&Breach::SessionSurvived), "{found:?}");
}

#[test]
fn a_lost_session_is_found() {
    assert_eq!(after(|story| story.evidence.tables.sessions.clear()), [Breach::SessionLost]);
    assert_eq!(after(|story| call(story, "visit").answer = Answer::NoVisitor), [Breach::SessionLost]);
}

#[test]
fn a_lost_mail_is_found() {
    let mails = Story::new().evidence.mails.len();
    for at in 0..mails {
        let mut story = Story::new();
        let mail = story.evidence.mails[at].clone();
        // One about a lock or a temporary password may be over before it is sent.
        let is_over = mail.purpose == "user_locked" || mail.purpose == "temporary_password";
        if mail.purpose != "confirm_recovery" && !is_over {
            story.evidence.mails[at].taken = false;
            assert_eq!(breaches(&story.evidence), [Breach::MailLost], "{mail:?}");
        }
    }
    let found = after(|story| {
        let settles = |line: &crate::log::CommitLine| line.settled.iter().any(|id| id.starts_with("user_locked"));
        story.evidence.commits.iter_mut().filter(|line| settles(line)).for_each(|line| line.settled.clear());
    });
    assert_eq!(found, [Breach::MailLost]);
}

#[test]
fn mail_that_is_left_is_found() {
    assert_eq!(after(|story| story.evidence.tables.mail.push("user_locked".into())), [Breach::MailLeft]);
}

#[test]
fn a_missing_event_is_found() {
    for id in ["register", "while locked", "recover", "log-out"] {
        let found = after(|story| story.evidence.tables.events.retain(|event| event.call.as_deref() != Some(id)));
        assert!(found.contains(&Breach::EventMissing), "{id}: {found:?}");
    }
    let found = after(|story| {
        let sent = story.evidence.tables.events.iter().position(|event| event.kind == "mail_sent").expect("one");
        story.evidence.tables.events.remove(sent);
    });
    assert_eq!(found, [Breach::EventMissing]);
}

#[test]
fn an_event_too_many_is_found() {
    for call in [Some("recover"), Some("nobody's"), None] {
        let found = after(|story| {
            let mut twice = event(story, "recover").clone();
            twice.call = call.map(str::to_owned);
            story.evidence.tables.events.push(twice);
        });
        assert_eq!(found, [Breach::EventTooMany], "{call:?}");
    }
}

#[test]
fn an_event_that_is_not_the_answers_is_found() {
    assert_eq!(after(|story| event(story, "recover").kind = "recovery_invalid".into()), [Breach::EventUnlikeAnswer]);
}

#[test]
fn two_users_of_one_name_are_found() {
    let found = after(|story| {
        let mut twin = story.evidence.tables.users[0].clone();
        twin.id = "bb".into();
        story.evidence.tables.users.push(twin);
    });
    assert!(found.contains(&Breach::NameTwice), "{found:?}");
}

#[test]
fn a_name_that_was_taken_or_free_against_the_answer_is_found() {
    let early = |story: &mut Story, id: &str| (call(story, id).begun, call(story, id).ended) = (1, 2);
    let found = after(|story| {
        story.call("taken", register(), Answer::UsernameTaken, "registration_name_taken", None);
        early(story, "taken");
    });
    assert_eq!(found, [Breach::NameAnswer]);
    let found = after(|story| story.call("free", login(NEW), Answer::Rejected, "login_unknown", None));
    assert_eq!(found, [Breach::NameAnswer]);
}

#[test]
fn a_user_whom_nothing_proves_is_found() {
    for wrong in
        [confirm("unmailed"), Asked::Confirm { token: link("first"), username: "ana".into(), password: NEW.into() }]
    {
        let found = after(|story| call(story, "confirm").asked = wrong);
        assert!(found.contains(&Breach::UserUnproven), "{found:?}");
    }
}

#[test]
fn a_lost_update_is_found() {
    let found = after(|story| {
        let change = story.evidence.commits.iter().find(|line| line.call.as_deref() == Some("change")).expect("it");
        let mut twin = change.clone();
        (twin.call, twin.queued) = (None, Vec::new());
        twin.events.clear();
        story.evidence.commits.push(twin);
    });
    assert_eq!(found, [Breach::UpdateLost]);
    assert_eq!(after(|story| story.evidence.tables.users[0].version += 1), [Breach::UpdateLost]);
    assert_eq!(after(|story| story.evidence.tables.mailboxes[0].version -= 1), [Breach::UpdateLost]);
}

#[test]
fn an_order_against_real_time_is_found() {
    let found = after(|story| {
        let swapped = event(story, "wrong 2").number;
        event(story, "wrong 2").number = event(story, "wrong 1").number;
        event(story, "wrong 1").number = swapped;
    });
    assert_eq!(found, [Breach::OrderImpossible]);
}

#[test]
fn a_commit_whose_answer_was_lost_may_have_landed_or_not() {
    let found = after(|story| {
        let unavailable = Answer::Unavailable { cause: "cut".into() };
        call(story, "last").answer = unavailable.clone();
        let last = story.evidence.commits.iter_mut().find(|line| line.call.as_deref() == Some("last")).expect("it");
        last.landed = Landed::Unknown("cut".into());
        story.ask("nothing", login("Equivocada 1"), unavailable);
    });
    assert_eq!(found, []);
}
