//! A CSV file with a header, as a clinic's system or a spreadsheet program writes it. Not: a file without a header.
//!
//! **A record has as many fields as the header and a line break behind it, or it is nothing: no cut address counts.**

use std::io::{BufRead, Cursor};

use ::csv::{Reader, ReaderBuilder, StringRecord, Terminator};

use super::lines::{Broken, Line, Lines};
use super::records::{Gathering, Record};
use super::report::{BadLine, FileFault, LineFault};
use crate::adapter::patient_resource::Address;

pub(super) fn read(input: impl BufRead) -> Result<Gathering, FileFault> {
    let mut lines = Lines::new(input);
    let header = loop {
        match lines.next().map_err(FileFault::io)? {
            None => return Err(FileFault::NoPatient { first: None }),
            Some(line) if line.is_blank() => {}
            Some(line) => break Header::of(&line)?,
        }
    };
    lines.quoted(header.delimiter);
    let mut splitter = Splitter::new(header.delimiter);
    let mut gathering = Gathering::new();
    while let Some(line) = lines.next().map_err(FileFault::io)? {
        if line.is_blank() {
            continue;
        }
        if !line.ended {
            return Err(FileFault::CutOff { line: line.first });
        }
        if let Err(fault) = header.gather(&line, &mut splitter, &mut gathering) {
            gathering.lose(line.first..=line.last, fault);
        }
    }
    Ok(gathering)
}

struct Header {
    delimiter: u8,
    fields: usize,
    id: usize,
    full_name: usize,
    email: usize,
    access: Vec<usize>,
}

impl Header {
    fn of(line: &Line<'_>) -> Result<Self, FileFault> {
        let too_long = FileFault::NoPatient { first: Some(BadLine::new(line.first, LineFault::TooLong)) };
        let bytes = line.content.map_err(|_| too_long)?;
        let text = String::from_utf8_lossy(bytes);
        let count = |sign: char| text.matches(sign).count();
        // Spreadsheet programs write semicolons where the comma is the decimal sign.
        let delimiter = if count(';') > count(',') { b';' } else { b',' };
        let names: Vec<String> = Splitter::new(delimiter).split(&text).into_iter().flatten().map(plain).collect();
        let column = |column, spellings: &[&str]| {
            let mut places = names.iter().enumerate().filter(|(_, name)| spellings.contains(&name.as_str()));
            match (places.next(), places.next()) {
                (Some(_), Some(_)) => Err(FileFault::RepeatedColumn { column }),
                (first, _) => Ok(first.map(|(place, _)| place)),
            }
        };
        let required = |name, spellings| column(name, spellings)?.ok_or(FileFault::MissingColumn { column: name });
        let active = column("active", &["active", "activo"])?;
        let portal_access = column("portal_access", &["portal_access", "acceso_portal", "acceso_al_portal"])?;
        Ok(Self {
            delimiter,
            fields: names.len(),
            id: required("id", &["id"])?,
            full_name: required("full_name", &["full_name", "nombre", "nombre_completo"])?,
            email: required("email", &["email", "e_mail", "mail", "correo", "correo_electronico"])?,
            access: active.into_iter().chain(portal_access).collect(),
        })
    }

    fn gather(&self, line: &Line<'_>, splitter: &mut Splitter, gathering: &mut Gathering) -> Result<(), LineFault> {
        let bytes = line.content.map_err(|broken| match broken {
            Broken::TooLong => LineFault::TooLong,
            Broken::StrayQuote => LineFault::StrayQuote,
        })?;
        let text = str::from_utf8(bytes).map_err(|_| LineFault::NotUtf8)?;
        let record = splitter.split(text).ok_or(LineFault::StrayQuote)?;
        // Empty rows of a table, as spreadsheet programs write them.
        if record.iter().all(|field| field.trim().is_empty()) {
            return Ok(());
        }
        if record.len() != self.fields {
            return Err(LineFault::WrongFields);
        }
        let field = |place: usize| record.get(place).unwrap_or_default().trim();
        // No id, name or address has a line break: two records were joined by two stray quotation marks.
        if [self.id, self.full_name, self.email].into_iter().any(|place| field(place).contains('\n')) {
            return Err(LineFault::StrayQuote);
        }
        let id = field(self.id).parse().map_err(|_| LineFault::NoId)?;
        let mut portal_access = true;
        for &place in &self.access {
            portal_access &= yes_or_no(field(place)).ok_or(LineFault::UnclearAccess)?;
        }
        let mut addresses = Vec::new();
        match field(self.email) {
            "" => {}
            email => match email.parse() {
                Ok(email) => addresses.push(Address { email, end: None }),
                Err(_) => gathering.mention(line.first, LineFault::UnreadableEmail),
            },
        }
        let record = Record { id, full_name: field(self.full_name).into(), portal_access, addresses };
        gathering.add(line.first, record, None);
        Ok(())
    }
}

/// Splits one record after another, all by one reader: building one takes longer than splitting a record.
struct Splitter {
    reader: Reader<Cursor<Vec<u8>>>,
    fields: StringRecord,
    delimiter: u8,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(Cursor::default());
        Self { reader, fields: StringRecord::new(), delimiter }
    }

    /// The fields of one record, which comes without the line break that ends it. None where it is not one record.
    fn split(&mut self, record: &str) -> Option<&StringRecord> {
        let input = self.reader.get_mut();
        input.set_position(0);
        input.get_mut().clear();
        input.get_mut().extend_from_slice(record.as_bytes());
        input.get_mut().push(b'\n');
        let is_one = matches!(self.reader.read_record(&mut self.fields), Ok(true));
        if !is_one {
            // A reader that has met the end of its input reads nothing more.
            *self = Self::new(self.delimiter);
        }
        is_one.then_some(&self.fields)
    }
}

/// A column's name without what people write differently: capitals, accents, blanks and hyphens.
fn plain(name: &str) -> String {
    let fold = |sign| match sign {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' => 'u',
        ' ' | '-' => '_',
        other => other,
    };
    name.trim().to_lowercase().chars().map(fold).collect()
}

/// Empty is neither: whether "nothing" means yes or no differs from clinic to clinic.
fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "sí" | "si" | "s" | "verdadero" | "activo" | "activa" => Some(true),
        "false" | "0" | "no" | "n" | "falso" | "inactivo" | "inactiva" => Some(false),
        _ => None,
    }
}
