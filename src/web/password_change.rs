//! The page *Cambiar Contraseña*. Not: who may change one.
//!
//! **Who has come in with a temporary password sees this page and no other.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::fault::Fault;
use crate::flow::password_change::{PasswordChange, PasswordChangeForm};
use crate::text::page::Label;
use crate::text::{self, Notice};
use crate::web::Portal;
use crate::web::answer::{Trouble, invalid, notice_problem, outcome, with_cookie};
use crate::web::extract::Visit;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Form, Frame, Said};

pub(crate) const CHANGE: Operation = Operation {
    path: "/password-change",
    method: Method::Post,
    id: "changePassword",
    summary: "Changes the password, and ends every other session. `current` is not needed after a temporary password.",
    required: &["new", "repeated"],
    optional: &["current"],
    needs: Needs::AnySession,
    has_page: true,
    answers: &[
        Answer::Outcome(StatusCode::OK, "changed"),
        Answer::Problem(StatusCode::FORBIDDEN, "change_rejected"),
        Answer::Problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ],
};

/// Whose page it is.
struct Who {
    username: String,
    restricted: bool,
}

async fn who(visit: &Visit) -> Result<Who, Trouble> {
    match visit.signed_in().await {
        Ok(visitor) => Ok(Who { username: visitor.user().username().to_string(), restricted: false }),
        Err(Trouble::MustChangePassword) => {
            let Some(token) = &visit.token else { return Err(Trouble::NotSignedIn) };
            let found = visit.portal.acceso().restricted_session(token).await?;
            let visitor = found.ok_or(Trouble::NotSignedIn)?;
            Ok(Who { username: visitor.user().username().to_string(), restricted: true })
        }
        Err(trouble) => Err(trouble),
    }
}

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    if visit.wants_json {
        return visit.refuse(Trouble::HtmlOnly);
    }
    match who(&visit).await {
        Ok(who) => form(&visit, &who, &[], None).respond(StatusCode::OK),
        Err(trouble) => visit.refuse(trouble),
    }
}

pub(crate) async fn act(State(portal): State<Portal>, request: Request) -> Response {
    let read = Visit::receive(&portal, request, Body::Form, CHANGE.required, CHANGE.optional).await;
    let (visit, fields) = match read {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let Some(token) = &visit.token else { return visit.refuse(Trouble::NotSignedIn) };
    // Asked before: the strike that locks ends the session, and the page is still this user's.
    let who = match who(&visit).await {
        Ok(who) => who,
        Err(trouble) => return visit.refuse(trouble),
    };
    let typed = PasswordChangeForm {
        current: fields.password("current"),
        new: fields.password("new"),
        repeated: fields.password("repeated"),
    };
    match portal.acceso().change_password(token, typed, &visit.client).await {
        Ok(PasswordChange::Changed(session)) => {
            let kept = session.remembered.then(|| session.ends_at.since(portal.acceso().inner().now()));
            let response = if visit.wants_json {
                outcome(StatusCode::OK, "changed", Notice::PasswordChanged, visit.language)
            } else {
                let frame = Frame::new(&visit, Label::ChangedTitle, "/password-change");
                let frame = frame.of_user(Some(&who.username), false);
                Said::new(frame, text::notice(Notice::PasswordChanged, visit.language))
                    .button(portal.home_path().to_owned(), Label::GoToLogin)
                    .respond(StatusCode::OK)
            };
            with_cookie(response, &portal.cookies().set_session(&session.token, kept))
        }
        Ok(PasswordChange::Invalid(faults)) if visit.wants_json => invalid(&faults, visit.language),
        Ok(PasswordChange::Invalid(faults)) => {
            form(&visit, &who, &faults, None).respond(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Ok(PasswordChange::Rejected) if visit.wants_json => {
            notice_problem(StatusCode::FORBIDDEN, "change_rejected", Notice::ChangeRejected, visit.language)
        }
        Ok(PasswordChange::Rejected) => {
            form(&visit, &who, &[], Some(Notice::ChangeRejected)).respond(StatusCode::FORBIDDEN)
        }
        Ok(PasswordChange::NotSignedIn) => visit.refuse(Trouble::NotSignedIn),
        Err(error) => visit.refuse(error.into()),
    }
}

fn form<'a>(visit: &'a Visit, who: &'a Who, faults: &[Fault], notice: Option<Notice>) -> Form<'a> {
    let frame = Frame::new(visit, Label::ChangePassword, "/password-change");
    let frame = frame.of_user(Some(&who.username), who.restricted);
    let form = Form::new(frame, "/password-change", Label::Accept).notice(notice);
    let form = if who.restricted { form } else { form.password("current", Label::CurrentPassword, "current-password") };
    form.password("new", Label::NewPassword, "new-password")
        .rules()
        .password("repeated", Label::RepeatPassword, "new-password")
        .faults(faults)
}
