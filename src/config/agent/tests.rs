//! The agent's configuration as its users meet it.

use signet_verifier::WhenStale;

use super::*;
use crate::config::RawConfig;

const SECRET: (&str, &str) = ("SIGNET_AGENT__CLIENT_SECRET", "hunter2-hunter2-hunter2");

fn load(text: &str, variables: &[(&str, &str)]) -> Result<AgentConfig, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = AgentConfig::load(Some(&file), &variables.iter().copied().collect());
    loaded.map_err(|error| error.to_string().replace(&file.display().to_string(), "agent.toml"))
}

#[track_caller]
fn good(text: &str) -> AgentConfig {
    load(text, &[SECRET]).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(text: &str) -> String {
    load(text, &[SECRET]).err().unwrap_or_else(|| panic!("accepted: {text}"))
}

#[test]
fn the_example_file_is_the_defaults_and_shows_every_key() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/agent.toml");
    let sources = Sources::read::<RawAgentConfig>(Some(&example), &Environment::default());
    let raw: RawAgentConfig = sources.and_then(|sources| sources.raw()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(raw, RawAgentConfig::default());
    let text = std::fs::read_to_string(example).unwrap();
    for key in serde_json::to_value(RawAgent::default()).unwrap().as_object().unwrap().keys() {
        assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not shown");
    }
}

#[test]
fn the_commented_out_parts_of_the_example_are_names_that_exist() {
    let text = include_str!("../../../config/agent.toml");
    let is_code = |line: &str| line.starts_with('[') || line.split(' ').nth(1) == Some("=");
    let uncomment = |line| match str::strip_prefix(line, "# ") {
        Some(code) if is_code(code) => code,
        _ => line,
    };
    let lines = text.lines().map(uncomment).filter(|line| !line.starts_with("client_secret_file"));
    let uncommented: Vec<&str> = lines.collect();
    let config = good(&uncommented.join("\n"));
    assert!(config.service_url.is_some() && config.leeway.is_some());
    assert_eq!(config.forward_auth.len(), 2, "the example's, and the default");
}

#[test]
fn it_listens_on_its_own_machine_only() {
    let listen = |text: &str| good(&format!("agent.listen = \"{text}\"")).listen;
    assert_eq!(listen("127.0.0.1:1"), AgentListen::Loopback("127.0.0.1:1".parse().unwrap()));
    assert_eq!(listen("[::1]:1"), AgentListen::Loopback("[::1]:1".parse().unwrap()));
    assert_eq!(listen("unix:/run/signet/agent.sock"), AgentListen::Socket("/run/signet/agent.sock".into()));
    for bad in ["0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081", "8081", "unix:", "unix:/run/", "agent.sock"] {
        let message = refused(&format!("agent.listen = \"{bad}\""));
        assert!(message.starts_with("agent.listen: "), "{message}");
    }
}

#[test]
fn each_policy_has_its_word() {
    let when = |word: &str| {
        good(&format!("[agent]\nwhen_stale = \"{word}\"\nyounger_than = \"5s\"")).staleness.when_stale
    };
    assert_eq!(when("refuse"), WhenStale::Refuse);
    assert_eq!(when("introspect"), WhenStale::Introspect);
    assert_eq!(when("accept"), WhenStale::Accept);
    assert_eq!(when("accept_younger_than"), WhenStale::AcceptYoungerThan(Duration::from_secs(5)));
}

#[test]
fn what_is_wrong_is_named() {
    for (text, named) in [
        ("agent.issuer = \"auth.example\"", "agent.issuer: "),
        ("agent.service_url = \"https://u:p@a\"", "agent.service_url: "),
        ("agent.client_id = \"a b\"", "agent.client_id: "),
        ("agent.audiences = []", "agent.audiences: "),
        ("agent.audiences = [\"a\", \"a\"]", "agent.audiences: "),
        ("agent.max_staleness = \"0s\"", "agent.max_staleness: "),
        ("agent.max_staleness = \"2d\"", "agent.max_staleness: "),
        ("agent.max_staleness = 30", "agent.max_staleness: "),
        ("agent.when_stale = \"shrug\"", "agent.when_stale: "),
        ("agent.client_secret = \"hunter2\"", "agent.client_secret: unknown key"),
        ("server.listen = \"127.0.0.1:1\"", "server: unknown key"),
        ("[[forward_auth]]\nprofile = \"a b\"", "forward_auth.0.profile: "),
    ] {
        let message = refused(text);
        assert!(message.starts_with(named), "{text}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn the_secret_comes_from_a_file_or_the_environment_and_not_from_both() {
    assert_eq!(*good("").client_secret, SECRET.1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, "from the file\n").unwrap();
    let text = format!("agent.client_secret_file = {file:?}");
    assert_eq!(*load(&text, &[]).unwrap_or_else(|error| panic!("{error}")).client_secret, "from the file");
    let both = refused(&text);
    assert!(both.starts_with("agent.client_secret_file: SIGNET_AGENT__CLIENT_SECRET"), "{both}");
    std::fs::write(&file, "\n").unwrap();
    assert!(load(&text, &[]).err().unwrap().contains("is empty"));
    let none = load("agent.client_secret_file = \"no/such/file\"", &[]).err().unwrap();
    assert!(none.contains("no/such/file: cannot be read") && none.contains(SECRET.0), "{none}");
    let empty = load("", &[(SECRET.0, "")]).err().unwrap();
    assert!(empty.starts_with("agent.client_secret: "), "{empty}");
}

#[test]
fn one_environment_serves_both_programs() {
    let both = [SECRET, ("SIGNET_SERVER__LISTEN", "0.0.0.0:80"), ("SIGNET_AGENT__MAX_STALENESS", "5s")];
    let agent = load("", &both).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(agent.staleness.max_staleness, Duration::from_secs(5));
    let variables = [SECRET, ("SIGNET_AGENT__MAX_STALENESS", "5s"), ("SIGNET_SERVER__LISTEN", "[::1]:7")];
    let service = crate::config::Config::load(None, &variables.into_iter().collect());
    assert_eq!(service.unwrap_or_else(|error| panic!("{error}")).config.server.listen.port(), 7);
    for typo in ["SIGNET_AGENTS__LISTEN", "SIGNET_AGENT__LISTENS", "SIGNET_AGENT_LISTEN"] {
        assert!(load("", &[SECRET, (typo, "127.0.0.1:1")]).is_err(), "{typo}");
    }
}

#[test]
fn the_sections_that_are_left_alone_are_the_services() {
    let service = serde_json::to_value(RawConfig::default()).unwrap();
    let mut theirs: Vec<&str> = service.as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = <RawAgentConfig as crate::config::sources::Shape>::FOREIGN.to_vec();
    theirs.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, theirs);
}
