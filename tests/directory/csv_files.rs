//! What a CSV export says, and who is found by it.

use acceso::adapter::directory::{DirectoryOptions, FileFault, Format, LineFault};

use crate::{Folder, Turned, ask, example, faults, ids, open};

fn refusal(content: &str) -> FileFault {
    open("p.csv", content).expect_err("refused").fault().clone()
}

#[test]
fn the_clinics_table_is_read_whole() {
    let clinic = DirectoryOptions::new().clock(Turned::new()).open(example("patients.csv")).expect("good");
    let report = clinic.report();
    assert_eq!((report.patients, report.addresses, report.bad_lines.len()), (22, 20, 0));
    assert_eq!(ids(&clinic, "LUCIA.fernandez@example.org"), ["pac-0002", "pac-0003", "pac-0004"]);
    assert_eq!(ask(&clinic, "mj.delacruz@example.org")[0].full_name, "de la Cruz, María José");
    assert_eq!(ask(&clinic, "maria.lopez@example.org")[0].email.as_str(), "Maria.Lopez@Example.org");
    assert!(!ask(&clinic, "oscar.nunez@example.net")[0].portal_access);
}

#[test]
fn what_a_spanish_spreadsheet_writes_is_understood() {
    let file = "\u{feff}Activo;Correo electrónico;ID;Nombre completo;Teléfono\r\n\
                VERDADERO;Ana@X.org;7;Peña, Ana;1\r\n\
                FALSO; luz@x.org ;8;\"Rey; Luz \"\"Lucha\"\"\";2\r\n\
                ;;;;\r\n\
                sí;;9;Sin Correo;3\r\n";
    let clinic = open("p.csv", file).expect("readable");
    let luz = &ask(&clinic, "luz@x.org")[0];
    assert_eq!((luz.id.as_str(), luz.full_name.as_str(), luz.portal_access), ("8", "Rey; Luz \"Lucha\"", false));
    let ana = &ask(&clinic, "ana@x.org")[0];
    assert_eq!((ana.email.as_str(), ana.full_name.as_str(), ana.portal_access), ("Ana@X.org", "Peña, Ana", true));
    assert_eq!((clinic.report().patients, clinic.report().bad_lines.len()), (3, 0));
}

#[test]
fn columns_are_found_by_name_in_either_language() {
    for header in [
        "id,full_name,email",
        "ID,Nombre,Correo",
        "id,nombre,MAIL",
        "Id,Full Name,E-mail",
        "\"id\",\"nombre\",\"correo\"",
    ] {
        let clinic = open("p.csv", format!("{header}\n1,Ana,ana@x.org\n")).expect(header);
        assert_eq!(ask(&clinic, "ana@x.org")[0].full_name, "Ana", "{header}");
        assert!(ask(&clinic, "ana@x.org")[0].portal_access, "without a column everybody has access");
    }
}

#[test]
fn a_header_that_lacks_a_column_or_has_two_says_so() {
    for (header, missing) in [("full_name,email", "id"), ("id,email", "full_name"), ("id,nombre,tel", "email")] {
        let fault = refusal(&format!("{header}\n1,Ana,ana@x.org\n"));
        assert!(matches!(fault, FileFault::MissingColumn { column } if column == missing), "{header}: {fault}");
    }
    let fault = refusal("id,nombre,correo,mail\n1,Ana,ana@x.org,eva@x.org\n");
    assert!(matches!(fault, FileFault::RepeatedColumn { column: "email" }), "{fault}");
    assert!(matches!(refusal("\n \n"), FileFault::NoPatient { first: None }));
    assert!(matches!(refusal("id,nombre,correo\n"), FileFault::NoPatient { first: None }));
}

#[test]
fn access_is_given_by_a_clear_yes_only() {
    for (active, portal, expected) in [
        ("true", "1", Some(true)),
        ("Sí", "S", Some(true)),
        ("yes", "no", Some(false)),
        ("N", "true", Some(false)),
        ("0", "0", Some(false)),
        ("", "true", None),
        ("true", "?", None),
        ("x", "true", None),
    ] {
        let file =
            format!("id,nombre,correo,activo,portal_access\n1,Ana,ana@x.org,{active},{portal}\n2,Luz,luz@x.org,1,1\n");
        let clinic = open("p.csv", file).expect("readable");
        let found = ask(&clinic, "ana@x.org").first().map(|patient| patient.portal_access);
        assert_eq!(found, expected, "{active:?} {portal:?}");
        let told: &[_] = if expected.is_none() { &[(2, LineFault::UnclearAccess)] } else { &[] };
        assert_eq!(faults(&clinic.report()), told);
    }
}

#[test]
fn bad_rows_are_told_by_number_and_cost_nobody_else() {
    let file = b"id,nombre,correo\n\
                 1,Ana,ana@x.org\n\
                 2,Eva\n\
                 3,Eva,eva@x.org,4\n\
                 ,Eva,eva@x.org\n\
                 1,Eva,eva@x.org\n\
                 5,Ra\xfal,eva@x.org\n\
                 6,\"Eva\"x,eva@x.org\n\
                 7,Sol,sol arroba x.org\n\
                 8,Luz,luz@x.org\n\
                 9,Eva,eva@x.org\r10,Noa,noa@x.org\n";
    let clinic = open("p.csv", file).expect("readable");
    assert_eq!(
        faults(&clinic.report()),
        [
            (3, LineFault::WrongFields),
            (4, LineFault::WrongFields),
            (5, LineFault::NoId),
            (6, LineFault::RepeatedId),
            (7, LineFault::NotUtf8),
            (8, LineFault::StrayQuote),
            (9, LineFault::UnreadableEmail),
            (11, LineFault::WrongFields),
        ]
    );
    assert_eq!((ids(&clinic, "ana@x.org"), ids(&clinic, "luz@x.org")), (vec!["1".to_owned()], vec!["8".to_owned()]));
    assert!(ids(&clinic, "eva@x.org").is_empty());
    assert_eq!(clinic.report().patients, 3);
}

#[test]
fn a_line_inside_quoted_free_text_is_never_a_patient() {
    let file =
        "id,nombre,notas,correo\n1,Ana,\"hola\n66,Eva,,eva@evil.example\nchau\",ana@x.org\n2,Luz,,luz@x.org\n3,,\n";
    let clinic = open("p.csv", file).expect("readable");
    assert_eq!((ids(&clinic, "ana@x.org"), ids(&clinic, "luz@x.org")), (vec!["1".to_owned()], vec!["2".to_owned()]));
    assert!(ids(&clinic, "eva@evil.example").is_empty());
    assert_eq!(faults(&clinic.report()), [(6, LineFault::WrongFields)], "lines are counted through the text");
}

#[test]
fn two_stray_quotes_do_not_give_one_patient_the_address_of_another() {
    for file in [
        "id,nombre,correo\n1,\"Ana,ana@x.org\n2,Bea\",bea@x.org\n3,Luz,luz@x.org\n",
        "id,nombre,correo\n1,\"Ana,ana@x.org\n2,\"Bea\",bea@x.org\n3,Luz,luz@x.org\n",
    ] {
        let clinic = open("p.csv", file).expect("readable");
        assert!(ids(&clinic, "bea@x.org").is_empty() && ids(&clinic, "ana@x.org").is_empty());
        assert_eq!(ids(&clinic, "luz@x.org"), ["3"]);
        assert_eq!(faults(&clinic.report()), [(2, LineFault::StrayQuote), (3, LineFault::StrayQuote)]);
    }
}

#[test]
fn a_table_that_ends_inside_a_row_or_a_quote_is_cut_off() {
    for (content, line) in [
        ("id,nombre,correo\n1,Ana,ana@x.org\n2,Luz,luz@example.co", 3),
        ("id,nombre,correo\n1,Ana,ana@x.org\n2,\"Luz,luz@x.org\n3,Eva,eva@x.org\n", 3),
        ("id,nombre,correo\n1,Ana,ana@x.org\n2,Luz,\"luz@x.org\"", 3),
    ] {
        assert!(matches!(refusal(content), FileFault::CutOff { line: found } if found == line), "{content}");
    }
}

#[test]
fn the_format_can_be_given_whatever_the_name() {
    let folder = Folder::new();
    let file = folder.file("pacientes.txt", "id,nombre,correo\n1,Ana,ana@x.org\n");
    let options = DirectoryOptions::new().clock(Turned::new());
    let unknown = options.clone().open(&file).expect_err("no format is guessed");
    assert!(matches!(unknown.fault(), FileFault::UnknownFormat));
    assert_eq!(ids(&options.format(Format::Csv).open(&file).expect("readable"), "ana@x.org"), ["1"]);
}
