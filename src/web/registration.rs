//! The page *Registrarse*. Not: whether anybody is a patient.
//!
//! **The answer is the same for every address.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::fault::Fault;
use crate::flow::registration::{Registering, RegistrationForm};
use crate::text::Notice;
use crate::text::page::Label;
use crate::web::Portal;
use crate::web::answer::{Trouble, invalid, notice_problem, outcome, with_cookie};
use crate::web::extract::Visit;
use crate::web::form::Fields;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame, said};

pub(crate) const REGISTER: Operation = Operation {
    path: "/registration",
    method: Method::Post,
    id: "register",
    summary: "Asks for a user. The answer is the same for every address.",
    required: &["email", "username", "password", "repeated", "full_name"],
    optional: &[],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::ACCEPTED, "accepted"),
        Answer::Problem(StatusCode::CONFLICT, "username_taken"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    form(&visit, None, &[], None).respond(StatusCode::OK)
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, fields) = match Visit::receive(&portal, request, Body::Form, REGISTER.required, REGISTER.optional).await
    {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let typed = RegistrationForm {
        email: fields.text("email").to_owned(),
        username: fields.text("username").to_owned(),
        password: fields.password("password"),
        repeated: fields.password("repeated"),
        full_name: fields.text("full_name").to_owned(),
    };
    match portal.acceso().register(typed, &visit.client).await {
        Ok(Registering::Accepted(reference)) => {
            let response = if visit.wants_json {
                outcome(StatusCode::ACCEPTED, "accepted", Notice::RegistrationAccepted, visit.language)
            } else {
                said(&visit, StatusCode::OK, Label::MailTitle, Notice::RegistrationAccepted)
            };
            let kept = portal.acceso().policy().registration_lifetime;
            with_cookie(response, &portal.cookies().set_registration(reference, kept))
        }
        Ok(Registering::Invalid(faults)) if visit.wants_json => invalid(&faults, visit.language),
        Ok(Registering::Invalid(faults)) => {
            form(&visit, Some(&fields), &faults, None).respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Ok(Registering::UsernameTaken) if visit.wants_json => {
            notice_problem(StatusCode::CONFLICT, "username_taken", Notice::UsernameTaken, visit.language)
        }
        Ok(Registering::UsernameTaken) => {
            form(&visit, Some(&fields), &[], Some(Notice::UsernameTaken)).respond(StatusCode::CONFLICT)
        }
        Err(error) => visit.refuse(error.into()),
    }
}

fn form<'a>(visit: &'a Visit, typed: Option<&Fields>, faults: &[Fault], notice: Option<Notice>) -> Form<'a> {
    let kept = |name| typed.map_or("", |fields| fields.text(name));
    Form::new(Frame::new(visit, Label::RegistrationTitle, "/registration"), "/registration", Label::Accept)
        .notice(notice)
        .text("email", Label::Email, "email", kept("email"))
        .hint(Label::EmailHint)
        .text("username", Label::Username, "username", kept("username"))
        .hint(Label::UsernameHint)
        .password("password", Label::Key, "new-password")
        .rules()
        .password("repeated", Label::RepeatKey, "new-password")
        .text("full_name", Label::FullName, "name", kept("full_name"))
        .hint(Label::FullNameHint)
        .faults(faults)
        .link("/login", Label::GoToLogin)
        .considerations(&[Label::ConsiderEmail, Label::ConsiderUsername, Label::ConsiderMail])
}
