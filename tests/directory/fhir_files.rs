//! What a FHIR export says, and who is found by it.

use acceso::adapter::directory::{DirectoryOptions, DirectoryRegistry, LineFault};

use crate::{Folder, NOW, Turned, ask, example, faults, ids, open};

fn clinic() -> DirectoryRegistry {
    DirectoryOptions::new().clock(Turned::new()).open(example("patients.ndjson")).expect("the example is good")
}

/// One Patient with these members beside type and id.
fn patient(id: &str, members: &str) -> String {
    format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\",{members}}}\n")
}

fn email(value: &str) -> String {
    format!(r#""telecom":[{{"system":"email","value":"{value}"}}]"#)
}

#[test]
fn the_clinics_export_is_read_whole() {
    let report = clinic().report();
    assert_eq!(report.patients, 50);
    assert_eq!(faults(&report), [(29, LineFault::UnreadableEmail), (31, LineFault::UnreadableEmail)]);
    assert_eq!((report.addresses, report.unlisted), (39, 0));
}

#[test]
fn a_family_on_one_address_is_found_together() {
    let clinic = clinic();
    assert_eq!(ids(&clinic, "lucia.fernandez@example.org"), ["pac-0002", "pac-0003", "pac-0004"]);
    assert_eq!(ids(&clinic, "abuelos.ibanez@example.net"), ["pac-0009", "pac-0010", "pac-0011"]);
    assert_eq!(ids(&clinic, "sin-correo@example.com").len(), 10);
}

#[test]
fn case_and_blanks_do_not_count_and_each_record_keeps_its_spelling() {
    let clinic = clinic();
    let spelled: Vec<_> =
        ask(&clinic, "MARIA.lopez@example.ORG").into_iter().map(|patient| patient.email.as_str().to_owned()).collect();
    assert_eq!(spelled, ["Maria.Lopez@Example.org", "maria.lopez@example.org"]);
    assert_eq!(ids(&clinic, "ignacio.garcia@example.com"), ["pac-0014"]);
}

#[test]
fn nobody_is_found_by_half_an_address_or_by_signs_of_a_query_language() {
    let clinic = clinic();
    for other in
        ["ana.pena@example.or", "na.pena@example.org", "a*@example.org", "%@example.org", "ana_pena@example.org"]
    {
        assert!(ids(&clinic, other).is_empty(), "{other}");
    }
}

#[test]
fn the_inactive_and_the_deceased_are_found_without_access() {
    let clinic = clinic();
    for (address, access) in [
        ("ana.pena@example.org", true),
        ("oscar.nunez@example.net", false),
        ("ramon.benitez@example.com", false),
        ("emilia.rodriguez@example.net", false),
    ] {
        let found: Vec<_> = ask(&clinic, address).iter().map(|patient| patient.portal_access).collect();
        assert_eq!(found, [access], "{address}");
    }
}

#[test]
fn each_reason_alone_takes_the_access_away() {
    for (members, access) in [
        (r#""active":true"#, true),
        (r#""gender":"female""#, true),
        (r#""active":null"#, true),
        (r#""active":false"#, false),
        (r#""deceasedBoolean":false"#, true),
        (r#""deceasedBoolean":true"#, false),
        (r#""active":true,"deceasedDateTime":"2024""#, false),
        (r#""_deceasedDateTime":{"extension":[]}"#, false),
        (r#""link":[{"type":"replaces"},{"type":"seealso"}]"#, true),
        (r#""link":[{"type":"seealso"},{"type":"replaced-by","other":{"reference":"Patient/1"}}]"#, false),
    ] {
        let file = patient("1", &format!("{members},{}", email("ana@x.org")));
        let found = ask(&open("p.ndjson", file).expect("readable"), "ana@x.org");
        assert_eq!(found.iter().map(|patient| patient.portal_access).collect::<Vec<_>>(), [access], "{members}");
    }
}

#[test]
fn only_a_live_email_entry_is_an_address() {
    let clinic = clinic();
    assert!(ids(&clinic, "rocio.villalba@example.org").is_empty(), "typed into a phone's field");
    assert!(ids(&clinic, "mirta.coronel@example.net").is_empty(), "marked as old");
    assert!(ids(&clinic, "camila.vieja@example.com").is_empty(), "its period has ended");
    assert_eq!(ids(&clinic, "camila.yanez@example.org"), ["pac-0028"]);
}

#[test]
fn a_patient_with_two_addresses_is_found_under_each() {
    let clinic = clinic();
    for address in ["agustin.etcheverry@example.com", "a.etcheverry@example.net"] {
        let found = ask(&clinic, address);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id.as_str(), found[0].email.as_str()), ("pac-0027", address));
    }
}

#[test]
fn an_address_repeated_in_one_record_finds_it_once_and_an_ended_twin_does_no_harm() {
    let telecom = r#""telecom":[
        {"system":"email","value":"Ana@x.org","period":{"end":"2020"}},
        {"system":"email","value":"ana@x.org"},{"system":"email","value":"ANA@x.org"}]"#;
    let clinic = open("p.ndjson", patient("1", &telecom.replace('\n', ""))).expect("readable");
    let found = ask(&clinic, "ana@x.org");
    assert_eq!(found.iter().map(|patient| patient.email.as_str()).collect::<Vec<_>>(), ["ana@x.org"]);
    assert_eq!(clinic.report().addresses, 1);
}

#[test]
fn an_address_ends_when_the_clock_passes_its_period_without_a_new_export() {
    let folder = Folder::new();
    let clock = Turned::new();
    let telecom = r#""telecom":[{"system":"email","value":"ana@x.org","period":{"end":"2026-03-01T09:00:00-03:00"}}]"#;
    let file = folder.file("p.ndjson", patient("1", telecom));
    let clinic = DirectoryOptions::new().clock(clock.clone()).open(file).expect("readable");
    assert_eq!(ids(&clinic, "ana@x.org"), ["1"], "its last second has begun");
    clock.turn(999);
    assert_eq!(ids(&clinic, "ana@x.org"), ["1"]);
    clock.turn(1);
    assert!(ids(&clinic, "ana@x.org").is_empty());
}

#[test]
fn an_end_in_part_counts_whole() {
    assert_eq!(NOW, 1_772_366_400_000, "2026-03-01, noon");
    for (end, live) in [
        ("2025", false),
        ("2026", true),
        ("2026-02", false),
        ("2026-03", true),
        ("2026-02-27", false),
        ("2026-03-01", true),
        ("9999-12-31", true),
    ] {
        let telecom = format!(
            r#""telecom":[{{"system":"email","value":"ana@x.org","period":{{"start":"2001","end":"{end}"}}}}]"#
        );
        let clinic = open("p.ndjson", patient("1", &telecom)).expect("readable");
        assert_eq!(!ids(&clinic, "ana@x.org").is_empty(), live, "{end}");
    }
}

#[test]
fn an_end_that_is_no_date_leaves_out_that_address_alone() {
    let telecom = r#""telecom":[{"system":"email","value":"ana@x.org","period":{"end":"ayer"}},
        {"system":"email","value":"no tiene"},{"system":"email","value":" "},{"system":"email","value":"luz@x.org"}]"#;
    let clinic = open("p.ndjson", patient("1", &telecom.replace('\n', ""))).expect("readable");
    assert!(ids(&clinic, "ana@x.org").is_empty());
    assert_eq!(ids(&clinic, "luz@x.org"), ["1"]);
    assert_eq!(faults(&clinic.report()), [(1, LineFault::UnreadablePeriod), (1, LineFault::UnreadableEmail)]);
    assert!(clinic.report().bad_lines.iter().all(|bad| bad.why.keeps_the_patient()));
}

#[test]
fn the_name_is_the_official_one_and_never_a_former_one() {
    for (names, expected) in [
        (r#"{"use":"official","family":"Peña Núñez","given":["Ana","María"]}"#, "Ana María Peña Núñez"),
        (r#"{"use":"usual","text":"Anita"},{"use":"official","text":"Ana Peña"}"#, "Ana Peña"),
        (r#"{"use":"nickname","text":"Nita"},{"use":"usual","text":"Anita"}"#, "Anita"),
        (r#"{"text":"Ana","use":"old"},{"use":"maiden","text":"Ana Rey"},{"family":"Peña"}"#, "Peña"),
        (r#"{"use":"old","text":"Ana Rey"}"#, ""),
        (r#"{"use":"official"},{"use":"usual","text":"  ","given":[null,"Luz"],"family":""}"#, "Luz"),
        ("", ""),
    ] {
        let members = format!(r#""name":[{names}],{}"#, email("ana@x.org"));
        let found = ask(&open("p.ndjson", patient("1", &members)).expect("readable"), "ana@x.org");
        assert_eq!(found.iter().map(|patient| patient.full_name.as_str()).collect::<Vec<_>>(), [expected], "{names}");
    }
    let nameless = open("p.jsonl", patient("1", &email("ana@x.org"))).expect("readable");
    assert_eq!(ask(&nameless, "ana@x.org")[0].full_name, "");
}

#[test]
fn the_first_of_two_records_with_one_id_stays_unless_the_later_is_newer() {
    let version = |updated: &str, address: &str| {
        let meta = if updated.is_empty() { String::new() } else { format!(r#""meta":{{"lastUpdated":"{updated}"}},"#) };
        patient("1", &format!("{meta}{}", email(address)))
    };
    let (noon, same_noon, later) =
        ("2026-01-01T12:00:00Z", "2026-01-01T09:00:00.000-03:00", "2026-01-01T10:00:00-03:00");
    for (first, second, winner) in [
        (noon, later, "second@x.org"),
        (later, noon, "first@x.org"),
        (noon, same_noon, "first@x.org"),
        ("", later, "first@x.org"),
        (noon, "", "first@x.org"),
        (noon, "mañana", "first@x.org"),
    ] {
        let clinic =
            open("p.ndjson", version(first, "first@x.org") + &version(second, "second@x.org")).expect("readable");
        let found: Vec<_> =
            ["first@x.org", "second@x.org"].into_iter().filter(|a| !ids(&clinic, a).is_empty()).collect();
        assert_eq!(found, [winner], "{first} / {second}");
        let repeated: &[_] = if winner == "first@x.org" { &[(2, LineFault::RepeatedId)] } else { &[] };
        assert_eq!(faults(&clinic.report()), repeated);
        assert_eq!(clinic.report().patients, 1);
    }
}

#[test]
fn other_resources_are_skipped_and_told() {
    let file = r#"{"resourceType":"Organization","id":"o","name":"Clínica","telecom":"none"}"#.to_owned()
        + "\n\r\n"
        + &patient("1", &email("ana@x.org"))
        + r#"{"resourceType":"RelatedPerson","id":"r","telecom":[{"system":"email","value":"eva@x.org"}]}"#
        + "\n{}\n[]\n";
    let clinic = open("p.ndjson", file).expect("readable");
    assert_eq!(
        faults(&clinic.report()),
        [
            (1, LineFault::NotAPatient),
            (4, LineFault::NotAPatient),
            (5, LineFault::NotAResource),
            (6, LineFault::NotAResource)
        ]
    );
    assert_eq!(ids(&clinic, "ana@x.org"), ["1"]);
    assert!(ids(&clinic, "eva@x.org").is_empty());
}

#[test]
fn a_mark_of_byte_order_and_line_ends_of_windows_are_no_fault() {
    let file = format!("\u{feff}{}", patient("1", &email("ana@x.org"))).replace('\n', "\r\n");
    let clinic = open("P.NDJSON", file).expect("readable");
    assert_eq!((ids(&clinic, "ana@x.org").len(), clinic.report().bad_lines.len()), (1, 0));
}

#[test]
fn the_last_resource_needs_no_line_break() {
    let file = patient("1", &email("ana@x.org"));
    let clinic = open("p.ndjson", file.trim_end()).expect("readable");
    assert_eq!(ids(&clinic, "ana@x.org"), ["1"]);
}
