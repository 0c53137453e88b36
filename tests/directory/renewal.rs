//! A new export comes, whole or broken, and the portal goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acceso::adapter::directory::{DirectoryOptions, DirectoryRegistry, FileFault};
use acceso::{Clock, Timestamp};

use crate::{Folder, NOW, Turned, ids};

struct Clinic {
    folder: Folder,
    path: PathBuf,
    clock: Turned,
    registry: DirectoryRegistry,
}

impl Clinic {
    /// Its file holds the patients 1 to `count`, p1@x.org and so on.
    fn with(count: usize) -> Self {
        let folder = Folder::new();
        let path = folder.file("p.csv", table(1..=count));
        let clock = Turned::new();
        let registry = DirectoryOptions::new().clock(clock.clone()).open(&path).expect("readable");
        Self { folder, path, clock, registry }
    }

    fn moves_in(&self, content: impl AsRef<[u8]>) {
        fs::rename(self.folder.file("new", content), &self.path).expect("moved");
    }

    /// A second later somebody asks, and the look which that starts comes to its end.
    fn look(&self) {
        self.clock.turn(1000);
        ids(&self.registry, "nobody@x.org");
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.registry.status().looked_at != self.clock.now() {
            assert!(Instant::now() < deadline, "the look never ended");
            std::thread::yield_now();
        }
    }

    fn knows(&self, patient: usize) -> bool {
        ids(&self.registry, &format!("p{patient}@x.org")) == [patient.to_string()]
    }

    fn stale(&self) -> Option<(i64, FileFault)> {
        let stale = self.registry.status().stale?;
        Some((stale.since.as_millis() - NOW, stale.why.fault().clone()))
    }
}

type Expected = fn(&FileFault) -> bool;

fn table(patients: impl IntoIterator<Item = usize>) -> String {
    let rows = patients.into_iter().map(|n| format!("{n},Paciente,p{n}@x.org\n"));
    "id,nombre,correo\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn a_new_export_is_taken_at_the_second_look() {
    let clinic = Clinic::with(3);
    clinic.moves_in(table(2..=4));
    clinic.look();
    assert!(clinic.knows(1) && !clinic.knows(4));
    assert!(matches!(clinic.stale(), Some((1000, FileFault::Changing))));
    clinic.look();
    assert!(!clinic.knows(1) && clinic.knows(4));
    assert!(clinic.stale().is_none());
    assert_eq!(clinic.registry.status().loaded_at, Timestamp::from_millis(NOW + 2000));
}

#[test]
fn within_a_second_the_file_is_looked_at_once() {
    let clinic = Clinic::with(3);
    clinic.moves_in(table(2..=4));
    clinic.clock.turn(999);
    assert!(clinic.knows(1));
    assert_eq!(clinic.registry.status().looked_at, Timestamp::from_millis(NOW));
    assert!(clinic.stale().is_none());
}

#[test]
fn a_clock_set_back_does_not_stop_the_looking() {
    let clinic = Clinic::with(3);
    clinic.moves_in(table(2..=4));
    clinic.clock.turn(-86_400_000);
    clinic.look();
    clinic.look();
    assert!(clinic.knows(4));
}

#[test]
fn a_file_that_grows_from_look_to_look_is_waited_for() {
    let clinic = Clinic::with(3);
    for count in 4..9 {
        fs::write(&clinic.path, table(1..=count)).expect("written in place");
        clinic.look();
        assert!(!clinic.knows(4));
        assert!(matches!(clinic.stale(), Some((1000, FileFault::Changing))), "and the wait is told from its begin");
    }
    clinic.look();
    assert!(clinic.knows(8) && clinic.stale().is_none());
}

#[cfg(unix)]
#[test]
fn an_export_of_the_same_length_and_date_is_seen() {
    let clinic = Clinic::with(3);
    let date = fs::metadata(&clinic.path).and_then(|metadata| metadata.modified()).expect("a date");
    let twin = clinic.folder.file("new", table([1, 2, 7]));
    fs::File::options().write(true).open(&twin).and_then(|file| file.set_modified(date)).expect("an old date");
    fs::rename(twin, &clinic.path).expect("moved");
    clinic.look();
    clinic.look();
    assert!(clinic.knows(7) && !clinic.knows(3));
}

#[test]
fn a_file_that_is_gone_takes_nobody_away_and_the_first_look_without_it_is_told() {
    let clinic = Clinic::with(3);
    let away = clinic.folder.0.join("away");
    fs::rename(&clinic.path, &away).expect("moved away");
    clinic.look();
    clinic.look();
    assert!((1..=3).all(|n| clinic.knows(n)));
    assert!(matches!(clinic.stale(), Some((1000, FileFault::NotFound))));
    fs::create_dir(&clinic.path).expect("a folder in its place");
    clinic.look();
    assert!(matches!(clinic.stale(), Some((1000, FileFault::NotAFile))));
    fs::remove_dir(&clinic.path).expect("gone");
    fs::rename(&away, &clinic.path).expect("moved back");
    clinic.look();
    clinic.look();
    assert!(clinic.stale().is_none() && clinic.knows(3));
}

#[test]
fn a_broken_export_takes_nobody_away() {
    let whole = table(1..=9);
    let bad_row = "x,y\n";
    let cases: [(&str, String, Expected); 7] = [
        ("empty", String::new(), |fault| matches!(fault, FileFault::Empty)),
        ("a header alone", table([]), |fault| matches!(fault, FileFault::NoPatient { .. })),
        ("no table", "<html>\n".to_owned(), |fault| matches!(fault, FileFault::MissingColumn { column: "id" })),
        ("cut inside a line", whole[..whole.len() - 5].to_owned(), |fault| {
            matches!(fault, FileFault::CutOff { line: 10 })
        }),
        ("cut between lines", table(1..=4), |fault| matches!(fault, FileFault::Shrunk { served: 9, found: 4 })),
        ("mostly bad", table(1..=9) + &bad_row.repeat(10), |fault| {
            matches!(fault, FileFault::MostlyBad { lost: 10, lines: 19 })
        }),
        ("no addresses", table(1..=9).replace("@x.org", ""), |fault| {
            matches!(fault, FileFault::Shrunk { served: 9, found: 0 })
        }),
    ];
    for (name, content, expected) in cases {
        let clinic = Clinic::with(9);
        clinic.moves_in(&content);
        clinic.look();
        clinic.look();
        let (since, fault) = clinic.stale().expect(name);
        assert!(since == 1000 && expected(&fault), "{name}: {fault}");
        assert!((1..=9).all(|n| clinic.knows(n)), "{name}");
        clinic.look();
        assert!(
            clinic.stale().is_some_and(|(since, fault)| since == 1000 && expected(&fault)),
            "{name}: it stays told"
        );
        assert!(clinic.registry.reload().is_err_and(|error| expected(error.fault())), "{name}: by hand too");

        clinic.moves_in(table(2..=10));
        clinic.look();
        clinic.look();
        assert!(clinic.knows(10) && clinic.stale().is_none(), "{name}: and the next good one is taken");
    }
}

#[test]
fn half_of_the_lines_bad_or_half_of_the_addresses_gone_is_still_taken() {
    let clinic = Clinic::with(8);
    clinic.moves_in(table(1..=4) + &"x,y\n".repeat(4));
    let report = clinic.registry.reload().expect("taken");
    assert_eq!((report.patients, report.bad_lines.len()), (4, 4));
    assert!(clinic.knows(4) && !clinic.knows(5));
}

#[test]
fn a_person_can_say_that_the_smaller_file_is_right() {
    let clinic = Clinic::with(9);
    clinic.moves_in(table([1]));
    assert!(clinic.registry.reload().is_err_and(|e| matches!(e.fault(), FileFault::Shrunk { served: 9, found: 1 })));
    assert!(clinic.knows(9) && clinic.stale().is_some());
    assert_eq!(clinic.registry.reload_unguarded().map(|report| report.patients).ok(), Some(1));
    assert!(clinic.knows(1) && !clinic.knows(9) && clinic.stale().is_none());
    clinic.moves_in("");
    assert!(clinic.registry.reload_unguarded().is_err(), "an empty file is never right");
    assert!(clinic.knows(1));
}

#[test]
fn a_reload_by_hand_takes_the_file_at_once_and_the_next_look_finds_nothing_new() {
    let clinic = Clinic::with(3);
    clinic.moves_in(table(1..=4));
    assert_eq!(clinic.registry.reload().map(|report| report.patients).ok(), Some(4));
    assert!(clinic.knows(4));
    clinic.look();
    assert!(clinic.stale().is_none());
    assert_eq!(clinic.registry.status().loaded_at, Timestamp::from_millis(NOW));
}

#[test]
fn queries_and_reloads_from_many_threads_see_one_whole_export_or_another() {
    let clinic = Clinic::with(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    clinic.clock.turn(300);
                    assert!(clinic.knows(4), "in every export");
                }
            });
        }
        for round in 0..50 {
            clinic.moves_in(table(if round % 2 == 0 { 3..=6 } else { 2..=5 }));
            clinic.registry.reload().expect("whole");
        }
    });
    assert!(clinic.knows(2));
}

#[test]
fn what_is_wrong_at_the_start_is_said_with_the_files_path() {
    let folder = Folder::new();
    let open = |path: &Path| DirectoryRegistry::open(path).expect_err("refused");
    for (path, said) in [
        (folder.0.join("none.csv"), "there is no such file"),
        (
            folder.file("p.json", "{}"),
            "its name ends neither in .ndjson or .jsonl nor in .csv, and no format was given",
        ),
        (folder.file("empty.csv", ""), "is empty"),
        (folder.file("p.csv", "a,b\n"), "its header has no column `id`"),
        (folder.file("p.ndjson", "no\nni\n"), "holds no readable patient; line 1: is not a FHIR resource in JSON"),
        (folder.file("cut.ndjson", "no"), "ends in the middle of line 1, or lacks the line break after it"),
    ] {
        assert_eq!(open(&path).to_string(), format!("{}: {said}", path.display()));
        assert_eq!(open(&path).path(), path);
    }
    let directory = folder.0.join("folder.csv");
    fs::create_dir(&directory).expect("made");
    assert!(matches!(open(&directory).fault(), FileFault::NotAFile));
    let large = folder.file("large.csv", "");
    fs::File::options().write(true).open(&large).and_then(|file| file.set_len((1 << 30) + 1)).expect("a hole");
    assert!(matches!(open(&large).fault(), FileFault::TooLarge { bytes } if *bytes == (1 << 30) + 1));
}
