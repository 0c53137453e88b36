//! The body of a request, read strictly. Not: what its fields mean.
//!
//! **Every field is known and stands there once; a body of which that is not so changes nothing.**
//!
//! Frameworks read forms leniently: the last of two fields wins, broken escapes stay as they are, bytes that are no UTF-8
//! become question marks. A password would then not be what was typed.

use std::fmt::{self, Write as _};

use axum::body::{self, Body};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::secret::Password;

/// The most bytes of a body. The largest honest one has two passwords of 1,024 bytes, each byte escaped: under 8 KiB.
pub(crate) const LIMIT: usize = 16 * 1024;

/// No form of ours has so many.
const MOST_FIELDS: usize = 16;

/// The fields that JSON gives as true or false.
const BOXES: &[&str] = &["stay"];

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadForm {
    TooLarge,
    MediaType,
    Malformed,
    DuplicateField,
    UnknownField,
    MissingField,
}

impl BadForm {
    pub(crate) const ALL: [Self; 6] = [
        Self::TooLarge,
        Self::MediaType,
        Self::Malformed,
        Self::DuplicateField,
        Self::UnknownField,
        Self::MissingField,
    ];

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed | Self::DuplicateField | Self::UnknownField | Self::MissingField => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::MediaType => "unsupported_media_type",
            Self::Malformed => "malformed_body",
            Self::DuplicateField => "duplicate_field",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
        }
    }
}

/// The fields of one form.
pub(crate) struct Fields(Vec<(String, Zeroizing<String>)>);

impl Fields {
    pub(crate) async fn read(
        headers: &HeaderMap,
        body: Body,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Self, BadForm> {
        let media = media_type(headers).ok_or(BadForm::MediaType)?;
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(BadForm::MediaType);
        }
        // What is not read is not kept: the connection is closed behind a body that is too large.
        let bytes = body::to_bytes(body, LIMIT).await.map_err(|_| BadForm::TooLarge)?;
        let read = match media {
            Media::Form => decode(&bytes)?,
            Media::Json => serde_json::from_slice::<Pairs>(&bytes).map_err(|_| BadForm::Malformed)?.0,
        };
        Self::checked(read, required, optional)
    }

    fn checked(read: Vec<(String, Zeroizing<String>)>, required: &[&str], optional: &[&str]) -> Result<Self, BadForm> {
        for (at, (name, _)) in read.iter().enumerate() {
            if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
                return Err(BadForm::UnknownField);
            }
            if read.iter().take(at).any(|(other, _)| other == name) {
                return Err(BadForm::DuplicateField);
            }
        }
        let missing = required.iter().any(|wanted| !read.iter().any(|(name, _)| name == wanted));
        if missing { Err(BadForm::MissingField) } else { Ok(Self(read)) }
    }

    /// What stands in the field; nothing if it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn password(&self, name: &str) -> Password {
        Password::from(self.text(name))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(…)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Form,
    Json,
}

/// What the body says it is, if that is one thing that we read.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<Media> {
    let mut said = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (said.next(), said.next()) else { return None };
    let essence = only.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Some(Media::Form),
        "application/json" => Some(Media::Json),
        _ => None,
    }
}

/// `application/x-www-form-urlencoded`, as the URL standard reads it, but for what it would guess.
fn decode(bytes: &[u8]) -> Result<Vec<(String, Zeroizing<String>)>, BadForm> {
    let pieces = bytes.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let mut read = Vec::new();
    for piece in pieces {
        if read.len() == MOST_FIELDS {
            return Err(BadForm::UnknownField);
        }
        let at = piece.iter().position(|byte| *byte == b'=').ok_or(BadForm::Malformed)?;
        let (name, value) = (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default());
        read.push((unescaped(name)?.as_str().to_owned(), unescaped(value)?));
    }
    Ok(read)
}

fn unescaped(text: &[u8]) -> Result<Zeroizing<String>, BadForm> {
    // In one piece: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(BadForm::Malformed);
                };
                u8::try_from(high * 16 + low).map_err(|_| BadForm::Malformed)?
            }
            other => *other,
        });
    }
    std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| BadForm::Malformed)
}

/// A value in a query, escaped so that it is one value.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// One value of a query, read as leniently as nothing: twice, or broken, is none.
pub(crate) fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    let read = decode(query?.as_bytes()).ok()?;
    let mut values = read.iter().filter(|(field, _)| field == name);
    let (_, first) = values.next()?;
    values.next().is_none().then(|| first.as_str().to_owned())
}

/// An object of texts, and of boxes that are ticked or not.
struct Pairs(Vec<(String, Zeroizing<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut read = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if read.len() == MOST_FIELDS {
                return Err(de::Error::custom("too many fields"));
            }
            let text = match value {
                Value::Text(text) => text,
                Value::Ticked(ticked) if BOXES.contains(&name.as_str()) => {
                    Zeroizing::new(if ticked { "on" } else { "" }.to_owned())
                }
                Value::Ticked(_) => return Err(de::Error::custom("a text was expected")),
            };
            read.push((name, text));
        }
        Ok(Pairs(read))
    }
}

enum Value {
    Text(Zeroizing<String>),
    Ticked(bool),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_bool<E: de::Error>(self, ticked: bool) -> Result<Value, E> {
        Ok(Value::Ticked(ticked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(media: &str, body: impl Into<Body>) -> Result<Fields, BadForm> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media.parse().expect("a value"))]);
        Fields::read(&headers, body.into(), &["username", "password"], &["stay"]).await
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";

    #[tokio::test]
    async fn a_form_is_read_as_it_was_typed() {
        let fields = read(FORM, "username=a+b%26%3D&password=%C3%B1+%2B%25&stay=on").await.expect("good");
        assert_eq!((fields.text("username"), fields.text("password")), ("a b&=", "ñ +%"));
        assert!(fields.is_ticked("stay"));
        let fields = read(JSON, r#"{"username":"a b","password":"\u00f1","stay":false}"#).await.expect("good");
        assert_eq!((fields.text("username"), fields.text("password")), ("a b", "ñ"));
        assert!(!fields.is_ticked("stay"));
        assert!(read("Application/JSON; charset=utf-8", r#"{"username":"","password":""}"#).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_not_plainly_the_form_is_refused_with_its_code() {
        let large = format!("username=a&password={}", "x".repeat(LIMIT));
        for (media, body, code) in [
            (FORM, large.as_str(), "body_too_large"),
            ("multipart/form-data; boundary=x", "username=a&password=b", "unsupported_media_type"),
            ("text/plain", "username=a&password=b", "unsupported_media_type"),
            (FORM, "username=a&password=%zz", "malformed_body"),
            (FORM, "username=a&password=%4", "malformed_body"),
            (FORM, "username=a&password=%ff", "malformed_body"),
            (FORM, "username", "malformed_body"),
            (FORM, "username=a&password=b&password=c", "duplicate_field"),
            (FORM, "username=a&password=b&%70assword=c", "duplicate_field"),
            (FORM, "username=a&password=b&_method=DELETE", "unknown_field"),
            (FORM, "username=a", "missing_field"),
            (FORM, "", "missing_field"),
            (FORM, r#"{"username":"a","password":"b"}"#, "malformed_body"),
            (JSON, "username=a&password=b", "malformed_body"),
            (JSON, r#"{"username":"a","password":"b","password":"c"}"#, "duplicate_field"),
            (JSON, r#"{"username":"a","password":["b"]}"#, "malformed_body"),
            (JSON, r#"{"username":"a","password":1}"#, "malformed_body"),
            (JSON, r#"{"username":"a","password":null}"#, "malformed_body"),
            (JSON, r#"{"username":true,"password":"b"}"#, "malformed_body"),
            (JSON, r#"[["username","a"]]"#, "malformed_body"),
            (JSON, r#"{"username":"a","password":"b"} x"#, "malformed_body"),
            (JSON, r#"{"username":"a","password":"\ud800"}"#, "malformed_body"),
        ] {
            assert_eq!(
                read(media, body.to_owned()).await.map_err(BadForm::code).err(),
                Some(code),
                "{media} {body:.60}"
            );
        }
        assert_eq!(read(JSON, "[".repeat(LIMIT)).await.err(), Some(BadForm::Malformed));
        assert_eq!(read(FORM, "a=b&".repeat(100)).await.err(), Some(BadForm::UnknownField));
    }

    #[test]
    fn a_value_of_a_query_comes_back_from_its_escape() {
        for text in ["/turnos?a=b&c=d", "ñ ú", "%", "a+b"] {
            assert_eq!(query_value(Some(&format!("x=1&next={}", escaped(text))), "next").as_deref(), Some(text));
        }
        assert_eq!(query_value(Some("next=a&next=b"), "next"), None);
        assert_eq!(query_value(None, "next"), None);
    }
}
