//! Whether a request that changes something was sent by a page of this very site. Not: who sent it.
//!
//! **A browser's request counts as ours only when the browser says so; a sibling host of the same domain is a stranger.**
//!
//! `Sec-Fetch-Site` decides where there is one, for no page can set it. Browsers from before 2023 do not send it: there an
//! `Origin` equal to the portal's own address decides. A form with neither is refused. A JSON body with neither is let
//! through: a browser sends no JSON elsewhere without asking first (CORS), and says `Origin` when it does, so what comes
//! without one is a program, which has no cookies but its own.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method};

/// What a body's sender may leave unsaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// A form, or nothing.
    Form,
    /// A form whose page says no referrer, so that old browsers give its origin as `null`. It carries the secret of a
    /// mailed link and rests on no cookie: who could forge it could as well send it himself.
    Link,
    /// JSON.
    Json,
}

/// The origin of an address such as `https://portal.example/salud`, as browsers write it.
pub(crate) fn of(address: &str) -> String {
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let end = address.get(scheme..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| scheme + at);
    let origin = address.get(..end).unwrap_or(address).to_ascii_lowercase();
    let default_port = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(default_port).map(str::to_owned).unwrap_or(origin)
}

/// Whether the method is one that changes nothing, by RFC 9110.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the request comes from the site whose origin is `own`.
pub(crate) fn is_own(headers: &HeaderMap, own: &str, body: Body) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if let Some(site) = sites.next() {
        return sites.next().is_none() && site.as_bytes() == b"same-origin";
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => {
            origin.as_bytes() == own.as_bytes() || (body == Body::Link && origin.as_bytes() == b"null")
        }
        (None, _) => body == Body::Json,
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_an_address_without_its_path_and_default_port() {
        for (address, origin) in [
            ("https://portal.example", "https://portal.example"),
            ("https://Portal.Example:443/salud", "https://portal.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80/x/y", "http://[::1]"),
            ("https://portal.example:8443/x", "https://portal.example:8443"),
        ] {
            assert_eq!(of(address), origin);
        }
    }

    #[test]
    fn only_the_very_same_origin_is_ours() {
        const OWN: &str = "https://portal.example";
        let ask = |pairs: &[(&'static str, &'static str)], body| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a value"));
            }
            is_own(&headers, OWN, body)
        };
        assert!(ask(&[("sec-fetch-site", "same-origin")], Body::Form));
        assert!(ask(&[("origin", OWN)], Body::Form));
        assert!(ask(&[], Body::Json));
        assert!(ask(&[("origin", "null")], Body::Link));
        for body in [Body::Form, Body::Link, Body::Json] {
            for foreign in ["cross-site", "same-site", "none", "", "SAME-ORIGIN", "same-origin, same-origin"] {
                assert!(!ask(&[("sec-fetch-site", foreign), ("origin", OWN)], body), "{foreign}");
            }
            assert!(!ask(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], body));
            for foreign in [
                "https://evil.example",
                "https://a.portal.example",
                "http://portal.example",
                "https://portal.example.evil.example",
                "",
            ] {
                assert!(!ask(&[("origin", foreign)], body), "{foreign}");
            }
            assert!(!ask(&[("origin", OWN), ("origin", OWN)], body));
        }
        assert!(!ask(&[], Body::Form) && !ask(&[], Body::Link));
        assert!(!ask(&[("origin", "null")], Body::Form) && !ask(&[("origin", "null")], Body::Json));
    }
}
