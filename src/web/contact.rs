//! The page that says whom to ask, and the choice of language. Not: anything about an account.
//!
//! **Nothing here asks the store.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::language::Language;
use crate::text::page::{Label, label};
use crate::web::Portal;
use crate::web::answer::{Trouble, plain_outcome, see_other, with_cookie};
use crate::web::extract::Visit;
use crate::web::form::BadForm;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Contact, Frame, rendered};
use crate::web::redirect::local_path;

pub(crate) const CHOOSE_LANGUAGE: Operation = Operation {
    path: "/language",
    method: Method::Post,
    id: "chooseLanguage",
    summary: "Keeps a language, es or en, in a cookie.",
    required: &["language"],
    optional: &["next"],
    needs: Needs::Nothing,
    has_page: false,
    answers: &[Answer::Outcome(StatusCode::OK, "language_chosen")],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    rendered(StatusCode::OK, &Contact { frame: Frame::new(&visit, Label::Contact, "/contact") })
}

/// The choice is kept in a cookie of the browser. It may come from a page of a mailed link, whose origin old browsers hide.
pub(crate) async fn language(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, fields) =
        match Visit::receive(&portal, request, Body::Link, CHOOSE_LANGUAGE.required, CHOOSE_LANGUAGE.optional).await {
            Ok(read) => read,
            Err(refused) => return refused,
        };
    let Some(chosen) = Language::ALL.into_iter().find(|language| language.code() == fields.text("language")) else {
        return visit.refuse(Trouble::BadForm(BadForm::Malformed));
    };
    let response = if visit.wants_json {
        plain_outcome("language_chosen", label(Label::OtherLanguage, chosen))
    } else {
        let login = portal.path("/login");
        see_other(local_path(fields.text("next")).unwrap_or(&login))
    };
    with_cookie(response, &portal.cookies().set_language(chosen))
}
