//! How pages look: one frame, one kind of form, one kind of notice. Not: what stands in them, which the flows say.
//!
//! **Every value is escaped by the template, and no page has a script or a style inside it.**

use std::borrow::Borrow;
use std::sync::LazyLock;

use askama::Template;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::fault;
use crate::language::Language;
use crate::secret::Digest;
use crate::text::page::{Label, label};
use crate::text::{self, Notice};
use crate::web::Portal;
use crate::web::answer::{Trouble, html};
use crate::web::extract::Visit;

const STYLESHEET: &str = include_str!("assets/portal.css");
const SCRIPT: &str = include_str!("assets/portal.js");

/// Named by their content, so that a browser may keep them for good and never has an old one.
static NAMES: LazyLock<[String; 2]> = LazyLock::new(|| {
    let hash = |content: &str| {
        let digest = Digest::of(b"acceso.asset...1", content.as_bytes());
        digest.as_bytes().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    };
    [format!("portal-{}.css", hash(STYLESHEET)), format!("portal-{}.js", hash(SCRIPT))]
});

/// The stylesheet and the script.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let [stylesheet, script] = &*NAMES;
    let (media, content) = match name {
        name if name == *stylesheet => ("text/css; charset=utf-8", STYLESHEET),
        name if name == *script => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, content).into_response()
}

/// What surrounds every page.
pub(crate) struct Frame<'a> {
    site: &'a Portal,
    spoken: Language,
    language: &'static str,
    other_language: &'static str,
    portal: &'a str,
    contact: Option<&'a str>,
    home: &'a str,
    stylesheet: String,
    script: String,
    title: &'static str,
    /// The page that the other language is shown of.
    here: String,
    user: Option<&'a str>,
    restricted: bool,
}

impl<'a> Frame<'a> {
    /// `here` is a page's path below the portal's own, with what stands behind it.
    pub(crate) fn new(visit: &'a Visit, title: Label, here: &str) -> Self {
        let service = &visit.portal.acceso().inner().portal;
        let [stylesheet, script] = &*NAMES;
        let other = match visit.language {
            Language::Es => Language::En,
            Language::En => Language::Es,
        };
        Self {
            site: &visit.portal,
            spoken: visit.language,
            language: visit.language.code(),
            other_language: other.code(),
            portal: &service.name,
            contact: service.contact.as_deref(),
            home: visit.portal.home_path(),
            stylesheet: visit.portal.path(&format!("/assets/{stylesheet}")),
            script: visit.portal.path(&format!("/assets/{script}")),
            title: label(title, visit.language),
            here: visit.portal.path(here),
            user: None,
            restricted: false,
        }
    }

    /// With the menu of a user, who may be one that can only change the password.
    pub(crate) fn of_user(mut self, user: Option<&'a str>, restricted: bool) -> Self {
        (self.user, self.restricted) = (user, restricted);
        self
    }

    /// Templates hand a piece over by value or by reference, as they have it.
    fn say(&self, what: impl Borrow<Label>) -> &'static str {
        label(*what.borrow(), self.spoken)
    }

    fn path(&self, page: &str) -> String {
        self.site.path(page)
    }
}

/// One field of a form.
pub(crate) struct Field {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    value: String,
    hint: Option<&'static str>,
    rules: Option<u16>,
    verbatim: bool,
    faults: Vec<String>,
}

impl Field {
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let rules = self.rules.map(|_| format!("{}-rules", self.name));
        let faults = (1..=self.faults.len()).map(|nth| format!("{}-fault-{nth}", self.name));
        let ids: Vec<String> = hint.into_iter().chain(rules).chain(faults).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// A page with a form.
#[derive(Template)]
#[template(path = "form.html", config = "src/web/pages/askama.toml")]
pub(crate) struct Form<'a> {
    frame: Frame<'a>,
    lead: Vec<&'static str>,
    notice: Option<&'static str>,
    action: &'static str,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    classes: bool,
    least_length: String,
    stay: Option<bool>,
    submit: &'static str,
    links: Vec<(&'static str, Label)>,
    second: Option<(Label, &'static str, Label)>,
    considerations: Vec<Label>,
}

impl<'a> Form<'a> {
    pub(crate) fn new(frame: Frame<'a>, action: &'static str, submit: Label) -> Self {
        let rules = frame.site.acceso().policy().password;
        Self {
            lead: Vec::new(),
            notice: None,
            action,
            hidden: Vec::new(),
            fields: Vec::new(),
            classes: rules.character_classes,
            least_length: text::page::least_length(rules.min_length, frame.spoken),
            stay: None,
            submit: frame.say(submit),
            links: Vec::new(),
            second: None,
            considerations: Vec::new(),
            frame,
        }
    }

    pub(crate) fn lead(mut self, lead: Label) -> Self {
        self.lead.push(self.frame.say(lead));
        self
    }

    /// What is wrong with the form as a whole.
    pub(crate) fn notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice.map(|notice| text::notice(notice, self.frame.spoken));
        self
    }

    pub(crate) fn hidden(mut self, name: &'static str, value: &str) -> Self {
        self.hidden.push((name, value.to_owned()));
        self
    }

    /// A field whose text is shown again.
    pub(crate) fn text(mut self, name: &'static str, what: Label, autocomplete: &'static str, value: &str) -> Self {
        let kind = if name == "email" { "email" } else { "text" };
        self.fields.push(Field {
            name,
            label: self.frame.say(what),
            kind,
            autocomplete,
            value: value.to_owned(),
            hint: None,
            rules: None,
            verbatim: name != "full_name",
            faults: Vec::new(),
        });
        self
    }

    /// A field whose text is never shown again.
    pub(crate) fn password(mut self, name: &'static str, what: Label, autocomplete: &'static str) -> Self {
        let label = self.frame.say(what);
        let (kind, value, faults) = ("password", String::new(), Vec::new());
        self.fields.push(Field {
            name,
            label,
            kind,
            autocomplete,
            value,
            hint: None,
            rules: None,
            verbatim: false,
            faults,
        });
        self
    }

    /// What helps with the last field.
    pub(crate) fn hint(mut self, hint: Label) -> Self {
        let hint = self.frame.say(hint);
        if let Some(field) = self.fields.last_mut() {
            field.hint = Some(hint);
        }
        self
    }

    /// The rules that the last field must keep.
    pub(crate) fn rules(mut self) -> Self {
        let least = self.frame.site.acceso().policy().password.min_length;
        if let Some(field) = self.fields.last_mut() {
            field.rules = Some(least);
        }
        self
    }

    /// Puts each fault beside its field; a new password stands in a field of that name.
    pub(crate) fn faults(mut self, faults: &[fault::Fault]) -> Self {
        for found in faults {
            let sentence = text::fault(*found, self.frame.spoken);
            let name = found.field.name();
            let at =
                self.fields.iter_mut().find(|field| field.name == name || (name == "password" && field.name == "new"));
            if let Some(field) = at {
                field.faults.push(sentence);
            }
        }
        self
    }

    pub(crate) fn stay(mut self, ticked: bool) -> Self {
        self.stay = Some(ticked);
        self
    }

    pub(crate) fn link(mut self, page: &'static str, what: Label) -> Self {
        self.links.push((page, what));
        self
    }

    pub(crate) fn second(mut self, lead: Label, page: &'static str, what: Label) -> Self {
        self.second = Some((lead, page, what));
        self
    }

    pub(crate) fn considerations(mut self, considerations: &[Label]) -> Self {
        self.considerations = considerations.to_vec();
        self
    }

    pub(crate) fn respond(self, status: StatusCode) -> Response {
        rendered(status, &self)
    }

    fn has_faults(&self) -> bool {
        self.notice.is_some() || self.names_fields()
    }

    fn names_fields(&self) -> bool {
        self.fields.iter().any(|field| !field.faults.is_empty())
    }
}

/// A page that says something, and where to go on.
#[derive(Template)]
#[template(path = "notice.html", config = "src/web/pages/askama.toml")]
pub(crate) struct Said<'a> {
    frame: Frame<'a>,
    paragraphs: Vec<&'static str>,
    button: Option<(String, Label)>,
    links: Vec<(&'static str, Label)>,
}

impl<'a> Said<'a> {
    pub(crate) fn new(frame: Frame<'a>, sentence: &'static str) -> Self {
        Self { frame, paragraphs: vec![sentence], button: None, links: Vec::new() }
    }

    /// `path` as the browser sees it.
    pub(crate) fn button(mut self, path: String, what: Label) -> Self {
        self.button = Some((path, what));
        self
    }

    pub(crate) fn link(mut self, page: &'static str, what: Label) -> Self {
        self.links.push((page, what));
        self
    }

    pub(crate) fn respond(self, status: StatusCode) -> Response {
        rendered(status, &self)
    }
}

/// A page says a notice, with the way back to the login.
pub(crate) fn said(visit: &Visit, status: StatusCode, title: Label, notice: Notice) -> Response {
    let sentence = text::notice(notice, visit.language);
    let page = Said::new(Frame::new(visit, title, "/login"), sentence);
    page.button(visit.portal.path("/login"), Label::GoToLogin).respond(status)
}

/// A page says what went wrong around a form.
pub(crate) fn trouble(visit: &Visit, trouble: Trouble) -> Response {
    let page = Said::new(Frame::new(visit, Label::SorryTitle, "/login"), trouble.sentence(visit.language));
    page.button(visit.portal.path("/login"), Label::GoToLogin).respond(trouble.status())
}

/// One line of the list of sessions.
pub(crate) struct SessionLine {
    pub(crate) id: String,
    pub(crate) device: String,
    pub(crate) is_this: bool,
    pub(crate) opened_at: String,
    pub(crate) last_seen: String,
}

#[derive(Template)]
#[template(path = "sessions.html", config = "src/web/pages/askama.toml")]
pub(crate) struct Sessions<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) notice: Option<&'static str>,
    pub(crate) lines: Vec<SessionLine>,
}

#[derive(Template)]
#[template(path = "contact.html", config = "src/web/pages/askama.toml")]
pub(crate) struct Contact<'a> {
    pub(crate) frame: Frame<'a>,
}

pub(crate) fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => html(status, body),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
