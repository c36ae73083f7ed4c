//! The checker itself is checked: it sees what is there, and nothing else.

use crate::rooms::{Room, objection, room_of};
use crate::source::{SourceFile, paths};
use crate::{Dependency, dependencies, silenced_without_reason};

fn objections(path: &str, text: &str) -> Vec<String> {
    let file = SourceFile { path: path.into(), text: text.into() };
    let room: &Room = room_of(path).unwrap();
    file.mentions().iter().filter_map(|mention| objection(room, path, mention)).collect()
}

#[test]
fn sees_what_a_room_may_not_know() {
    for text in [
        "use crate::config::Config;",
        "use crate::{keys::Keys, config};",
        "use super::super::config::Config;",
        "fn f() { crate::config::load(); }",
        "use signet::http;",
        "use std::{fmt, fs};",
        "fn f() { std::fs::read(\"x\"); }",
        "use tokio::sync::Mutex;",
        "#[actix_web::main]\nfn f() {}",
        "use signet_verifier::{SystemClock, UnixMs};",
        "use crate::store::{Store, EmbeddedStore as Store2};",
        "#[cfg(test)]\nuse std::fs;\nuse crate::config;",
    ] {
        assert!(!objections("src/session/issue.rs", text).is_empty(), "{text}");
    }
    assert!(!objections("src/store/redis.rs", "use crate::session::Issuer;").is_empty());
    assert!(!objections("src/cli/serve.rs", "use actix_web::App;").is_empty());
    assert!(!objections("crates/verifier/src/claims.rs", "use chrono::Utc;").is_empty());
    assert!(!objections("src/http/sessions.rs", "use moka::sync::Cache;").is_empty());
}

#[test]
fn does_not_see_what_is_not_there() {
    for text in [
        "use crate::keys::Keys;\nuse crate::store::{Journal, Store};\nuse super::policy::Client;",
        "// use crate::config::Config;\n/// [`crate::config`]\n/* std::fs */",
        "const A: &str = \"crate::config::x\"; const B: &str = r#\"std::fs::read\"#; const C: char = '\"';",
        "fn f<'a>(config: &'a str) -> &'a str { config }",
        "#[cfg(test)]\nmod tests { use std::fs; use crate::config::Config; }",
    ] {
        assert_eq!(objections("src/session/issue.rs", text), Vec::<String>::new(), "{text}");
    }
    assert!(objections("src/http/gate.rs", "use moka::sync::Cache;").is_empty());
    assert!(objections("src/store/embedded.rs", "use crate::session::register::Register;").is_empty());
}

#[test]
fn writes_out_the_groups_of_a_use_line() {
    let found = paths("use a::{self, b::{C, D as E}, f::*};");
    let expected = ["a", "a::b", "a::b::C", "a::b::D", "a::f", "use"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn sees_a_silenced_lint_and_an_unexplained_dependency() {
    assert_eq!(silenced_without_reason("#[allow(dead_code)]\nfn f() {}").len(), 1);
    assert_eq!(silenced_without_reason("#![cfg_attr(test, allow(\n  a,\n  b))]").len(), 1);
    assert!(
        silenced_without_reason("#[expect(dead_code, reason = \"\")]\nfn f() { a.expect(1) }").is_empty()
    );
    let manifest = "[dependencies]\n# Why.\na = \"1\"\nb.workspace = true\n\n[features]\nc = []\n";
    let silent = |d: &Dependency<'_>| !d.is_explained;
    assert_eq!(
        dependencies(manifest).iter().filter(|d| silent(d)).map(Dependency::name).collect::<Vec<_>>(),
        ["b"]
    );
}
