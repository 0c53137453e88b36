//! What a route reads and answers in JSON, as its handler says it. Not: how that is written down for other programs.
//!
//! **A handler reads the fields of its own [`Operation`]**, so that no description of them can differ.

use axum::http::StatusCode;

/// One route, as it answers who asks for JSON.
pub(crate) struct Operation {
    pub(crate) path: &'static str,
    pub(crate) method: Method,
    /// Stable: generated clients are named after it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) required: &'static [&'static str],
    pub(crate) optional: &'static [&'static str],
    pub(crate) needs: Needs,
    /// Whether GET shows its form to people.
    pub(crate) has_page: bool,
    pub(crate) answers: &'static [Answer],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody; a session that is presented counts.
    Nothing,
    /// Whoever is signed in.
    Session,
    /// Whoever is signed in, or must change a temporary password.
    AnySession,
}

/// One answer, beside those of every route.
pub(crate) enum Answer {
    /// `{ outcome, message }`.
    Outcome(StatusCode, &'static str),
    /// A body of its own, by the name of its schema.
    Body(StatusCode, &'static str),
    /// problem+json with this code.
    Problem(StatusCode, &'static str),
}
