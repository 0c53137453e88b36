//! Where the programs of other makers are that tests talk to. Not: how to talk to one.
//!
//! **What is missing is said by name, where no test harness hides it; where all tests must run, it is a failure.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of `tests/peers`, as `tests/peers/install` has installed it.
pub fn folder(name: &str) -> PathBuf {
    let peers = env::var_os("ACCESO_PEERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"), Into::into);
    peers.join(name)
}

/// The folder of npm packages of that name, if node is there and this package in it.
pub fn packages_or_skip(test_name: &str, name: &str, package: &str) -> Option<PathBuf> {
    let packages = folder(name);
    if !has_program("node") {
        skip(test_name, "no node on this machine");
    } else if packages.join("node_modules").join(package).is_dir() {
        return Some(packages);
    } else {
        skip(test_name, &format!("npm package {package}: run tests/peers/install"));
    }
    None
}

pub fn has_program(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok()
}

pub fn skip(test_name: &str, why: &str) {
    let all_must_run = ["CI", "ACCESO_REQUIRE_ALL"].iter().any(|name| env::var_os(name).is_some());
    assert!(!all_must_run, "{test_name}: {why}");
    let _ = writeln!(io::stderr(), "skipped: {test_name}: {why}");
}
