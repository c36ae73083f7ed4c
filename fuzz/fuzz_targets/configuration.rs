//! Any text is a configuration or is refused with a message; neither panics.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use signet::config::{Config, Environment};

static DIRECTORY: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

fuzz_target!(|text: &str| {
    // `secret_file` and the like read what they name: not what the fuzzer thinks of.
    if text.contains("file") || text.contains("/dev") {
        return;
    }
    let file = DIRECTORY.path().join("signet.toml");
    std::fs::write(&file, text).expect("the directory is ours");
    let nothing: [(&str, &str); 0] = [];
    if let Err(error) = Config::load(Some(&file), &Environment::from_iter(nothing)) {
        assert!(!error.to_string().is_empty(), "a refusal says why");
    }
});
