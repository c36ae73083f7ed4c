//! `signet serve`: starting where it cannot, and ending.

use crate::program::Place;

#[test]
fn both_polite_signals_end_it_cleanly() {
    let place = Place::new();
    for signal in ["-TERM", "-INT"] {
        assert_eq!(place.serve().stop(signal), Some(0), "{signal}");
    }
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_made() {
    let place = Place::new();
    let address = place.url().trim_start_matches("http://").to_owned();
    let _taken = std::net::TcpListener::bind(&address).unwrap();
    place.run(&["serve"]).refused(1, &address);
    assert!(!place.path("keys").exists() && !place.path("data/signet.redb").exists());
}

#[test]
fn a_second_process_is_refused_the_directory() {
    let mut place = Place::new();
    let _first = place.serve();
    place.set("SIGNET_SERVER__LISTEN", "127.0.0.1:0");
    place.run(&["serve"]).refused(1, "in use");
    place.set("SIGNET_KEYS__DIRECTORY", "other-keys");
    place.run(&["serve"]).refused(1, "store.url");
}

#[test]
fn what_is_damaged_is_named_and_left_alone() {
    let place = Place::new();
    drop(place.serve());
    let ring = place.read("keys/ring.json");
    place.write("keys/ring.json", &ring.replace("\"format\": 1", "\"format\": 2"));
    place.run(&["serve"]).refused(1, "keys/ring.json");
    place.run(&["keys", "list"]).refused(1, "keys/ring.json");
    place.write("keys/ring.json", &ring);
    drop(place.serve());
    std::fs::write(place.path("data/signet.redb"), b"no database").unwrap();
    place.run(&["serve"]).refused(1, "data/signet.redb");
    assert_eq!(place.read("data/signet.redb"), "no database");
    place.write("data/dev-client-secret", "short");
    place.run(&["serve"]).refused(1, "data/dev-client-secret");
}
