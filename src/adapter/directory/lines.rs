//! A file cut into its lines, or into its CSV records of one or more lines. Not: what a line says.
//!
//! **Never more than one line is in memory, none is longer than the limit, and whether it was ended is known.**

use std::io::{self, BufRead};

/// The greatest length of a line, without its line break.
pub(super) const MAX_LINE_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Line<'a> {
    /// Its number in the file, from 1.
    pub(super) first: usize,
    /// The last of the lines that quoted line breaks joined to it.
    pub(super) last: usize,
    /// The bytes without the line break.
    pub(super) content: Result<&'a [u8], Broken>,
    /// Whether a line break came after it.
    pub(super) ended: bool,
}

impl Line<'_> {
    pub(super) fn is_blank(&self) -> bool {
        self.content.is_ok_and(|bytes| bytes.trim_ascii().is_empty())
    }
}

#[derive(Clone, Copy)]
pub(super) enum Broken {
    TooLong,
    StrayQuote,
}

pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: usize,
    delimiter: Option<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), number: 0, delimiter: None }
    }

    /// From now on line breaks inside quotation marks end nothing.
    pub(super) fn quoted(&mut self, delimiter: u8) {
        self.delimiter = Some(delimiter);
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let first = self.number + 1;
        let mut scan = Scan { at: At::FieldStart, delimiter: self.delimiter, line_breaks: 0 };
        let (mut too_long, mut ended, mut any) = (false, false, false);
        while !ended {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = scan.end_in(chunk);
            let (taken, used) = end.map_or((chunk, chunk.len()), |at| (&chunk[..at], at + 1));
            // Four more: the byte order mark and the carriage return that are stripped below.
            too_long |= self.buffer.len() + taken.len() > MAX_LINE_BYTES + 4;
            if !too_long {
                self.buffer.extend_from_slice(taken);
            }
            ended = end.is_some();
            self.input.consume(used);
        }
        self.number += scan.line_breaks + usize::from(any);
        if !any {
            return Ok(None);
        }
        let mut bytes = self.buffer.as_slice();
        if first == 1 {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let content = match scan.at {
            _ if too_long || bytes.len() > MAX_LINE_BYTES => Err(Broken::TooLong),
            At::Fault => Err(Broken::StrayQuote),
            _ => Ok(bytes),
        };
        Ok(Some(Line { first, last: self.number, content, ended }))
    }
}

/// Follows the quotation marks of a CSV record (RFC 4180, strictly), so that a line inside somebody's quoted free text
/// is never taken for a record of its own.
struct Scan {
    at: At,
    delimiter: Option<u8>,
    line_breaks: usize,
}

#[derive(Clone, Copy)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    /// After a quotation mark inside quotes: the end of the field, or the first of a doubled one.
    Closing,
    /// After the carriage return behind a quoted field.
    Return,
    /// The record is lost; it ends with this line.
    Fault,
}

impl Scan {
    fn end_in(&mut self, chunk: &[u8]) -> Option<usize> {
        let Some(delimiter) = self.delimiter else {
            return chunk.iter().position(|&byte| byte == b'\n');
        };
        for (place, &byte) in chunk.iter().enumerate() {
            if byte == b'\n' {
                if !matches!(self.at, At::Quoted) {
                    return Some(place);
                }
                self.line_breaks += 1;
            }
            self.at = match (self.at, byte) {
                (At::Quoted, b'"') => At::Closing,
                (At::FieldStart | At::Closing, b'"') | (At::Quoted, _) => At::Quoted,
                (At::FieldStart | At::Plain | At::Closing, byte) if byte == delimiter => At::FieldStart,
                (At::FieldStart | At::Plain, _) => At::Plain,
                (At::Closing, b'\r') => At::Return,
                (At::Closing | At::Return | At::Fault, _) => At::Fault,
            };
        }
        None
    }
}
