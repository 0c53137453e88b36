//! The pages and their JSON over a store in memory, by requests without a socket. Not: a real browser.
//!
//! **What a browser would do by itself (cookies, redirects, headers that no page can set), the harness does.**

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/peer.rs"]
mod peer;
#[path = "../common/spy.rs"]
mod spy;

mod browser;
mod busy;
mod forms;
mod headers;
mod hostile;
mod inert;
mod manual;
mod media;
mod mounted;
mod openapi;
mod paths;
mod redirects;
mod restricted;
mod shown;
