//! The pages in a real browser: the manual from the first page to the last, in both languages, on phones and desktops, with
//! and without scripts, by day and by night. Not: what an answer holds, which `web` has.
//!
//! **Another maker's judge of accessibility finds nothing on any page in any state**, and nothing that the pages load is
//! stopped by their own rules. A picture of every page is left in `target/screenshots`.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/peer.rs"]
mod peer;

mod chrome;
mod hands;
mod languages;
mod manual;
mod modern;
mod site;
mod typing;
