//! The SQL that stands in the sources of the stores. Not: what is executed of it.
//!
//! **Every text in quotes that names a table of ours counts, whole statement or part of one.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::fs;
use std::path::Path;

/// The texts of these folders of `src/adapter`.
pub fn sql_in(folders: &[&str]) -> Vec<String> {
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapter");
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(adapters.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                found.extend(literals(&source).into_iter().filter(|text| text.contains("acceso_")));
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// What stands between quotation marks outside comments, lines that go on joined.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    if c == '\\' {
                        let escaped = chars.next();
                        while escaped == Some('\n') && chars.peek().is_some_and(|c| c.is_whitespace()) {
                            chars.next();
                        }
                    } else {
                        text.push(c);
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}
