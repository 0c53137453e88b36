//! The floor plan of `src/`, kept: a file refers only to floors below its own. Not: what is on the floors, which
//! `docs/architecture.md` tells.
//!
//! **`crate::` anywhere in a file counts, not only in a `use`.**

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A room is a file or a folder; rooms of one floor do not know each other.
const FLOORS: &[(&str, &[&str])] = &[
    ("1a words", &["clock", "entropy", "fault", "identity", "language", "secret", "stored"]),
    ("1b words", &["client"]),
    ("2a things", &["account", "link", "mail", "password", "patient", "text"]),
    ("2b things", &["event", "policy"]),
    ("2c records", &["mailbox", "registration", "session"]),
    ("2d records", &["user"]),
    ("3 plan", &["plan"]),
    ("4 decisions and ports", &["flow", "port"]),
    ("5 adapters", &["adapter", "conformance", "error", "test_util"]),
    ("6 service", &["service"]),
    ("7 web", &["web"]),
    ("8 face", &["docs", "lib"]),
];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// The path below `src/`, as module names: `flow/mod.rs` is `["flow"]`.
fn module(path: &Path) -> Vec<String> {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let mut names: Vec<String> =
        below.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|(_, rooms)| rooms.contains(&room)).unwrap_or_else(|| panic!("{room} is on no floor"))
}

/// Every path behind `crate::` outside comments, brace groups spread out.
fn references(source: &str) -> BTreeSet<Vec<String>> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        // `$crate::` and `acceso_crate::` alike end in the word; only the word itself counts.
        if code[..at].chars().next_back().is_some_and(is_name) {
            continue;
        }
        spread(&code[at + "crate::".len()..], &[], &mut found);
    }
    found
}

/// Every path behind `super::`, as from the crate's root. In a file's own tests `super` is the file itself.
fn references_to_parent(source: &str, from: &[String]) -> BTreeSet<Vec<String>> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let parent = &from[..from.len() - 1];
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("super::") {
        spread(&code[at + "super::".len()..], parent, &mut found);
    }
    found
}

fn spread(rest: &str, front: &[String], found: &mut BTreeSet<Vec<String>>) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        let mut depth = 0_usize;
        let mut from = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return spread(&group[from..at], front, found),
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    spread(&group[from..at], front, found);
                    from = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return;
    }
    let mut path = front.to_vec();
    path.push(name.clone());
    match rest[name.len()..].strip_prefix("::") {
        Some(deeper) => spread(deeper, &path, found),
        None => {
            found.insert(path);
        }
    }
}

/// What is wrong with a file's reference, if anything.
fn fault(from: &[String], to: &[String]) -> Option<String> {
    let (room, other) = (from.first()?, to.first()?);
    // An exported macro stands at the crate's root, whichever room it comes from; its body is read like any other code.
    if room == "lib" || other.starts_with("__") {
        return None;
    }
    if room == other {
        // Inside a folder: only toward its common file, or deeper into one's own part of it.
        let child = to.get(1).filter(|name| name.starts_with(char::is_lowercase) && is_module(room, name));
        let own = from.get(1);
        return match (child, own) {
            (Some(child), Some(own)) if child != own => {
                Some(format!("{room}/{own} refers to its neighbour {room}/{child}"))
            }
            _ => None,
        };
    }
    (floor(other) >= floor(room))
        .then(|| format!("{} refers to {}, which is not below it", from.join("/"), to.join("::")))
}

fn is_module(room: &str, name: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    folder.join(name).is_dir() || folder.join(format!("{name}.rs")).is_file()
}

/// Neighbours that may be named inside a folder: the common files of rooms that are not `mod.rs`.
const COMMON_FILES: &[(&str, &str)] = &[
    ("service", "hashing"),
    ("service", "builder"),
    ("service", "courier"),
    ("port", "error"),
    ("adapter", "message"),
    ("adapter", "patient_resource"),
    ("adapter", "sql"),
    ("conformance", "common"),
    ("web", "answer"),
    ("web", "client"),
    ("web", "cookie"),
    ("web", "extract"),
    ("web", "form"),
    ("web", "headers"),
    ("web", "limit"),
    ("web", "operation"),
    ("web", "origin"),
    ("web", "page"),
    ("web", "redirect"),
];

#[test]
fn no_file_refers_upwards_or_sideways() {
    let mut faults = Vec::new();
    for path in sources() {
        let from = module(&path);
        let source = fs::read_to_string(&path).expect("a source");
        for to in references(&source).into_iter().chain(references_to_parent(&source, &from)) {
            let common = |(room, file): &(&str, &str)| {
                to.first().is_some_and(|r| r == room) && to.get(1).is_some_and(|f| f == file)
            };
            if let Some(fault) = fault(&from, &to).filter(|_| !(from[0] == to[0] && COMMON_FILES.iter().any(common))) {
                faults.push(fault);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_room_is_on_a_floor_and_every_floor_has_its_rooms() {
    let rooms: BTreeSet<String> = sources().iter().map(|path| module(path)[0].clone()).collect();
    for room in &rooms {
        floor(room);
    }
    for room in FLOORS.iter().flat_map(|(_, rooms)| *rooms) {
        assert!(rooms.contains(*room), "{room} is gone");
    }
}

#[test]
fn cfg_feature_stands_on_mod_lines_only() {
    for path in sources() {
        let source = fs::read_to_string(&path).expect("a source");
        let lines: Vec<&str> = source.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.contains("cfg(feature")) {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            assert!(
                ["pub mod ", "pub(crate) mod ", "mod "].iter().any(|start| next.trim_start().starts_with(start)),
                "{}:{}",
                path.display(),
                at + 1
            );
        }
    }
}

#[test]
fn references_are_found_wherever_they_stand() {
    let source =
        "use crate::{a, b::{self, C}, d::e::F};\nfn g() { crate::h::i(); } // crate::comment\nlet _ = $crate::j::K;";
    let found: Vec<String> = references(source).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a", "b::C", "b::self", "d::e::F", "h::i", "j::K"]);
}

#[test]
fn a_reference_upwards_or_sideways_is_a_fault() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    for (from, to, wrong) in [
        ("identity", "user::User", true),
        ("identity", "secret::Password", true),
        ("flow::login", "service::Acceso", true),
        ("flow::login", "port::user_store::UserStore", true),
        ("flow::login", "flow::registration::parse", true),
        ("flow::login", "flow::Moment", false),
        ("service::login", "flow::login::decide", false),
        ("plan", "user::User", false),
        ("conformance::mailer", "__mailer_checks", false),
        ("conformance::mailer", "conformance::user_store::Subject", true),
    ] {
        assert_eq!(fault(&path(from), &path(to)).is_some(), wrong, "{from} -> {to}");
    }
}
