//! Reads a trace in JSON lines.

use std::io::BufRead;

use thiserror::Error;

use super::header::Header;
use crate::lab::trace::Entry;

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A line is no entry.
    #[error("line {line}: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The last line has no end: whoever wrote it was stopped there.
    #[error(
        "line {line} ends in the middle: the program that wrote it did not come to its end. What \
         stands before it is whole"
    )]
    Torn {
        /// Counted from 1.
        line: usize,
    },
    /// The system gives no more of it.
    #[error("line {line} cannot be read: {why}")]
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// Why.
        why: std::io::Error,
    },
}

/// Gives the entries, one after the other; ends with the first mistake.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    header: Header,
    line: usize,
    text: Vec<u8>,
    broken: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is none, or none that can be read here.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let header = Header::new("", 0, &[]);
        let mut reader = Self { from, header, line: 0, text: Vec::new(), broken: false };
        let why = if reader.next_line()? {
            match std::str::from_utf8(&reader.text) {
                Ok(text) => match Header::parse(text) {
                    Ok(header) => {
                        reader.header = header;
                        return Ok(reader);
                    }
                    Err(why) => why,
                },
                Err(_) => "this is no trace: its first line is no text".to_owned(),
            }
        } else {
            "the file is empty; write a trace with --trace".to_owned()
        };
        Err(ReadError::Line { line: 1, why })
    }

    /// What is known of the whole.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next line without its end; false at the end of the file.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        self.line += 1;
        let read = self.from.read_until(b'\n', &mut self.text);
        let read = read.map_err(|why| ReadError::Unreadable { line: self.line, why })?;
        if read == 0 {
            return Ok(false);
        }
        match self.text.pop() {
            Some(b'\n') => Ok(true),
            _ => Err(ReadError::Torn { line: self.line }),
        }
    }

    fn entry(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.next_line()? {
            if self.text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let read = serde_json::from_slice(&self.text).map_err(|error| {
                let why = format!(
                    "this is no entry of a trace: {error}; mend the line or take it out, or read \
                     the file with the twinboard that wrote it"
                );
                ReadError::Line { line: self.line, why }
            });
            return read.map(Some);
        }
        Ok(None)
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let next = self.entry().transpose();
        self.broken = matches!(next, Some(Err(_)));
        next
    }
}
