//! Where a page may lead on to. Not: any redirect itself.
//!
//! **Only a path of this site, written so plainly that no browser reads another site in it.**

/// The longest path that is followed, in bytes.
const MAX_LENGTH: usize = 512;

/// The path, if it is one of this site.
///
/// Browsers strip tabs and line ends from addresses and take `\` for `/`, so `/\evil`, `//evil` and `/%09/evil` (behind
/// something that decodes once more) can all lead away. What is not plainly a path is none.
pub(crate) fn local_path(next: &str) -> Option<&str> {
    let path = next.split('?').next().unwrap_or(next);
    let plain = next.len() <= MAX_LENGTH
        && next.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && next.bytes().all(is_plain)
        && escapes_are_plain(next, path.len());
    plain.then_some(next)
}

/// A query may follow, a fragment may not.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%?".contains(&byte)
}

/// No escape in the path stands for a control character, a dot, a slash, a backslash or another escape; none anywhere for
/// a control character.
fn escapes_are_plain(next: &str, path_length: usize) -> bool {
    next.bytes().enumerate().filter(|(_, byte)| *byte == b'%').all(|(at, _)| {
        let decoded = next.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.is_some_and(|byte| !byte.is_ascii_control() && (at >= path_length || !b"/\\.%".contains(&byte)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_site_are_followed() {
        for good in ["/", "/turnos", "/turnos/7?dia=hoy&hora=10:30", "/a%20b", "/ni%C3%B1os", "/x?volver=/a//b%2Fc"] {
            assert_eq!(local_path(good), Some(good));
        }
    }

    #[test]
    fn what_could_lead_away_is_not() {
        let long = format!("/{}", "a".repeat(MAX_LENGTH));
        for bad in [
            "",
            "turnos",
            "//evil",
            "///evil",
            "/\\evil",
            "\\\\evil",
            "https:evil",
            "https://evil",
            "javascript:alert(1)",
            "/%09/evil",
            "/%2f/evil",
            "/%2Fevil",
            "/%5cevil",
            "/\t/evil",
            "/\n/evil",
            "/ /evil",
            "/a//evil",
            "/..//evil",
            "/../x",
            "/.",
            "/%2e%2e/x",
            "/x%0d%0aSet-Cookie:a=b",
            "/x\r\nLocation: //evil",
            "/x%",
            "/x%4",
            "/x%zz",
            "/x?a=%0d%0ab",
            "/ñ",
            "/x#y",
            "/x\"y",
            "/x<y",
            "/%252fevil",
            &long,
        ] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
    }
}
