//! The page *Recuperar Usuario*. Not: whose address it is.
//!
//! **The answer is the same for every address.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::fault::Fault;
use crate::flow::RecoveryRequest;
use crate::flow::username_recovery::UsernameRecoveryForm;
use crate::text::Notice;
use crate::text::page::Label;
use crate::web::Portal;
use crate::web::answer::{Trouble, invalid, outcome};
use crate::web::extract::Visit;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame, said};

pub(crate) const RECOVER: Operation = Operation {
    path: "/username-recovery",
    method: Method::Post,
    id: "recoverUsername",
    summary: "Asks for a mail with the user names of an address. The answer is the same for every address.",
    required: &["email"],
    optional: &[],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::ACCEPTED, "accepted"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    form(&visit, "", &[]).respond(StatusCode::OK)
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, fields) = match Visit::receive(&portal, request, Body::Form, RECOVER.required, RECOVER.optional).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let email = fields.text("email");
    match portal.acceso().recover_username(UsernameRecoveryForm { email: email.to_owned() }, &visit.client).await {
        Ok(RecoveryRequest::Accepted) if visit.wants_json => {
            outcome(StatusCode::ACCEPTED, "accepted", Notice::UserNameSent, visit.language)
        }
        Ok(RecoveryRequest::Accepted) => said(&visit, StatusCode::OK, Label::MailTitle, Notice::UserNameSent),
        Ok(RecoveryRequest::Invalid(faults)) if visit.wants_json => invalid(&faults, visit.language),
        Ok(RecoveryRequest::Invalid(faults)) => form(&visit, email, &faults).respond(StatusCode::UNPROCESSABLE_ENTITY),
        Err(error) => visit.refuse(error.into()),
    }
}

fn form<'a>(visit: &'a Visit, email: &str, faults: &[Fault]) -> Form<'a> {
    let frame = Frame::new(visit, Label::RecoverUsername, "/username-recovery");
    Form::new(frame, "/username-recovery", Label::Accept)
        .lead(Label::UsernameRecoveryLead)
        .text("email", Label::Email, "email", email)
        .faults(faults)
        .link("/login", Label::GoToLogin)
}
