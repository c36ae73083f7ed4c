//! Reads Rust source just well enough to say which paths it mentions: comments, strings and test modules do not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of this repository.
pub(crate) struct SourceFile {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// Everything that is in it.
    pub(crate) text: String,
}

impl SourceFile {
    /// All Rust files under these folders.
    pub(crate) fn under(folders: &[&str]) -> Vec<Self> {
        let mut files = Vec::new();
        for folder in folders {
            collect(Path::new(env!("CARGO_MANIFEST_DIR")), folder, &mut files);
        }
        assert!(!files.is_empty(), "no Rust file under {folders:?}");
        files
    }

    /// The code: comments and the contents of strings blanked out.
    pub(crate) fn code(&self) -> String {
        blank(&self.text)
    }

    /// The code before its tests; nothing at all of a file that holds only tests.
    pub(crate) fn code_before_tests(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return String::new();
        }
        let mut code = self.code();
        if let Some(tests) = start_of_tests(&code) {
            code.truncate(tests);
        }
        code
    }

    /// The path of its module below the crate's root: `session::issue` for src/session/issue.rs.
    pub(crate) fn module(&self) -> Vec<&str> {
        let below = self.path.split_once("src/").map_or(self.path.as_str(), |(_, below)| below);
        let mut module: Vec<&str> = below.trim_end_matches(".rs").split('/').collect();
        if matches!(module.last(), Some(&("mod" | "lib" | "main"))) {
            module.pop();
        }
        module
    }

    /// The paths that the code before the tests mentions, `self` and `super` resolved to `crate`.
    pub(crate) fn mentions(&self) -> BTreeSet<String> {
        let module = self.module();
        paths(&self.code_before_tests()).into_iter().map(|path| from_root(&module, &path)).collect()
    }
}

/// Every path in the code, `use` groups written out; a lone name is a path of one.
pub(crate) fn paths(code: &str) -> BTreeSet<String> {
    let tokens = tokens(code);
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        at = if is_name(tokens[at]) { path(&tokens, at, "", &mut found) } else { at + 1 };
    }
    found
}

/// The attributes of the code, each whole.
pub(crate) fn attributes(code: &str) -> Vec<&str> {
    let starts = code.match_indices('#').map(|(start, _)| start);
    starts
        .filter_map(|start| {
            let rest = &code[start..];
            let open = rest[1..].trim_start_matches('!').starts_with('[').then(|| rest.find('['))??;
            let mut depth = 0_usize;
            let end = rest[open..].find(|c| {
                match c {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                depth == 0
            })?;
            Some(&rest[..=open + end])
        })
        .collect()
}

fn collect(root: &Path, folder: &str, files: &mut Vec<SourceFile>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("file names are text")).collect();
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            if name != "node_modules" && name != "target" {
                collect(root, &path, files);
            }
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            files.push(SourceFile { path, text });
        }
    }
}

/// Where `#[cfg(test)] mod … {` begins.
fn start_of_tests(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]").map(|(start, _)| start).find(|start| {
        let mut rest = code[start + "#[cfg(test)]".len()..].trim_start();
        while rest.starts_with("#[") {
            rest = rest.split_once(']').map_or("", |(_, after)| after).trim_start();
        }
        rest.starts_with("mod ")
            && rest.find('{').unwrap_or(usize::MAX) < rest.find(';').unwrap_or(usize::MAX)
    })
}

/// Comments and the contents of strings and characters become spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + opaque_length(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        if end == at {
            let next = text[at..].chars().next().expect("at is on a boundary inside the text");
            out.push(next);
            at += next.len_utf8();
        } else {
            out.extend(text[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// How long the comment, string or character is that starts here; 0 where none does.
fn opaque_length(rest: &[u8], before: Option<u8>) -> usize {
    let until = |end: &[u8], from: usize| {
        let found =
            rest.get(from..).and_then(|tail| tail.windows(end.len()).position(|window| window == end));
        found.map_or(rest.len(), |position| from + position + end.len())
    };
    let in_name = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match rest {
        [b'/', b'/', ..] => until(b"\n", 2) - usize::from(rest.contains(&b'\n')),
        [b'/', b'*', ..] => until(b"*/", 2),
        [b'r', b'"' | b'#', ..] if !in_name || before == Some(b'b') => {
            let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return 0;
            }
            let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            until(&end, 2 + hashes)
        }
        [b'"', ..] => quoted_length(rest, b'"'),
        [b'\'', b'\\', ..] => quoted_length(rest, b'\''),
        // A character, not a lifetime: the closing quote follows one character.
        [b'\'', first, ..] => {
            let width = 1 + first.leading_ones().saturating_sub(1) as usize;
            if rest.get(1 + width) == Some(&b'\'') { 2 + width } else { 0 }
        }
        _ => 0,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Names, `::`, and every other visible character by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match name {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            name => name,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the path that starts with the name at `at`, groups and all; says where it ends.
fn path(tokens: &[&str], mut at: usize, prefix: &str, found: &mut BTreeSet<String>) -> usize {
    let mut path = match (prefix, tokens[at]) {
        ("", name) => name.to_owned(),
        (prefix, "self") => prefix.to_owned(),
        (prefix, name) => format!("{prefix}::{name}"),
    };
    at += 1;
    while tokens.get(at) == Some(&"::") {
        match tokens.get(at + 1) {
            Some(&"{") => return group(tokens, at + 2, &path, found),
            Some(name) if is_name(name) => path = format!("{path}::{name}"),
            Some(_) | None => break,
        }
        at += 2;
    }
    found.insert(path);
    at
}

fn group(tokens: &[&str], mut at: usize, prefix: &str, found: &mut BTreeSet<String>) -> usize {
    found.insert(prefix.to_owned());
    while at < tokens.len() && tokens[at] != "}" {
        at = match tokens[at] {
            "as" => at + 2,
            name if is_name(name) => path(tokens, at, prefix, found),
            _ => at + 1,
        };
    }
    at + 1
}

fn from_root(module: &[&str], path: &str) -> String {
    let mut here = module.to_vec();
    let mut rest: Vec<&str> = path.split("::").collect();
    match rest[0] {
        "self" if rest.len() > 1 => drop(rest.remove(0)),
        "super" => {
            while rest.first() == Some(&"super") {
                rest.remove(0);
                here.pop();
            }
        }
        _ => return path.to_owned(),
    }
    here.insert(0, "crate");
    here.extend(rest);
    here.join("::")
}
