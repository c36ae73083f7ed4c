//! The house rules that a compiler does not know, held against the source: who may import whom, where the outside world is
//! read, how long a file may be. A rule that has to give way gives way here, by name and with its reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod rooms;
mod source;
mod the_checker;

use std::fs;
use std::path::Path;

use rooms::{EXCEPTIONS, ONE_PLACE, ROOMS, VERIFIER_NEVER, is_at, objection, room_of};
use source::{SourceFile, attributes};

/// The code that ships.
const CODE: &[&str] = &["src", "crates/verifier/src"];
/// All code.
const ALL: &[&str] = &["src", "crates", "tests", "benches", "fuzz/fuzz_targets"];

/// The most lines that a file has before its tests.
const MAX_LINES: usize = 300;
/// Doors with more in them than docs, `mod` and `use`, each with its reason.
const FURNISHED_DOORS: &[(&str, &str)] = &[
    ("src/store/mod.rs", "the trait and its laws are what the room is"),
    ("src/cli/mod.rs", "the command line's grammar: it names the subcommands, as a door does"),
];
/// Names under which anything could be filed.
const DRAWERS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "types", "stuff"];

#[test]
fn every_room_imports_only_what_stands_below_it() {
    let mut objections = Vec::new();
    for file in SourceFile::under(CODE) {
        let Some(room) = room_of(&file.path) else { continue };
        objections.extend(file.mentions().iter().filter_map(|path| objection(room, &file.path, path)));
    }
    assert_none(&objections);
}

#[test]
fn no_room_may_import_what_it_does_not() {
    let files = SourceFile::under(CODE);
    let mut idle = Vec::new();
    for room in ROOMS {
        let own =
            files.iter().filter(|file| room_of(&file.path).is_some_and(|found| found.name == room.name));
        let mentioned: Vec<String> = own.flat_map(SourceFile::mentions).collect();
        let imports = |what: &str| {
            let path = format!("crate::{what}");
            mentioned.iter().any(|known| *known == path || known.starts_with(&format!("{path}::")))
        };
        idle.extend(
            room.may.iter().filter(|what| !imports(what)).map(|what| format!("{}: {what}", room.name)),
        );
    }
    assert_none(&idle);
}

#[test]
fn every_file_belongs_to_a_room() {
    let homeless: Vec<String> = SourceFile::under(CODE)
        .into_iter()
        .map(|file| file.path)
        .filter(|path| path != "src/lib.rs" && room_of(path).is_none())
        .collect();
    assert_none(&homeless);
    for room in ROOMS.iter().filter(|room| !room.may.is_empty()) {
        let exists = |path: &&str| root().join(path).exists();
        assert!(room.paths.iter().any(exists), "the room {} is gone: take it off the table", room.name);
    }
}

#[test]
fn the_outside_world_is_read_in_one_place() {
    let mut elsewhere = Vec::new();
    for file in SourceFile::under(CODE) {
        let mentions = file.mentions();
        for (what, places) in ONE_PLACE {
            if places.iter().any(|place| is_at(&file.path, place)) {
                continue;
            }
            let found = mentions.iter().filter(|path| what.iter().any(|what| is_part_of(path, what)));
            elsewhere.extend(found.map(|path| format!("{}: {path} belongs in {places:?}", file.path)));
        }
    }
    assert_none(&elsewhere);
}

#[test]
fn the_verifier_brings_nothing_of_the_service_along() {
    let manifest = read("crates/verifier/Cargo.toml");
    let brought: Vec<String> = dependencies(&manifest)
        .into_iter()
        .filter(|dependency| {
            dependency.section == "[dependencies]" && !dependency.line.contains("optional = true")
        })
        .filter(|dependency| VERIFIER_NEVER.contains(&dependency.name().replace('-', "_").as_str()))
        .map(|dependency| dependency.line.to_owned())
        .collect();
    assert_none(&brought);
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for file in SourceFile::under(&["src", "crates", "benches", "fuzz/fuzz_targets"]) {
        let lines = file.code_before_tests().lines().count();
        if lines > MAX_LINES {
            long.push(format!("{} has {lines} lines before its tests", file.path));
        }
    }
    assert_none(&long);
}

#[test]
fn no_file_is_a_drawer() {
    let named_so = |path: &String| path.split(['/', '.']).any(|part| DRAWERS.contains(&part));
    let drawers: Vec<String> =
        SourceFile::under(ALL).into_iter().map(|file| file.path).filter(named_so).collect();
    assert_none(&drawers);
}

/// `mod.rs` and `lib.rs` are the doors of folders. A module with a body of its own beside its parts is `name.rs`, and its
/// parts are in `name/`.
#[test]
fn doors_are_doors() {
    let furniture =
        ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<", "const ", "static ", "type ", "async fn "];
    let mut furnished = Vec::new();
    for file in SourceFile::under(CODE) {
        let is_door = file.path.ends_with("/mod.rs") || file.path.ends_with("/lib.rs");
        if !is_door || FURNISHED_DOORS.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        for line in file.code_before_tests().lines() {
            let item = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            if furniture.iter().any(|word| item.starts_with(word)) {
                furnished.push(format!("{}: {line}", file.path));
            }
        }
    }
    assert_none(&furnished);
}

#[test]
fn a_lint_is_silenced_only_with_a_reason() {
    let mut silent = Vec::new();
    for file in SourceFile::under(ALL) {
        silent.extend(
            silenced_without_reason(&file.code())
                .iter()
                .map(|attribute| format!("{}: {attribute}", file.path)),
        );
    }
    assert_none(&silent);
}

#[test]
fn nothing_is_left_to_do() {
    let mut left = Vec::new();
    for file in SourceFile::under(ALL) {
        let code = file.code();
        let found =
            ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"].into_iter().filter(|what| code.contains(what));
        left.extend(found.map(|what| format!("{}: {what}", file.path)));
    }
    assert_none(&left);
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let mut silent = Vec::new();
    for path in ["Cargo.toml", "crates/verifier/Cargo.toml", "fuzz/Cargo.toml"] {
        let manifest = read(path);
        let unexplained = dependencies(&manifest).into_iter().filter(|dependency| !dependency.is_explained);
        silent.extend(unexplained.map(|dependency| format!("{path}: {}", dependency.line)));
    }
    assert_none(&silent);
}

#[test]
fn no_exception_outlives_its_file() {
    let excepted = EXCEPTIONS.iter().map(|(path, ..)| path);
    let excepted = excepted.chain(FURNISHED_DOORS.iter().map(|(path, _)| path));
    let gone: Vec<String> =
        excepted.filter(|path| !root().join(path).exists()).map(|path| (*path).to_owned()).collect();
    assert_none(&gone);
}

/// A line of a manifest that names a dependency.
struct Dependency<'a> {
    section: &'a str,
    line: &'a str,
    /// Whether a comment stands right above it.
    is_explained: bool,
}

impl Dependency<'_> {
    fn name(&self) -> &str {
        self.line.split(['=', '.', ' ']).next().unwrap_or_default()
    }
}

/// The dependencies of a manifest. The table of the workspace only fixes versions: the reason stands where one is used.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut section = "";
    let mut above = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && section != "[workspace.dependencies]"
            && line.starts_with(|c: char| c.is_alphanumeric())
        {
            found.push(Dependency { section, line, is_explained: above.starts_with('#') });
        }
        above = line;
    }
    found
}

fn silenced_without_reason(code: &str) -> Vec<&str> {
    let silences = |attribute: &&str| attribute.contains("allow(") || attribute.contains("expect(");
    attributes(code)
        .into_iter()
        .filter(silences)
        .filter(|attribute| !attribute.contains("reason ="))
        .collect()
}

/// Whether these names follow one another in the path.
fn is_part_of(path: &str, what: &str) -> bool {
    format!("::{path}::").contains(&format!("::{what}::"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{} against the house rules:\n{}", found.len(), found.join("\n"));
}
