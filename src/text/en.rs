//! The sentences in English, plain as on a public service's pages. Not: their form, which is made in `text`.
//!
//! **The options of the login page are named as the page names them: “Recover user name”, “Recover password”.**

use super::{Counted, Draft, Duration, Fault, Field, Frame, Letter, Notice, Part, Portal, Rule, in_words};

const IGNORE: &str = "If you did not ask for this, do nothing: you can safely ignore this e-mail.";

pub(super) fn frame(portal: &Portal) -> Frame<'_> {
    Frame {
        greeting: "Hello,",
        help: match &portal.contact {
            Some(contact) => format!("If you need help, contact us: {contact}").into(),
            None => "If you need help, contact us.".into(),
        },
        automatic: "This e-mail was sent automatically.",
    }
}

pub(super) fn letter<'a>(letter: &Letter<'a>, portal: &'a Portal) -> Draft<'a> {
    match *letter {
        Letter::ConfirmRegistration { link, lifetime } => confirm_registration(link, lifetime),
        Letter::RegistrationConfirmed => registration_confirmed(&portal.home),
        Letter::UserNames { usernames } => user_names(usernames),
        Letter::ConfirmRecovery { link, lifetime } => confirm_recovery(link, lifetime),
        Letter::TemporaryPassword { password, lifetime } => temporary_password(password, lifetime, &portal.home),
        Letter::ChoosePassword { link, lifetime } => choose_password(link, lifetime),
        Letter::PasswordChanged => password_changed(),
        Letter::UserLocked { until_recovery } => user_locked(until_recovery),
    }
}

fn confirm_registration(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Confirm your registration",
        parts: vec![
            Part::Prose(
                "Somebody asked to create a user of the portal with this e-mail address. If it was you, confirm your \
                 registration. Until you do, you cannot use the portal."
                    .into(),
            ),
            Part::Link { label: "Confirm the registration", url: link },
            Part::Prose(
                "Open the link and type the user name and the password that you chose. After that, a second e-mail \
                 tells you that you can log in."
                    .into(),
            ),
            Part::Prose(
                format!(
                    "The link is valid for {} after this e-mail was sent. If other people registered with this address \
                     too, the same link serves any one of them; if somebody is left to confirm after that, another \
                     e-mail will come.",
                    hours(lifetime)
                )
                .into(),
            ),
            Part::Prose(
                format!("{IGNORE} Do not type a user name or a password there that somebody else gave you.").into(),
            ),
        ],
    }
}

fn registration_confirmed(home: &str) -> Draft<'_> {
    Draft {
        subject: "Your registration is confirmed",
        parts: vec![
            Part::Prose(
                "Your registration is confirmed. You can now log in to the portal with the user name and the password \
                 that you chose."
                    .into(),
            ),
            Part::Link { label: "Log in to the portal", url: home },
            Part::Prose(
                "If you did not confirm any registration, somebody else may have access to this mailbox: change the \
                 password of your e-mail and contact us."
                    .into(),
            ),
        ],
    }
}

fn user_names<'a>(usernames: &'a [&'a str]) -> Draft<'a> {
    Draft {
        subject: "Your user names",
        parts: vec![
            Part::Prose(match usernames {
                [_] => "This is the user name created with this e-mail address:".into(),
                _ => "These are the user names created with this e-mail address:".into(),
            }),
            Part::List(usernames),
            Part::Prose(
                "A registration that is not confirmed yet is not listed here. If you do not remember the password \
                 either, choose “Recover password” on the portal's home page."
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

fn confirm_recovery(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Confirm that you want to change your password",
        parts: vec![
            Part::Prose(
                "Somebody asked to recover the password of a user of the portal created with this e-mail address. If \
                 it was you, confirm that you want to change it."
                    .into(),
            ),
            Part::Link { label: "Confirm", url: link },
            Part::Prose(
                "Nothing changes until you confirm. When you do, the old password stops working, open sessions are \
                 closed, and you will get another e-mail with a temporary password."
                    .into(),
            ),
            Part::Prose(
                format!("The link is valid for {} after this e-mail was sent, and can be used once.", hours(lifetime))
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

/// The password comes late, out of sight of a lock screen's preview.
fn temporary_password<'a>(password: &'a str, lifetime: Duration, home: &'a str) -> Draft<'a> {
    Draft {
        subject: "Your temporary password",
        parts: vec![
            Part::Prose(
                "The change of the password of a user of the portal was confirmed. Log in with your user name and the \
                 temporary password that stands further down, and then choose a new password."
                    .into(),
            ),
            Part::Prose(
                format!(
                    "The temporary password is valid for {} after this e-mail was sent, and only lets you change the \
                     password. If you received several, the newest one counts.",
                    hours(lifetime)
                )
                .into(),
            ),
            Part::Secret(password),
            Part::Link { label: "Log in to the portal", url: home },
            Part::Prose("Do not share this password with anyone, not even with somebody who calls in our name.".into()),
            Part::Prose(
                "If you did not confirm any change, somebody else may have access to this mailbox: change the password \
                 of your e-mail, choose “Recover password” on the portal's home page, and contact us."
                    .into(),
            ),
        ],
    }
}

fn choose_password(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Choose a new password",
        parts: vec![
            Part::Prose(
                "Somebody asked to recover the password of a user of the portal created with this e-mail address. If \
                 it was you, choose a new password."
                    .into(),
            ),
            Part::Link { label: "Choose the password", url: link },
            Part::Prose(
                "Nothing changes until you choose it. When you do, the old password stops working and open sessions \
                 are closed."
                    .into(),
            ),
            Part::Prose(
                format!("The link is valid for {} after this e-mail was sent, and can be used once.", hours(lifetime))
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

fn password_changed() -> Draft<'static> {
    Draft {
        subject: "Your password was changed",
        parts: vec![
            Part::Prose(
                "The password of a user of the portal created with this e-mail address was changed. Sessions that were \
                 open are closed."
                    .into(),
            ),
            Part::Prose(
                "If it was you, there is nothing to do. If it was not you, choose “Recover password” on the portal's \
                 home page at once, and contact us."
                    .into(),
            ),
        ],
    }
}

fn user_locked(until_recovery: bool) -> Draft<'static> {
    Draft {
        subject: "Your user is locked",
        parts: vec![
            Part::Prose(
                "Somebody typed a wrong password several times for a user of the portal created with this e-mail \
                 address. To protect your data, the user is locked: for now, nobody can log in with its password. \
                 Sessions that are open stay open."
                    .into(),
            ),
            Part::Prose(if until_recovery {
                "To unlock it, choose “Recover password” on the portal's home page.".into()
            } else {
                "You can wait for a while and try again, or choose “Recover password” on the portal's home page.".into()
            }),
            Part::Prose(
                "If it was not you who typed it, nobody got in with those attempts and your password is unchanged. For \
                 each user we send at most one of these e-mails a day."
                    .into(),
            ),
        ],
    }
}

fn hours(lifetime: Duration) -> String {
    in_words(lifetime, &Counted("hour", "hours"), &Counted("minute", "minutes"), "and")
}

pub(super) fn fault(fault: Fault) -> String {
    const CHARACTERS: Counted = Counted("character", "characters");
    let field = match fault.field {
        Field::Email => "The e-mail address",
        Field::Username => "The user name",
        Field::Current => "The current password",
        Field::Password => "The password",
        Field::Repeated => "The repeated password",
        Field::FullName => "The full name",
    };
    match fault.rule {
        Rule::Empty => match fault.field {
            Field::Email => "Type the e-mail address.".into(),
            Field::Username => "Type the user name.".into(),
            Field::Current => "Type your current password.".into(),
            Field::Password => "Type the password.".into(),
            Field::Repeated => "Repeat the password.".into(),
            Field::FullName => "Type your first and family name.".into(),
        },
        Rule::TooShort(least) => format!("{field} needs at least {}.", CHARACTERS.by(least.into())),
        Rule::TooLong(most) => format!("{field} can have at most {}.", CHARACTERS.by(most.into())),
        Rule::Malformed => match fault.field {
            Field::Email => {
                "Type the whole e-mail address, without blanks or accents, for example name@example.com.".into()
            }
            Field::Username => "The user name can have letters without accents, numbers, full stops, hyphens and \
                                underscores, and starts with a letter or a number."
                .into(),
            Field::FullName => "The full name can have letters, blanks, apostrophes, hyphens, and a full stop at the \
                                end of an abbreviation."
                .into(),
            Field::Current | Field::Password | Field::Repeated => {
                format!("{field} contains something that cannot be used.")
            }
        },
        Rule::Incomplete => match fault.field {
            Field::FullName => "Type both your first name and your family name.".into(),
            Field::Email | Field::Username | Field::Current | Field::Password | Field::Repeated => {
                format!("{field} is not complete.")
            }
        },
        Rule::Reserved => match fault.field {
            Field::Username => "That user name is reserved. Choose another user name.".into(),
            Field::Email | Field::Current | Field::Password | Field::Repeated | Field::FullName => {
                format!("{field} cannot be used in this portal.")
            }
        },
        Rule::NoUppercase => format!("{field} needs at least one upper-case letter."),
        Rule::NoLowercase => format!("{field} needs at least one lower-case letter."),
        Rule::NoDigit => format!("{field} needs at least one number."),
        Rule::ControlCharacter => format!("{field} contains an invisible character that some keyboards cannot type."),
        Rule::Personal => {
            format!("{field} is too similar to your user name, your e-mail address, your name or the portal's name.")
        }
        Rule::Common => format!("{field} is one of the most used passwords and easy to guess."),
        Rule::Mismatch => "The passwords are not the same. Repeat the same password.".into(),
        Rule::Unchanged => "The new password must differ from the one that it replaces.".into(),
    }
}

pub(super) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::RegistrationAccepted => {
            "We have received your request. If the e-mail address is in your medical record, you will get an e-mail to \
             confirm the registration. If it does not come, look in your spam folder. An e-mail that you asked for a \
             short while ago is still good: use that one. If you have none, contact us to check whether the address is \
             in your medical record."
        }
        Notice::UsernameTaken => {
            "There is already a user with that name. Register with another user name; if you already have the e-mail \
             for confirming, the same link serves."
        }
        Notice::RegistrationConfirmed => {
            "Your registration is confirmed. You can now log in with your user name and password. You will also get an \
             e-mail that says so."
        }
        Notice::ConfirmationRejected => {
            "The user name or password is not that of a registration waiting at this e-mail address. Type them as you \
             chose them when you registered. If you do not remember them, register again: this same link serves until \
             it expires."
        }
        Notice::LinkInvalid => {
            "This link is not valid: it was used, has expired or is not complete. If you have already confirmed, log \
             in; if not, ask for it again."
        }
        Notice::NotAPatient => {
            "This e-mail address is not in a medical record with access to the portal. Contact us to check it."
        }
        Notice::TooManyUsers => {
            "This e-mail address already has as many users as are allowed. If you do not remember one, choose “Recover \
             user name”; if you need another, contact us."
        }
        Notice::LoginRejected => {
            "You could not be logged in. The user name or password may be wrong; the user may not be activated yet: \
             follow the e-mail that you got when you registered or, if it is no longer good, register again; or it may \
             be locked after several attempts with a wrong password: choose “Recover password”. If none of this helps, \
             contact us."
        }
        Notice::MustChangePassword => "You logged in with a temporary password. To go on, choose a new password.",
        Notice::UserNameSent => {
            "We have received your request. If there are users created with that e-mail address, you will get an \
             e-mail with their names. If it does not come, look in your spam folder. An e-mail that you asked for a \
             short while ago is still good: use that one. If you have none, contact us."
        }
        Notice::RecoverySent => {
            "We have received your request. If the user exists and was created with that e-mail address, you will get \
             an e-mail to confirm that you want to change the password. If it does not come, look in your spam folder. \
             An e-mail that you asked for a short while ago is still good: use that one. If you have none, check the \
             user name with “Recover user name”; if you never confirmed the registration, register again."
        }
        Notice::RecoveryConfirmed => {
            "It is confirmed: the old password no longer works. You will get an e-mail with a temporary password; log \
             in with it and choose a new password. If it does not come, look in your spam folder or choose “Recover \
             password” again."
        }
        Notice::PasswordChanged => "Your password is changed. Sessions that were open are closed.",
        Notice::ChangeRejected => {
            "The password was not changed. The current password may be wrong, or the user may be locked after several \
             attempts with a wrong password. If you do not remember it or are locked, choose “Recover password” on the \
             home page."
        }
        Notice::LoggedOut => "You are logged out.",
        Notice::Busy => "The portal is getting too many requests and could not take yours. Try again in a few minutes.",
        Notice::Unavailable => "The portal is not available at the moment. Try again later.",
    }
}
