//! The pages of a user's sessions: the list, ending some, logging out. Not: what keeps a session alive.
//!
//! **A session is ended by a form of this site alone, never by a link.**

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::clock::Timestamp;
use crate::flow::session::SessionInfo;
use crate::identity::SessionId;
use crate::text::Notice;
use crate::text::page::{Label, label};
use crate::web::Portal;
use crate::web::answer::{Trouble, json, outcome, plain_outcome, with_cookie};
use crate::web::extract::Visit;
use crate::web::form::BadForm;
use crate::web::operation::{Answer, Method, Needs, Operation};
use crate::web::origin::Body;
use crate::web::page::{Frame, SessionLine, Sessions, rendered, said};

pub(crate) const LIST: Operation = Operation {
    path: "/sessions",
    method: Method::Get,
    id: "sessions",
    summary: "The open sessions of the user.",
    required: &[],
    optional: &[],
    needs: Needs::Session,
    has_page: false,
    answers: &[Answer::Body(StatusCode::OK, "Sessions")],
};

pub(crate) const CLOSE: Operation = Operation {
    path: "/sessions/close",
    method: Method::Post,
    id: "closeSession",
    summary: "Ends one session of the user.",
    required: &["session"],
    optional: &[],
    needs: Needs::Session,
    has_page: false,
    answers: &[Answer::Outcome(StatusCode::OK, "ended")],
};

pub(crate) const CLOSE_OTHERS: Operation = Operation {
    path: "/sessions/close-others",
    method: Method::Post,
    id: "closeOtherSessions",
    summary: "Ends all sessions of the user but this one.",
    required: &[],
    optional: &[],
    needs: Needs::Session,
    has_page: false,
    answers: &[Answer::Outcome(StatusCode::OK, "ended")],
};

pub(crate) const LOG_OUT: Operation = Operation {
    path: "/logout",
    method: Method::Post,
    id: "logOut",
    summary: "Ends this session, if there is one.",
    required: &[],
    optional: &[],
    needs: Needs::Nothing,
    has_page: false,
    answers: &[Answer::Outcome(StatusCode::OK, "logged_out")],
};

pub(crate) async fn show(State(portal): State<Portal>, request: Request) -> Response {
    let visit = Visit::of(&portal, &request.into_parts().0);
    list(&visit, None).await.unwrap_or_else(|trouble| visit.refuse(trouble))
}

async fn list(visit: &Visit, notice: Option<Label>) -> Result<Response, Trouble> {
    let visitor = visit.signed_in().await?;
    let found = visit.portal.acceso().sessions(visitor.token()).await?.ok_or(Trouble::NotSignedIn)?;
    if visit.wants_json {
        let sessions: Vec<_> = found.iter().map(told).collect();
        return Ok(json(StatusCode::OK, &json!({ "sessions": sessions })));
    }
    let unknown = label(Label::UnknownDevice, visit.language);
    let lines = found.iter().map(|session| SessionLine {
        id: session.id.to_string(),
        device: session.device.as_ref().map_or(unknown.to_owned(), ToString::to_string),
        is_this: session.is_this,
        opened_at: for_people(session.opened_at),
        last_seen: for_people(session.last_seen),
    });
    let frame =
        Frame::new(visit, Label::Sessions, "/sessions").of_user(Some(visitor.user().username().as_str()), false);
    let notice = notice.map(|notice| label(notice, visit.language));
    Ok(rendered(StatusCode::OK, &Sessions { frame, notice, lines: lines.collect() }))
}

fn told(session: &SessionInfo) -> serde_json::Value {
    json!({
        "id": session.id.to_string(),
        "is_this": session.is_this,
        "opened_at": session.opened_at.to_string(),
        "last_seen": session.last_seen.to_string(),
        "device": session.device.as_ref().map(ToString::to_string),
        "remembered": session.remembered,
    })
}

/// To the minute, in the one zone that is everybody's.
fn for_people(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16).map_or(text.clone(), |minute| format!("{} UTC", minute.replace('T', " ")))
}

pub(crate) async fn close(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, fields) = match Visit::receive(&portal, request, Body::Form, CLOSE.required, CLOSE.optional).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let Ok(id) = fields.text("session").parse::<SessionId>() else {
        return visit.refuse(Trouble::BadForm(BadForm::Malformed));
    };
    let ended = async {
        let visitor = visit.signed_in().await?;
        portal.acceso().close_session(visitor.token(), id, &visit.client).await?.ok_or(Trouble::NotSignedIn)
    };
    after(&visit, ended.await, Label::SessionEnded).await
}

pub(crate) async fn close_others(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, _) =
        match Visit::receive(&portal, request, Body::Form, CLOSE_OTHERS.required, CLOSE_OTHERS.optional).await {
            Ok(read) => read,
            Err(refused) => return refused,
        };
    let ended = async {
        let visitor = visit.signed_in().await?;
        portal.acceso().close_other_sessions(visitor.token(), &visit.client).await?.ok_or(Trouble::NotSignedIn)
    };
    after(&visit, ended.await, Label::OthersEnded).await
}

async fn after(visit: &Visit, ended: Result<(), Trouble>, notice: Label) -> Response {
    let listed = match ended {
        Ok(()) if visit.wants_json => return plain_outcome("ended", label(notice, visit.language)),
        Ok(()) => list(visit, Some(notice)).await,
        Err(trouble) => Err(trouble),
    };
    listed.unwrap_or_else(|trouble| visit.refuse(trouble))
}

pub(crate) async fn log_out(State(portal): State<Portal>, request: Request) -> Response {
    let (visit, _) = match Visit::receive(&portal, request, Body::Form, LOG_OUT.required, LOG_OUT.optional).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    if let Some(token) = &visit.token
        && let Err(error) = portal.acceso().log_out(token, &visit.client).await
    {
        // The cookie stays: who is told that he is out must be out.
        return visit.refuse(error.into());
    }
    let response = if visit.wants_json {
        outcome(StatusCode::OK, "logged_out", Notice::LoggedOut, visit.language)
    } else {
        said(&visit, StatusCode::OK, Label::LoggedOutTitle, Notice::LoggedOut)
    };
    with_cookie(response, &portal.cookies().clear_session())
}
