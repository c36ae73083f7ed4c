//! What commands print: one result, for people or as JSON.

use std::io::{self, Write};

use serde_json::Value;

use super::error::CliError;

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// People.
    Human,
    /// Programs.
    Json,
}

/// Where results go.
pub(super) struct Output {
    format: Format,
    out: Box<dyn Write>,
}

impl Output {
    /// Standard output.
    pub(super) fn stdout(format: Format) -> Self {
        Self { format, out: Box::new(io::stdout()) }
    }

    /// Prints a result: `human` for people, `json` for programs.
    pub(super) fn show(&mut self, human: &str, json: &Value) -> Result<(), CliError> {
        let written = match self.format {
            Format::Human => writeln!(self.out, "{}", human.trim_end_matches('\n')),
            Format::Json => writeln!(self.out, "{json}"),
        };
        written.and_then(|()| self.out.flush()).map_err(CliError::Output)
    }
}

/// Says on standard error what went wrong, causes included.
pub(super) fn complain(format: Format, error: &CliError) {
    let text = match format {
        Format::Human => format!("error: {}", sentence(error)),
        Format::Json => error.to_json().to_string(),
    };
    // Nobody is left to tell if standard error is gone, too.
    drop(writeln!(io::stderr(), "{text}"));
}

/// The error and its causes, each unless the one before says it already.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// Columns, as wide as their widest cell.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            table(&[row(["KID", "ALG"]), row(["a-long-one", "ES256"])]),
            "KID         ALG\na-long-one  ES256"
        );
    }
}
