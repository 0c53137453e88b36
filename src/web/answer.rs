//! What goes wrong around a form, and how it is told. Not: what a flow answers.
//!
//! **A status and a stable code for programs, a sentence for people; nothing that was typed, and no cause.**

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::Error;
use crate::fault::{Fault, Rule};
use crate::language::Language;
use crate::text;
use crate::web::form::BadForm;

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    NotSignedIn,
    MustChangePassword,
    ForeignOrigin,
    TooManyRequests(Duration),
    BadForm(BadForm),
    HtmlOnly,
    Busy(Duration),
    Unavailable,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy { retry_after } => Self::Busy(retry_after),
            Error::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl Trouble {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::MustChangePassword | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BadForm(bad) => bad.status(),
            Self::HtmlOnly => StatusCode::NOT_ACCEPTABLE,
            Self::Busy(_) | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotSignedIn => "not_signed_in",
            Self::MustChangePassword => "must_change_password",
            Self::ForeignOrigin => "foreign_origin",
            Self::TooManyRequests(_) => "too_many_requests",
            Self::BadForm(bad) => bad.code(),
            Self::HtmlOnly => "html_only",
            Self::Busy(_) => "busy",
            Self::Unavailable => "unavailable",
        }
    }

    /// In the person's language.
    pub(crate) fn sentence(self, language: Language) -> &'static str {
        use text::page::{Label, label};
        match self {
            Self::NotSignedIn => label(Label::NotSignedIn, language),
            Self::MustChangePassword => text::notice(text::Notice::MustChangePassword, language),
            Self::ForeignOrigin => label(Label::ForeignOrigin, language),
            Self::BadForm(_) | Self::HtmlOnly => label(Label::BadForm, language),
            Self::TooManyRequests(_) | Self::Busy(_) => text::notice(text::Notice::Busy, language),
            Self::Unavailable => text::notice(text::Notice::Unavailable, language),
        }
    }

    pub(crate) fn problem(self, language: Language) -> Response {
        self.with_retry_after(problem(self.status(), self.code(), self.sentence(language), &[], language))
    }

    /// Rounded up: a pause must not end too early.
    pub(crate) fn with_retry_after(self, mut response: Response) -> Response {
        if let Self::TooManyRequests(pause) | Self::Busy(pause) = self {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// RFC 9457. `code` is stable; `title` is for people and may change.
pub(crate) fn problem(status: StatusCode, code: &str, title: &str, faults: &[Fault], language: Language) -> Response {
    let mut body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "code": code });
    if let (false, Some(body)) = (faults.is_empty(), body.as_object_mut()) {
        let told = faults.iter().map(|fault| told(*fault, language)).collect();
        body.insert("faults".to_owned(), Value::Array(told));
    }
    with_type(status, "application/problem+json", body.to_string())
}

fn told(fault: Fault, language: Language) -> Value {
    let mut told = json!({
        "field": fault.field.name(),
        "rule": fault.rule.code(),
        "message": text::fault(fault, language),
    });
    if let (Rule::TooShort(limit) | Rule::TooLong(limit), Some(told)) = (fault.rule, told.as_object_mut()) {
        told.insert("limit".to_owned(), limit.into());
    }
    told
}

/// A body of JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/json", body.to_string())
}

/// A page.
pub(crate) fn html(status: StatusCode, body: String) -> Response {
    with_type(status, "text/html; charset=utf-8", body)
}

fn with_type(status: StatusCode, media: &'static str, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media))], body).into_response()
}

/// To another page, by GET. `path` is one that we have written or checked; anything else leads to `/`.
pub(crate) fn see_other(path: &str) -> Response {
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// With a cookie more.
pub(crate) fn with_cookie(mut response: Response, line: &str) -> Response {
    if let Ok(line) = HeaderValue::from_str(line) {
        response.headers_mut().append(SET_COOKIE, line);
    }
    response
}

/// What a flow answers with success, in JSON.
pub(crate) fn outcome(status: StatusCode, code: &str, notice: text::Notice, language: Language) -> Response {
    json(status, &json!({ "outcome": code, "message": text::notice(notice, language) }))
}

/// The same with a sentence of the pages.
pub(crate) fn plain_outcome(code: &str, message: &str) -> Response {
    json(StatusCode::OK, &json!({ "outcome": code, "message": message }))
}

/// What a flow refuses, in JSON.
pub(crate) fn notice_problem(status: StatusCode, code: &str, notice: text::Notice, language: Language) -> Response {
    problem(status, code, text::notice(notice, language), &[], language)
}

/// What is wrong with what was typed, in JSON.
pub(crate) fn invalid(faults: &[Fault], language: Language) -> Response {
    let title = text::page::label(text::page::Label::ProblemTitle, language);
    problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title, faults, language)
}
