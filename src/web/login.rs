//! The page *Ingrese a su cuenta*. Not: who may log in.
//!
//! **A session that the browser presents at login ends with it, whoever planted it there.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::flow::login::{Login, LoginForm, Stay};
use crate::text::Notice;
use crate::text::page::Label;
use crate::web::Portal;
use crate::web::answer::{Trouble, json, notice_problem, see_other, with_cookie};
use crate::web::extract::Visit;
use crate::web::form::{escaped, query_value};
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame};
use crate::web::redirect::local_path;

pub(crate) const LOG_IN: Operation = Operation {
    path: "/login",
    method: Method::Post,
    id: "logIn",
    summary: "Logs in; the cookie is the session.",
    required: &["username", "password"],
    optional: &["stay", "next"],
    needs: Needs::Nothing,
    has_page: true,
    answers: &[Answer::Body(StatusCode::OK, "Login"), Answer::Problem(StatusCode::UNAUTHORIZED, "login_rejected")],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&portal, &parts);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    let next = query_value(parts.uri.query(), "next").unwrap_or_default();
    let next = local_path(&next).unwrap_or_default();
    if visit.signed_in().await.is_ok() {
        return see_other(local_path(next).unwrap_or(portal.home_path()));
    }
    form(&visit, "", false, next, None).respond(StatusCode::OK)
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let read = Visit::receive(&portal, request, Body::Form, LOG_IN.required, LOG_IN.optional).await;
    let (visit, fields) = match read {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let ticked = fields.is_ticked("stay");
    let stay = if ticked { Stay::SignedIn } else { Stay::Session };
    let next = local_path(fields.text("next"));
    let mut login = LoginForm::new(fields.text("username"), fields.password("password"));
    login.replaces.clone_from(&visit.token);
    match portal.acceso().login(login, stay, &visit.client).await {
        Ok(Login::SignedIn(session)) => {
            let kept = session.remembered.then(|| session.ends_at.since(portal.acceso().inner().now()));
            let response = if visit.wants_json {
                let ends_at = session.ends_at.to_string();
                json(
                    StatusCode::OK,
                    &json!({ "outcome": "signed_in", "ends_at": ends_at, "remembered": session.remembered }),
                )
            } else {
                see_other(next.unwrap_or(portal.home_path()))
            };
            with_cookie(response, &portal.cookies().set_session(&session.token, kept))
        }
        Ok(Login::MustChangePassword(restricted)) => {
            let response = if visit.wants_json {
                let ends_at = restricted.ends_at.to_string();
                json(StatusCode::OK, &json!({ "outcome": "must_change_password", "ends_at": ends_at }))
            } else {
                see_other(&portal.path("/password-change"))
            };
            with_cookie(response, &portal.cookies().set_session(&restricted.token, None))
        }
        Ok(Login::Rejected) if visit.wants_json => {
            notice_problem(StatusCode::UNAUTHORIZED, "login_rejected", Notice::LoginRejected, visit.language)
        }
        Ok(Login::Rejected) => {
            let (username, next) = (fields.text("username"), next.unwrap_or_default());
            form(&visit, username, ticked, next, Some(Notice::LoginRejected)).respond(StatusCode::UNAUTHORIZED)
        }
        Err(error) => visit.refuse(error.into()),
    }
}

fn form<'a>(visit: &'a Visit, username: &str, stay: bool, next: &str, notice: Option<Notice>) -> Form<'a> {
    let here = if next.is_empty() { "/login".to_owned() } else { format!("/login?next={}", escaped(next)) };
    let form = Form::new(Frame::new(visit, Label::LoginTitle, &here), "/login", Label::LogIn)
        .lead(Label::LoginLead)
        .notice(notice)
        .text("username", Label::Username, "username", username)
        .password("password", Label::Password, "current-password")
        .link("/username-recovery", Label::RecoverUsername)
        .link("/password-recovery", Label::RecoverPassword)
        .second(Label::CreateLead, "/registration", Label::CreateUser);
    let form = if visit.portal.acceso().policy().session.remembered.is_some() { form.stay(stay) } else { form };
    if next.is_empty() { form } else { form.hidden("next", next) }
}
