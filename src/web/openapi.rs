//! The portal's JSON, described in `OpenAPI` 3.1. Not: the pages, which are for people.
//!
//! **It says what the handlers' own constants say**, and nothing that a handler does not read.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::language::Language;
use crate::web::Portal;
use crate::web::answer::{Trouble, json};
use crate::web::form::BadForm;
use crate::web::operation::{Answer, Method, Needs, Operation};

pub(crate) fn told(portal: &Portal, operations: &[&Operation]) -> Response {
    json(StatusCode::OK, &document(portal, operations))
}

fn document(portal: &Portal, operations: &[&Operation]) -> Value {
    let mut paths = Map::new();
    for operation in operations {
        let method = match operation.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let mut methods = json!({ method: described(operation) });
        if let (true, Some(methods)) = (operation.has_page, methods.as_object_mut()) {
            methods.insert("get".to_owned(), page(operation.id));
        }
        paths.insert(operation.path.to_owned(), methods);
    }
    paths.insert("/contact".to_owned(), json!({ "get": page("contact") }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The accounts of a patient portal",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Send `Accept: application/json`: the same routes show pages to who asks for `text/html`. \
                A browser's request must come from a page of this very origin. Codes are stable; titles and messages are \
                for people, in the language of `Accept-Language` (es or en), and may change.",
        },
        "servers": [{ "url": portal.path("") }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": portal.cookies().session_name() },
            },
        },
    })
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses(operation),
    });
    let Some(fields) = described.as_object_mut() else { return described };
    if operation.needs != Needs::Nothing {
        fields.insert("security".to_owned(), json!([{ "session": [] }]));
    }
    if operation.method == Method::Post {
        let named = operation.required.iter().chain(operation.optional);
        let properties: Map<_, _> = named.map(|name| ((*name).to_owned(), field(name))).collect();
        let body = json!({
            "type": "object",
            "properties": properties,
            "required": operation.required,
            "additionalProperties": false,
        });
        fields.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/json": { "schema": body } } }),
        );
    }
    described
}

/// What GET does at the same path.
fn page(id: &str) -> Value {
    let html = json!({ "text/html": { "schema": { "type": "string" } } });
    let trouble = Trouble::HtmlOnly;
    let mut responses = json!({
        "200": { "description": "The page.", "content": html },
        "303": { "description": "Another page comes first, or instead." },
        "503": { "description": "A page that says so.", "content": html },
    });
    if let Some(responses) = responses.as_object_mut() {
        responses.insert(trouble.status().as_u16().to_string(), problem(&[trouble.code()]));
    }
    json!({ "operationId": format!("{id}Page"), "summary": "The page, for people alone.", "responses": responses })
}

fn field(name: &str) -> Value {
    match name {
        "password" | "repeated" | "current" | "new" => {
            json!({ "type": "string", "writeOnly": true, "format": "password" })
        }
        "token" => {
            json!({ "type": "string", "writeOnly": true, "description": "What stands behind `token=` in the mailed link." })
        }
        "stay" => json!({ "type": "boolean", "description": "Stays signed in when the browser is closed." }),
        "language" => json!({ "enum": Language::ALL.map(Language::code) }),
        "next" => json!({ "type": "string", "description": "Has no effect in JSON." }),
        "reference" => json!({
            "type": "string",
            "description": "Which of several registrations with one address is meant; the cookie tells, where it is kept.",
        }),
        _ => json!({ "type": "string" }),
    }
}

/// The answers of the flow, and those that every route has.
fn responses(operation: &Operation) -> Value {
    let mut problems: Vec<(u16, &str)> = Vec::new();
    let mut all = Map::new();
    for answer in operation.answers {
        match answer {
            Answer::Problem(status, code) => problems.push((status.as_u16(), code)),
            Answer::Outcome(status, code) => {
                let schema = json!({
                    "type": "object",
                    "properties": { "outcome": { "const": code }, "message": { "type": "string" } },
                    "required": ["outcome", "message"],
                });
                all.insert(status.as_u16().to_string(), response(code, "application/json", &schema));
            }
            Answer::Body(status, name) => {
                let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
                all.insert(status.as_u16().to_string(), response(name, "application/json", &schema));
            }
        }
    }
    let pair = |trouble: Trouble| (trouble.status().as_u16(), trouble.code());
    problems.extend(always(operation).into_iter().map(pair));
    problems.sort_unstable();
    problems.dedup();
    for group in problems.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((status, _)) = group.first() else { continue };
        let codes: Vec<&str> = group.iter().map(|(_, code)| *code).collect();
        let mut described = problem(&codes);
        if let (429 | 503, Some(fields)) = (status, described.as_object_mut()) {
            let header = json!({ "description": "Seconds, where waiting helps.", "schema": { "type": "integer" } });
            fields.insert("headers".to_owned(), json!({ "Retry-After": header }));
        }
        all.insert(status.to_string(), described);
    }
    Value::Object(all)
}

fn always(operation: &Operation) -> Vec<Trouble> {
    let mut troubles = vec![Trouble::Busy(Duration::ZERO), Trouble::Unavailable];
    if operation.method == Method::Post {
        troubles.extend([Trouble::ForeignOrigin, Trouble::TooManyRequests(Duration::ZERO)]);
        troubles.extend(BadForm::ALL.map(Trouble::BadForm));
    }
    if operation.needs != Needs::Nothing {
        troubles.push(Trouble::NotSignedIn);
    }
    if operation.needs == Needs::Session {
        troubles.push(Trouble::MustChangePassword);
    }
    troubles
}

fn problem(codes: &[&str]) -> Value {
    let schema = json!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "properties": { "code": { "enum": codes } },
    });
    response(&codes.join(", "), "application/problem+json", &schema)
}

fn response(description: &str, media: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { media: { "schema": schema } } })
}

fn schemas() -> Value {
    let time = json!({ "type": "string", "format": "date-time" });
    json!({
        "Problem": {
            "description": "RFC 9457, with a stable code.",
            "type": "object",
            "properties": {
                "type": { "const": "about:blank" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "code": { "type": "string" },
                "faults": { "type": "array", "items": { "$ref": "#/components/schemas/Fault" } },
            },
            "required": ["type", "title", "status", "code"],
        },
        "Fault": {
            "description": "A rule that a field breaks.",
            "type": "object",
            "properties": {
                "field": {
                    "type": "string",
                    "description": "A new password is `password` here, whatever its field's name.",
                },
                "rule": { "type": "string", "description": "A stable code; later releases may add some." },
                "message": { "type": "string" },
                "limit": { "type": "integer", "description": "Of `too_short` and `too_long`, in characters." },
            },
            "required": ["field", "rule", "message"],
        },
        "Login": { "oneOf": [
            {
                "type": "object",
                "properties": {
                    "outcome": { "const": "signed_in" },
                    "ends_at": time,
                    "remembered": { "type": "boolean" },
                },
                "required": ["outcome", "ends_at", "remembered"],
            },
            {
                "description": "A temporary password: all that is possible is to change it.",
                "type": "object",
                "properties": { "outcome": { "const": "must_change_password" }, "ends_at": time },
                "required": ["outcome", "ends_at"],
            },
        ]},
        "Sessions": {
            "type": "object",
            "properties": { "sessions": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "id": { "type": "string" },
                    "is_this": { "type": "boolean" },
                    "opened_at": time,
                    "last_seen": time,
                    "device": { "type": ["string", "null"] },
                    "remembered": { "type": "boolean" },
                },
                "required": ["id", "is_this", "opened_at", "last_seen", "device", "remembered"],
            }}},
            "required": ["sessions"],
        },
    })
}
