//! The page *Recuperar contraseña* and that of its link. Not: what a recovery does to a user.
//!
//! **The answer to a request is the same for everybody; opening the link changes nothing, sending its form does.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::error::Error;
use crate::fault::Fault;
use crate::flow::RecoveryRequest;
use crate::flow::password_recovery::{PasswordChoice, PasswordChoiceForm, PasswordRecoveryForm, RecoveryConfirmation};
use crate::policy::Recovery;
use crate::text::page::Label;
use crate::text::{self, Notice};
use crate::web::Portal;
use crate::web::answer::{Trouble, invalid, notice_problem, outcome};
use crate::web::extract::Visit;
use crate::web::form::{Fields, escaped, query_value};
use crate::web::headers::without_referrer;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame, Said, said};

pub(crate) const RECOVER: Operation = Operation {
    path: "/password-recovery",
    method: Method::Post,
    id: "recoverPassword",
    summary: "Asks for a mail with a link. The answer is the same for everybody.",
    required: &["email", "username"],
    optional: &[],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::ACCEPTED, "accepted"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ],
};

/// Where the policy sends a temporary password.
pub(crate) const CONFIRM: Operation = Operation {
    path: "/password-recovery/confirmation",
    method: Method::Post,
    id: "confirmRecovery",
    summary: "Confirms a recovery by the mailed link; a temporary password is mailed.",
    required: &["token"],
    optional: &[],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[Answer::Outcome(StatusCode::ACCEPTED, "accepted"), Answer::Problem(StatusCode::GONE, "link_invalid")],
};

/// Where the policy lets the person choose at once.
pub(crate) const CHOOSE: Operation = Operation {
    path: "/password-recovery/confirmation",
    method: Method::Post,
    id: "choosePassword",
    summary: "Sets a new password by the mailed link.",
    required: &["token", "new", "repeated"],
    optional: &[],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::OK, "changed"),
        Answer::Problem(StatusCode::GONE, "link_invalid"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    form(&visit, "", "", &[]).respond(StatusCode::OK)
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, fields) = match Visit::receive(&portal, request, Body::Form, RECOVER.required, RECOVER.optional).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let (email, username) = (fields.text("email"), fields.text("username"));
    let typed = PasswordRecoveryForm { email: email.to_owned(), username: username.to_owned() };
    match portal.acceso().recover_password(typed, &visit.client).await {
        Ok(RecoveryRequest::Accepted) if visit.wants_json => {
            outcome(StatusCode::ACCEPTED, "accepted", Notice::RecoverySent, visit.language)
        }
        Ok(RecoveryRequest::Accepted) => said(&visit, StatusCode::OK, Label::MailTitle, Notice::RecoverySent),
        Ok(RecoveryRequest::Invalid(faults)) if visit.wants_json => invalid(&faults, visit.language),
        Ok(RecoveryRequest::Invalid(faults)) => {
            form(&visit, email, username, &faults).respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error) => visit.refuse(error.into()),
    }
}

fn form<'a>(visit: &'a Visit, email: &str, username: &str, faults: &[Fault]) -> Form<'a> {
    let frame = Frame::new(visit, Label::RecoverPassword, "/password-recovery");
    Form::new(frame, "/password-recovery", Label::Accept)
        .lead(Label::PasswordRecoveryLead)
        .text("email", Label::Email, "email", email)
        .text("username", Label::Username, "username", username)
        .faults(faults)
        .link("/username-recovery", Label::RecoverUsername)
        .link("/login", Label::GoToLogin)
}

pub(crate) async fn show_confirmation(State(portal): State<Portal>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&portal, &parts);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    let token = query_value(parts.uri.query(), "token").unwrap_or_default();
    without_referrer(confirmation_form(&visit, &token, &[]).respond(StatusCode::OK))
}

pub(crate) async fn act_confirmation(State(portal): State<Portal>, request: Request) -> Response {
    let asked = if chooses(&portal) { &CHOOSE } else { &CONFIRM };
    let (visit, fields) = match Visit::receive(&portal, request, Body::Link, asked.required, asked.optional).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let answer = if chooses(&portal) { choose(&visit, &fields).await } else { confirm(&visit, &fields).await };
    without_referrer(answer.unwrap_or_else(|error| visit.refuse(error.into())))
}

async fn confirm(visit: &Visit, fields: &Fields) -> Result<Response, Error> {
    Ok(match visit.portal.acceso().confirm_recovery(fields.text("token"), &visit.client).await? {
        RecoveryConfirmation::Accepted if visit.wants_json => {
            outcome(StatusCode::ACCEPTED, "accepted", Notice::RecoveryConfirmed, visit.language)
        }
        RecoveryConfirmation::Accepted => {
            said(visit, StatusCode::OK, Label::RecoveryConfirmedTitle, Notice::RecoveryConfirmed)
        }
        RecoveryConfirmation::LinkInvalid => link_invalid(visit),
    })
}

async fn choose(visit: &Visit, fields: &Fields) -> Result<Response, Error> {
    let token = fields.text("token");
    let typed = PasswordChoiceForm {
        token: token.to_owned(),
        new: fields.password("new"),
        repeated: fields.password("repeated"),
    };
    Ok(match visit.portal.acceso().choose_password(typed, &visit.client).await? {
        PasswordChoice::Changed if visit.wants_json => {
            outcome(StatusCode::OK, "changed", Notice::PasswordChanged, visit.language)
        }
        PasswordChoice::Changed => said(visit, StatusCode::OK, Label::ChangedTitle, Notice::PasswordChanged),
        PasswordChoice::Invalid(faults) if visit.wants_json => invalid(&faults, visit.language),
        PasswordChoice::Invalid(faults) => {
            confirmation_form(visit, token, &faults).respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
        PasswordChoice::LinkInvalid => link_invalid(visit),
    })
}

fn link_invalid(visit: &Visit) -> Response {
    if visit.wants_json {
        return notice_problem(StatusCode::GONE, "link_invalid", Notice::LinkInvalid, visit.language);
    }
    let frame = Frame::new(visit, Label::LinkTitle, "/password-recovery");
    let page = Said::new(frame, text::notice(Notice::LinkInvalid, visit.language));
    let page = page.button(visit.portal.path("/password-recovery"), Label::RecoverPassword);
    page.link("/login", Label::GoToLogin).respond(StatusCode::GONE)
}

fn chooses(portal: &Portal) -> bool {
    matches!(portal.acceso().policy().recovery, Recovery::ChoosePassword)
}

fn confirmation_form<'a>(visit: &'a Visit, token: &str, faults: &[Fault]) -> Form<'a> {
    const PAGE: &str = "/password-recovery/confirmation";
    let here = format!("{PAGE}?token={}", escaped(token));
    if chooses(&visit.portal) {
        return Form::new(Frame::new(visit, Label::ChooseTitle, &here), PAGE, Label::Accept)
            .hidden("token", token)
            .password("new", Label::NewPassword, "new-password")
            .rules()
            .password("repeated", Label::RepeatPassword, "new-password")
            .faults(faults);
    }
    Form::new(Frame::new(visit, Label::RecoveryConfirmationTitle, &here), PAGE, Label::Confirm)
        .lead(Label::RecoveryConfirmationLead)
        .hidden("token", token)
        .link("/login", Label::GoToLogin)
}
