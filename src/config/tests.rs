//! The configuration as its users meet it: files and variables in, policies or one clear sentence out.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signet_verifier::Algorithm;

use crate::config::{Config, ConfigError, EncryptionKey, Environment, Loaded, RawConfig, StoreUrl};
use crate::session::{Credential, ForwardAuthProfile, OnTheft, Permission, WhenStoreDown};

/// A configuration file that lives as long as the test.
struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("signet.toml"), text).unwrap();
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("signet.toml")
    }
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let file = File::new(text);
    Config::load(Some(&file.path()), &variables.iter().copied().collect())
}

fn good(text: &str) -> Config {
    load(text, &[]).map_or_else(|error| panic!("{error}"), |loaded| loaded.config)
}

/// The error's text, with the file's changing path cut to its name.
fn refused(text: &str, variables: &[(&str, &str)]) -> String {
    let file = File::new(text);
    let Err(error) = Config::load(Some(&file.path()), &variables.iter().copied().collect()) else {
        panic!("accepted: {text} {variables:?}")
    };
    error.to_string().replace(&file.path().display().to_string(), "signet.toml")
}

#[test]
fn the_example_file_is_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/signet.toml");
    let none = Environment::default();
    let loaded = Config::load(Some(&example), &none).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.raw, RawConfig::default());
    let text = std::fs::read_to_string(example).unwrap();
    for section in serde_json::to_value(RawConfig::default()).unwrap().as_object().unwrap().values() {
        for key in section.as_object().unwrap().keys() {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not shown");
        }
    }
}

#[test]
fn the_commented_out_parts_of_the_example_are_names_that_exist() {
    let example = include_str!("../../config/signet.toml");
    // A commented-out line is `# [table]` or `# key = value`; prose begins with a capital letter or goes on with words.
    let is_key = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let shown = |line: &str| {
        let Some(text) = line.strip_prefix("# ") else { return false };
        text.starts_with('[') || text.split_once(" = ").is_some_and(|(key, _)| is_key(key))
    };
    let uncommented: String = example
        .lines()
        .map(|line| if shown(line) { line.trim_start_matches("# ") } else { line })
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let raw: RawConfig = toml_to_raw(&uncommented);
    assert_eq!(raw.clients.len(), 1, "{uncommented}");
    assert_eq!(raw.forward_auth.len(), 1);
    assert!(raw.server.tls.is_some() && raw.issuer.url.is_some() && raw.keys.encryption_key_file.is_some());
}

fn toml_to_raw(text: &str) -> RawConfig {
    use figment::providers::{Format, Toml};
    figment::Figment::from(Toml::string(text)).extract().unwrap()
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = good("");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.tokens.issuer.as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.tokens.access_ttl, Duration::from_mins(5));
    assert_eq!(config.tokens.default_algorithm, Algorithm::Es256);
    assert_eq!(config.refresh.absolute_ttl, Duration::from_hours(720));
    assert_eq!(config.refresh.on_theft, OnTheft::RevokeSession);
    assert_eq!(config.refresh.when_store_down, WhenStoreDown::Degrade);
    assert_eq!(config.revocation.max_skew, Duration::from_secs(2));
    assert_eq!(config.store.url, StoreUrl::Redb("data/signet.redb".into()));
    assert!(matches!(config.keys.encryption_key, EncryptionKey::BesideRing));
    assert!(config.clients.is_empty() && config.warnings.is_empty());
}

#[test]
fn the_public_url_is_the_listener_unless_somebody_says_otherwise() {
    let issuer = |text: &str, variables: &[(&str, &str)]| {
        let loaded = load(text, variables).unwrap_or_else(|error| panic!("{error}"));
        assert!(loaded.raw.to_toml().unwrap().contains(&loaded.config.server.public_url), "printed, too");
        loaded.config.tokens.issuer.as_str().to_owned()
    };
    let elsewhere = [("SIGNET_SERVER__LISTEN", "127.0.0.1:9000")];
    assert_eq!(issuer("", &elsewhere), "http://127.0.0.1:9000");
    assert_eq!(issuer("server.listen = \"localhost:9000\"", &[]), "http://localhost:9000");
    assert_eq!(issuer("server.public_url = \"https://a.example\"", &elsewhere), "https://a.example");
    let default = "server.public_url = \"http://127.0.0.1:8080\"";
    assert_eq!(issuer(default, &elsewhere), "http://127.0.0.1:8080", "said is said");
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let file = "[tokens]\naccess_ttl = \"10m\"\nleeway = \"10s\"";
    let config =
        load(file, &[("SIGNET_TOKENS__ACCESS_TTL", "20m")]).map(|loaded| loaded.config).ok().unwrap();
    assert_eq!(config.tokens.access_ttl, Duration::from_mins(20));
    assert_eq!(config.tokens.leeway, Duration::from_secs(10));
    assert_eq!(config.tokens.max_bytes, 3800);
}

#[test]
fn variables_are_text_and_become_what_the_key_needs() {
    let variables = [
        ("SIGNET_SERVER__LISTEN", "127.0.0.1:9999"),
        ("SIGNET_SERVER__WORKERS", "3"),
        ("SIGNET_SERVER__ALLOW_PLAIN_HTTP", "true"),
        ("SIGNET_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("SIGNET_TOKENS__MAX_BYTES", "4000"),
        ("SIGNET_TOKENS__AUDIENCES", "8080"),
        ("SIGNET_TOKENS__REVOCABLE_CLAIMS", ""),
        ("SIGNET_KEYS__ALGORITHMS", "[\"ES256\",\"EdDSA\"]"),
        ("SIGNET_STORE__URL", "redb:2026"),
        ("SIGNET_KEYS__DIRECTORY", "007"),
    ];
    let config = load("", &variables).map_or_else(|error| panic!("{error}"), |loaded| loaded.config);
    assert_eq!(config.server.listen.port(), 9999);
    assert_eq!(config.server.workers.unwrap().get(), 3);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.tokens.max_bytes, 4000);
    assert_eq!(config.tokens.audiences, ["8080".into()]);
    assert_eq!(config.keys.schedule.algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!(config.store.url, StoreUrl::Redb("2026".into()));
    assert_eq!(config.keys.directory, PathBuf::from("007"));
}

#[test]
fn foreign_variables_are_left_alone() {
    let variables = [
        ("SIGNET_PORT", "tcp://10.0.0.1:80"),
        ("SIGNET_SERVICE_HOST", "10.0.0.1"),
        ("SIGNET_CLIENT_SECRET", "s"),
        ("SERVER__LISTEN", "x"),
    ];
    assert!(load("", &variables).is_ok());
}

#[test]
fn the_key_encryption_key_comes_from_a_file_or_the_environment() {
    let secret = [("SIGNET_KEYS__ENCRYPTION_KEY", "AAAA")];
    let EncryptionKey::Text(text) = load("", &secret).ok().unwrap().config.keys.encryption_key else {
        panic!()
    };
    assert_eq!(*text, "AAAA");
    let config = good("[keys]\nencryption_key_file = \"kek\"");
    assert!(matches!(config.keys.encryption_key, EncryptionKey::File(path) if path == Path::new("kek")));
    let both = refused("[keys]\nencryption_key_file = \"kek\"", &secret);
    assert!(both.starts_with("keys.encryption_key_file: SIGNET_KEYS__ENCRYPTION_KEY"), "{both}");
    let public = "[server]\nlisten = \"0.0.0.0:80\"\npublic_url = \"https://auth.example\"";
    assert!(load(public, &secret).is_ok());
}

#[test]
fn bad_files_are_refused_with_the_key_the_reason_and_the_source() {
    let refusals: Vec<String> =
        BAD_FILES.iter().map(|text| format!("{text}\n    {}", refused(text, &[]))).collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
}

const BAD_FILES: [&str; 41] = [
    "[server]\nlisten = ",
    "port = 1",
    "[server]\nport = 1",
    "[servers]\nlisten = \"127.0.0.1:1\"",
    "[server]\nlisten = 8080",
    "[server]\nlisten = \"8080\"",
    "[server]\nlisten = \"0.0.0.0:8080\"",
    "[server]\nlisten = \"0.0.0.0:8080\"\nallow_plain_http = true",
    "[server]\nworkers = 0",
    "[server]\nworkers = -1",
    "[server]\npublic_url = \"auth.example\"",
    "[server]\ntrusted_proxies = [\"proxy\"]",
    "[server.tls]\ncertificate = \"a.pem\"",
    "[issuer]\nurl = \"https://a/?b\"",
    "[tokens]\naccess_ttl = 300",
    "[tokens]\naccess_ttl = \"5 lightyears\"",
    "[tokens]\naccess_ttl = \"119s\"",
    "[tokens]\nleeway = \"6m\"",
    "[tokens]\nmax_bytes = 9000",
    "[tokens]\naudiences = [\"a\", \"a\"]",
    "[tokens]\nrevocable_claims = [\"sub\"]",
    "[refresh]\nwindow = \"999ms\"",
    "[refresh]\nidle_ttl = \"31d\"",
    "[refresh]\nidle_ttl = \"1m\"",
    "[refresh]\nmax_degraded = \"15d\"",
    "[refresh]\non_theft = \"panic\"",
    "[keys]\nencryption_key = \"AAAA\"",
    "[keys]\nalgorithms = [\"HS256\"]",
    "[keys]\nalgorithms = []",
    "[store]\nurl = \"redis://user:hunter2@cache:6379\"",
    "[store]\nurl = \"redis+sentinel://a:26379/signet\"",
    "[store]\nurl = \"postgres://a\"",
    "[store]\nreplicas = 0",
    "[store]\nallow = [\"everything\"]",
    "[revocation]\nmax_skew = \"2h\"",
    "[[forward_auth]]\naudience = \"api\"",
    "[[forward_auth]]\nprofile = \"admin\"\nissuer = \"x\"",
    "[[clients]]\nid = \"web\"\npublic = true\nsecret = \"hunter2\"",
    "[[clients]]\npublic = true",
    "[[clients]]\nid = \"web app\"\npublic = true",
    "[[clients]]\nid = \"web\"\npublic = true\n[[clients]]\nid = \"web\"\npublic = true",
];

#[test]
fn a_key_schedule_that_cannot_hold_is_refused() {
    for keys in ["publish_ahead = \"1s\"", "rotate_every = \"1s\"", "jwks_max_age = \"30d\""] {
        let message = refused(&format!("[keys]\n{keys}"), &[]);
        assert!(message.starts_with("keys: ") && message.ends_with("(from signet.toml)"), "{message}");
    }
}

#[test]
fn bad_clients_are_refused_with_the_key_and_the_reason() {
    let refusals: Vec<String> = BAD_CLIENTS
        .iter()
        .map(|lines| format!("{lines}\n    {}", refused(&format!("[[clients]]\nid = \"web\"\n{lines}"), &[])))
        .collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
}

const BAD_CLIENTS: [&str; 12] = [
    "",
    "public = false",
    "public = true\nsecret_file = \"x\"",
    "jwks = \"keys.json\"",
    "secret_sha256 = \"hunter2\"",
    "secret_file = \"no/such/file\"",
    "public = true\npermissions = [\"sessions:everything\"]",
    "public = true\npermissions = [\"sessions:issue\"]",
    "public = true\nscopes = [\"a b\", \"b\"]",
    "public = true\naudiences = [\"\"]",
    "public = true\nmax_access_ttl = \"1m\"",
    "public = true\nalgorithm = \"EdDSA\"",
];

#[test]
fn bad_profiles_are_refused_with_the_key_and_the_reason() {
    let refusals: Vec<String> = BAD_PROFILES
        .iter()
        .map(|lines| {
            format!(
                "{lines}\n    {}",
                refused(&format!("[[forward_auth]]\nprofile = \"admin\"\n{lines}"), &[])
            )
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
}

const BAD_PROFILES: [&str; 10] = [
    "audience = \"\"",
    "audience = [\"a\", \"b\"]",
    "scopes = \"read\"",
    "scopes = [\"read write\"]",
    "scopes = [\"read\", \"read\"]",
    "scopes = [\"\"]",
    "cookie = \"a b\"",
    "cookie = \"\"",
    "[[forward_auth]]\nprofile = \"admin\"",
    "[[forward_auth]]\nprofile = \"../admin\"",
];

#[test]
fn profiles_are_read_whole_and_default_exists_unless_it_is_configured() {
    let [default] = good("").forward_auth.try_into().unwrap();
    assert_eq!(default, ForwardAuthProfile::default());
    let text = "[tokens]\naudiences = [\"admin-api\"]\n[[forward_auth]]\nprofile = \"admin\"\naudience = \"admin-api\"\n\
                scopes = [\"read\", \"write\"]\ncookie = \"__Host-access\"\n";
    let config = good(text);
    let [admin, default] = config.forward_auth.try_into().unwrap();
    assert_eq!((admin.name.as_str(), admin.audience.as_deref()), ("admin", Some("admin-api")));
    assert_eq!(admin.scopes.unwrap().as_str(), "read write");
    assert_eq!(admin.cookie.unwrap().as_str(), "__Host-access");
    assert_eq!(default, ForwardAuthProfile::default());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let [strict] =
        good("[[forward_auth]]\nprofile = \"default\"\nscopes = [\"x\"]").forward_auth.try_into().unwrap();
    assert_eq!(strict.scopes.unwrap().as_str(), "x");
}

#[test]
fn a_profile_for_an_audience_that_nobody_may_ask_for_is_taken_with_a_warning() {
    let profile = "[[forward_auth]]\nprofile = \"admin\"\naudience = \"admin-api\"\n";
    let [warning] = good(profile).warnings.try_into().unwrap();
    assert!(warning.contains("profile admin") && warning.contains("\"admin-api\""), "{warning}");
    let client = "[[clients]]\nid = \"web\"\npublic = true\naudiences = [\"admin-api\"]";
    assert!(good(&format!("{profile}{client}")).warnings.is_empty());
}

#[test]
fn bad_variables_are_refused_by_their_name() {
    let refusals: Vec<String> = BAD_VARIABLES
        .iter()
        .map(|(name, value)| format!("{name}={value}\n    {}", refused("", &[(name, value)])))
        .collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
}

const BAD_VARIABLES: [(&str, &str); 9] = [
    ("SIGNET_SERVER__LISTEN", "here"),
    ("SIGNET_SERVER__WORKERS", "many"),
    ("SIGNET_SERVER__PORT", "8080"),
    ("SIGNET_SERVER_LISTEN", "127.0.0.1:80"),
    ("SIGNET_NOTHING__AT_ALL", "1"),
    ("SIGNET_TOKENS__ACCESS_TTL", "300"),
    ("SIGNET_KEYS__ALGORITHMS", "[ES256]"),
    ("SIGNET_CLIENTS__WEB__ID", "web"),
    ("SIGNET_STORE__URL", "redis://u:hunter2@c"),
];

#[test]
fn no_error_repeats_a_password() {
    for text in BAD_FILES.iter().chain(&["[store]\nurl = \"redis://user:hunter2@cache", "x = \"hunter2"]) {
        assert!(!refused(text, &[]).contains("hunter2"), "{text}");
    }
    assert!(!refused("[[clients]]\nid = \"web\"\nsecret_sha256 = \"hunter2\"", &[]).contains("hunter2"));
}

#[test]
fn a_missing_file_is_named() {
    let none = Environment::default();
    let Err(error) = Config::load(Some(Path::new("no/such.toml")), &none) else { panic!("accepted") };
    assert!(error.to_string().starts_with("no/such.toml: cannot be read"), "{error}");
}

#[test]
fn a_client_is_read_whole() {
    let config = good(
        "[[clients]]\nid = \"web\"\nsecret_sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n\
         permissions = [\"sessions:issue\"]\naudiences = [\"api\"]\nscopes = [\"read\", \"write\"]\n\
         max_access_ttl = \"10m\"\nalgorithm = \"ES256\"",
    );
    let [client] = config.clients.as_slice() else { panic!("one client") };
    assert!(client.credential.accepts("test") && !client.credential.accepts("Test"));
    assert!(client.permissions.iter().eq([&Permission::SessionsIssue]));
    assert_eq!(client.scopes.as_ref().unwrap().as_str(), "read write");
    assert_eq!(client.algorithm, Some(Algorithm::Es256));
    assert_eq!(config.tokens.longest_access_ttl, Duration::from_mins(10));
    assert_eq!(config.keys.schedule.longest_access_ttl, Duration::from_mins(10));
}

#[test]
fn a_secret_file_is_read_without_its_line_end() {
    let file = File::new("correct horse battery staple\n");
    let config = good(&format!("[[clients]]\nid = \"web\"\nsecret_file = {:?}", file.path()));
    let credential = &config.clients.first().unwrap().credential;
    assert!(credential.accepts("correct horse battery staple"));
    assert!(matches!(credential, Credential::SecretSha256(_)));
    for (mode, warned) in [(0o644, 1), (0o640, 0), (0o600, 0)] {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let warnings = good(&format!("[[clients]]\nid = \"web\"\nsecret_file = {:?}", file.path())).warnings;
        assert_eq!(warnings.len(), warned, "{mode:o}: {warnings:?}");
    }
    let short = File::new("hunter2\n");
    let message = refused(&format!("[[clients]]\nid = \"web\"\nsecret_file = {:?}", short.path()), &[]);
    assert!(message.contains("at least 16 characters"), "{message}");
}

#[test]
fn an_http_issuer_is_taken_with_a_warning() {
    let config = good("[issuer]\nurl = \"http://issuer.test/\"");
    assert_eq!(config.tokens.issuer.as_str(), "http://issuer.test/");
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn the_effective_configuration_prints_as_toml_that_reads_back_without_secrets() {
    let secret = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let text =
        format!("[tokens]\naccess_ttl = \"7m\"\n[[clients]]\nid = \"web\"\nsecret_sha256 = \"{secret}\"");
    let printed = load(&text, &[]).ok().unwrap().raw.to_toml().unwrap();
    assert!(!printed.contains(secret));
    assert!(printed.contains("access_ttl = \"7m\""), "{printed}");
    assert_eq!(toml_to_raw(&printed).clients.len(), 1);
}
