//! Texts as people type them, as records hold them, and as somebody makes them who wants to get into a header. Not: what
//! becomes of them.

use acceso::{EmailAddress, Username};
use proptest::prelude::*;

/// What has a meaning in a header, in a message, in SMTP or in HTML, or to some program on the way.
const PIECES: [&str; 26] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n ",
    "\0",
    "\u{85}",
    "\u{b}\u{c}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{202e}",
    "Ana\r\nBcc: eve@example.org",
    "Ana\nBcc: eve@example.org\n\n",
    "\r\n.\r\nMAIL FROM:<eve@example.org>\r\n",
    "\r\n.\r\n",
    "%0d%0aBcc:%20eve@example.org",
    "=?utf-8?Q?=0D=0ABcc:_eve@example.org?=",
    "=?utf-8?B?w7E=?=",
    "\"Ana\\\" <eve@example.org>, \"",
    "ana.pena@example.org",
    "ana.pena@example.org, eve@example.org",
    "ana.pena@example.org\r\nBcc: eve@example.org",
    "ana.pena@example.org>\r\nRCPT TO:<eve@example.org",
    "--boundary--",
    "<script>alert(1)</script> & &lt;",
    "https://evil.example/?token=x",
];

/// Anything, short, and one time in nine ten thousand signs of it.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        2 => "[a-zA-ZñÑáéü .,'\"-]{1,30}",
        1 => "\\PC{0,20}",
        1 => any::<char>().prop_map(String::from),
    ];
    let few = proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    // A clinic is mostly called something that a clinic may be called.
    let usual = "[A-ZÑa-zñáéíóúü«»&<>\"',.=?_ -]{1,60}";
    prop_oneof![
        4 => few,
        4 => usual,
        1 => "[ñ😀a \"\r\n]{1,40}".prop_map(|text| text.chars().cycle().take(10_000).collect()),
    ]
}

/// Addresses that [`EmailAddress`] takes, in all their letters and lengths.
pub(crate) fn address() -> impl Strategy<Value = String> {
    let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
    let local = (atom, proptest::collection::vec(atom, 0..3)).prop_map(|(first, more)| {
        let atoms: Vec<String> = std::iter::once(first).chain(more).collect();
        atoms.join(".")
    });
    let domain = "([A-Za-z0-9]([A-Za-z0-9-]{0,40}[A-Za-z0-9])?\\.){1,5}[A-Za-z]{2,20}";
    let whole = (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"));
    whole.prop_filter("legal here", |address| address.parse::<EmailAddress>().is_ok())
}

/// User names that [`Username`] takes.
pub(crate) fn username() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._-]{2,31}".prop_filter("legal here", |name| name.parse::<Username>().is_ok())
}
