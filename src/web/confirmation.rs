//! The page of a confirmation link. Not: what makes a confirmation good.
//!
//! **Opening the link changes nothing; sending the form does.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::flow::confirmation::{Confirmation, ConfirmationForm};
use crate::text::page::Label;
use crate::text::{self, Notice};
use crate::web::Portal;
use crate::web::answer::{Trouble, notice_problem, outcome, with_cookie};
use crate::web::extract::Visit;
use crate::web::form::{escaped, query_value};
use crate::web::headers::without_referrer;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame, Said, said};

pub(crate) const CONFIRM: Operation = Operation {
    path: "/confirmation",
    method: Method::Post,
    id: "confirm",
    summary: "Confirms a registration by the mailed link.",
    required: &["token", "username", "password"],
    optional: &["reference"],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::OK, "confirmed"),
        Answer::Problem(StatusCode::GONE, "link_invalid"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "confirmation_rejected"),
        Answer::Problem(StatusCode::CONFLICT, "username_taken"),
        Answer::Problem(StatusCode::FORBIDDEN, "not_a_patient"),
        Answer::Problem(StatusCode::CONFLICT, "too_many_users"),
    ],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&portal, &parts);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    let token = query_value(parts.uri.query(), "token").unwrap_or_default();
    without_referrer(form(&visit, &token, "", None).respond(StatusCode::OK))
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let reference = portal.cookies().registration(request.headers()).map(str::to_owned);
    let read = Visit::receive(&portal, request, Body::Link, CONFIRM.required, CONFIRM.optional).await;
    let (visit, fields) = match read {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let (token, username) = (fields.text("token"), fields.text("username"));
    let named = fields.has("reference").then(|| fields.text("reference").to_owned());
    let typed = ConfirmationForm {
        token: token.to_owned(),
        username: username.to_owned(),
        password: fields.password("password"),
        reference: named.or(reference),
    };
    let answer = match portal.acceso().confirm(typed, &visit.client).await {
        Ok(answer) => answer,
        Err(error) => return without_referrer(visit.refuse(error.into())),
    };
    let (status, code, notice) = match answer {
        Confirmation::Confirmed => (StatusCode::OK, "confirmed", Notice::RegistrationConfirmed),
        Confirmation::LinkInvalid => (StatusCode::GONE, "link_invalid", Notice::LinkInvalid),
        Confirmation::Rejected => {
            (StatusCode::UNPROCESSABLE_ENTITY, "confirmation_rejected", Notice::ConfirmationRejected)
        }
        Confirmation::UsernameTaken => (StatusCode::CONFLICT, "username_taken", Notice::UsernameTaken),
        Confirmation::NotAPatient => (StatusCode::FORBIDDEN, "not_a_patient", Notice::NotAPatient),
        Confirmation::TooManyUsers => (StatusCode::CONFLICT, "too_many_users", Notice::TooManyUsers),
    };
    let response = match (visit.wants_json, answer) {
        (true, Confirmation::Confirmed) => outcome(status, code, notice, visit.language),
        (true, _) => notice_problem(status, code, notice, visit.language),
        (false, Confirmation::Confirmed) => said(&visit, status, Label::ConfirmedTitle, notice),
        (false, Confirmation::Rejected) => form(&visit, token, username, Some(notice)).respond(status),
        (false, _) => {
            let title = if answer == Confirmation::LinkInvalid { Label::LinkTitle } else { Label::SorryTitle };
            let page = Said::new(Frame::new(&visit, title, "/login"), text::notice(notice, visit.language));
            let page = page.button(portal.path("/login"), Label::GoToLogin);
            page.link("/registration", Label::RegisterAgain).link("/contact", Label::Contact).respond(status)
        }
    };
    let done = answer == Confirmation::Confirmed;
    let response = if done { with_cookie(response, &portal.cookies().clear_registration()) } else { response };
    without_referrer(response)
}

fn form<'a>(visit: &'a Visit, token: &str, username: &str, notice: Option<Notice>) -> Form<'a> {
    let here = format!("/confirmation?token={}", escaped(token));
    Form::new(Frame::new(visit, Label::ConfirmationTitle, &here), "/confirmation", Label::Confirm)
        .lead(Label::ConfirmationLead)
        .notice(notice)
        .hidden("token", token)
        .text("username", Label::Username, "username", username)
        .password("password", Label::Password, "current-password")
        .link("/registration", Label::RegisterAgain)
}
