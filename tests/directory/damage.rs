//! Files cut, shaken and made up: nothing panics, and nobody is found under an address that is not hers.

use std::collections::BTreeMap;
use std::fs;

use acceso::adapter::directory::{DirectoryOptions, DirectoryRegistry, LineFault, Report};
use acceso::{EmailAddress, PatientId};

use crate::{Folder, Turned, ask, example, faults, ids, open};

/// Small and the same in every run (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }
}

/// Every address in the text, and every front part of one that is an address too, as a cut would leave it.
fn addresses_and_their_front_parts(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|sign: char| sign.is_whitespace() || ",;\"".contains(sign)).filter(|word| word.contains('@'))
    {
        found.extend((1..=word.len()).filter_map(|end| word.get(..end)).map(str::to_owned));
    }
    found.retain(|word| word.parse::<EmailAddress>().is_ok());
    found.sort();
    found.dedup();
    found
}

type Answers = BTreeMap<(String, PatientId), (String, bool)>;

fn answers(registry: &DirectoryRegistry, questions: &[String]) -> Answers {
    let found = questions.iter().flat_map(|question| {
        ask(registry, question).into_iter().map(|p| ((p.email.key().to_owned(), p.id), (p.full_name, p.portal_access)))
    });
    found.collect()
}

/// Opens each cut and holds what is found against the whole file's answers.
fn cut(name: &str, whole: &[u8], cuts: impl Iterator<Item = usize>) -> usize {
    let questions = addresses_and_their_front_parts(&String::from_utf8_lossy(whole));
    let truth = answers(&open(name, whole).expect("the whole is good"), &questions);
    let mut opened = 0;
    for end in cuts {
        if let Ok(registry) = open(name, &whole[..end]) {
            opened += 1;
            for (found, record) in answers(&registry, &questions) {
                assert_eq!(truth.get(&found), Some(&record), "cut after {end} bytes");
            }
        }
    }
    opened
}

#[test]
fn a_cut_table_never_yields_a_wrong_address() {
    let whole = fs::read_to_string(example("patients.csv")).expect("there");
    assert!(cut("p.csv", whole.as_bytes(), 0..whole.len()) > 10, "cuts between lines are whole tables");

    let last =
        "id;nombre;correo\n1;Ana;ana@example.com\n2;\"Luz\";\"luz@example.com.ar\"\n\"34\";Eva;eva@example.com\n";
    assert_eq!(cut("p.csv", last.as_bytes(), 0..last.len()), 2);
    let id_last = "correo,nombre,activo,id\nana@example.com,Ana,true,100\nluz@example.com,Luz,false,200\n";
    assert_eq!(cut("p.csv", id_last.as_bytes(), 0..id_last.len()), 1);
    let lines = "id,nombre,notas,correo\n1,Ana,\"a\n7,Eva,x,eva@evil.example\nb\",ana@x.org\n2,Luz,,luz@x.org\n";
    assert_eq!(cut("p.csv", lines.as_bytes(), 0..lines.len()), 1);
}

#[test]
fn a_cut_export_never_yields_a_wrong_address() {
    let whole = fs::read(example("patients.ndjson")).expect("there");
    let mut dice = Dice(7);
    let at_random: Vec<_> = (0..200).map(|_| dice.below(whole.len())).collect();
    let line_ends = (0..whole.len()).filter(|&at| whole[at] == b'\n').flat_map(|at| [at - 1, at, at + 1]);
    assert!(cut("p.ndjson", &whole, at_random.into_iter().chain(line_ends)) >= 100, "a line's end is a whole export's");
}

#[test]
fn a_reload_of_any_cut_keeps_the_family_or_gives_it_right() {
    let whole = fs::read_to_string(example("patients.csv")).expect("there");
    let folder = Folder::new();
    let path = folder.file("p.csv", &whole);
    let registry = DirectoryOptions::new().clock(Turned::new()).open(&path).expect("good");
    for end in 0..whole.len() {
        fs::write(&path, &whole.as_bytes()[..end]).expect("written");
        if registry.reload().is_ok() {
            assert!(whole[..end].ends_with('\n') && registry.report().addresses >= 10, "{end}");
        }
        assert_eq!(ids(&registry, "lucia.fernandez@example.org").len(), 3, "{end}");
        fs::write(&path, &whole).expect("written");
        registry.reload().expect("good");
    }
}

#[test]
fn noise_of_any_kind_panics_nowhere() {
    let samples =
        [fs::read(example("patients.csv")).expect("there"), fs::read(example("patients.ndjson")).expect("there")];
    let signs = b"\",;\n\r\0\xef\xbb\xbf\xff{}[]:\\@\xc3\xb1x0 T-";
    let mut dice = Dice(42);
    for round in 0..600 {
        let mut bytes = samples[round % 2].clone();
        match round % 3 {
            0 => bytes = (0..dice.below(4000)).map(|_| signs[dice.below(signs.len())]).collect(),
            1 => bytes = (0..dice.below(4000)).map(|_| u8::try_from(dice.below(256)).expect("a byte")).collect(),
            _ => {
                for _ in 0..=dice.below(30) {
                    let place = dice.below(bytes.len());
                    bytes[place] = signs[dice.below(signs.len())];
                }
            }
        }
        if round % 4 < 2 {
            bytes.splice(0..0, *b"id,nombre,correo,activo\n");
        }
        for name in ["p.csv", "p.ndjson"] {
            if let Ok(registry) = open(name, &bytes) {
                assert!(registry.report().patients > 0);
                ids(&registry, "lucia.fernandez@example.org");
            }
        }
    }
}

#[test]
fn a_line_of_more_than_a_mebibyte_is_lost_alone() {
    let limit = DirectoryRegistry::MAX_LINE_BYTES;
    let row = |id: &str, length: usize| format!("{id},{},{id}@x.org\n", "n".repeat(length - 2 * id.len() - 8));
    let file = "id,nombre,correo\n".to_owned()
        + &row("a", limit)
        + &row("b", limit + 1)
        + &row("c", 3 * limit)
        + &row("d", limit).replace('\n', "\r\n");
    let clinic = open("p.csv", file).expect("readable");
    assert_eq!(faults(&clinic.report()), [(3, LineFault::TooLong), (4, LineFault::TooLong)]);
    assert_eq!(["a", "b", "c", "d"].map(|id| ids(&clinic, &format!("{id}@x.org")).len()), [1, 0, 0, 1]);

    let resource = |id: &str, length: usize| {
        format!(
            r#"{{"resourceType":"Patient","id":"{id}","x":"{}","telecom":[{{"system":"email","value":"{id}@x.org"}}]}}"#,
            "n".repeat(length)
        ) + "\n"
    };
    let clinic = open("p.ndjson", resource("a", 9) + &resource("b", limit) + &resource("c", 9)).expect("readable");
    assert_eq!(faults(&clinic.report()), [(2, LineFault::TooLong)]);
    assert_eq!(["a", "b", "c"].map(|id| ids(&clinic, &format!("{id}@x.org")).len()), [1, 0, 1]);
}

#[test]
fn a_line_hidden_in_a_field_that_is_too_long_is_no_patient() {
    let flood = "n\n".repeat(DirectoryRegistry::MAX_LINE_BYTES);
    let file =
        format!("id,notas,nombre,correo\n1,\"{flood}7,x,Eva,eva@evil.example\n\",Ana,ana@x.org\n2,x,Luz,luz@x.org\n");
    let clinic = open("p.csv", file).expect("readable");
    assert!(ids(&clinic, "eva@evil.example").is_empty());
    assert_eq!(ids(&clinic, "luz@x.org"), ["2"]);
}

#[test]
fn countless_bad_lines_do_not_fill_the_memory() {
    let file = "id,nombre,correo\n1,Ana,ana@x.org\n".to_owned() + &"x\n".repeat(100_000);
    let report = open("p.csv", file).expect("readable").report();
    assert_eq!((report.bad_lines.len(), report.unlisted), (Report::MAX_LISTED, 100_000 - Report::MAX_LISTED));
}

#[test]
fn a_nest_of_brackets_is_a_bad_line() {
    let nest = "[".repeat(200_000);
    let file = format!(
        "{{\"resourceType\":\"Patient\",\"id\":\"1\",\"x\":{nest}\n{nest}\n{{\"resourceType\":\"Patient\",\"id\":\"2\"}}\n"
    );
    let clinic = open("p.ndjson", file).expect("readable");
    assert_eq!(faults(&clinic.report()), [(1, LineFault::NotAResource), (2, LineFault::NotAResource)]);
}

#[test]
fn nothing_shown_holds_a_word_of_the_file() {
    let canary = "canario";
    let row = format!("{canary},{canary},{canary}@x.org,{canary}\n");
    let header = format!("id,nombre,correo,{canary}\n");
    let folder = Folder::new();
    let path = folder.file("p.csv", format!("{header}{row}{row}{canary}\n9,{canary},{canary},\n"));
    let options = DirectoryOptions::new().clock(Turned::new());
    let registry = options.clone().open(&path).expect("readable");
    let found = ask(&registry, "canario@x.org");
    assert_eq!((found.len(), registry.report().bad_lines.len()), (1, 3));
    let mut shown = vec![format!("{registry:?} {options:?} {:?} {:?} {found:?}", registry.report(), registry.status())];
    shown.extend(registry.report().bad_lines.iter().map(ToString::to_string));
    for content in [format!("{canary}\n{canary}"), format!("{header}{canary}\n"), format!("{header}{row}{canary}")] {
        fs::write(&path, content).expect("written");
        let refused = registry.reload().expect_err("refused");
        shown.push(format!("{refused} {refused:?} {:?}", registry.status()));
    }
    for content in [format!("{{\"resourceType\":\"{canary}\",\"id\":{canary}\n"), format!("{{\"id\":\"{canary}\"")] {
        let refused = open("p.ndjson", content).expect_err("refused");
        shown.push(format!("{refused} {refused:?}"));
    }
    assert!(!shown.concat().contains(canary), "{shown:?}");
}
