//! `signet keys`.

use serde_json::Value;

use crate::program::Place;

/// 32 bytes.
const NEW_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";

fn kids(list: &Value, state: &str) -> Vec<String> {
    let keys =
        list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state && key["use"] == "sig");
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_ring_is_listed_with_and_without_a_service_and_changed_through_it() {
    let place = Place::new();
    place.run(&["keys", "list"]).refused(2, "keys: there is no key ring");
    let serving = place.serve();
    let list = place.json(&["keys", "list"]);
    assert_eq!((kids(&list, "active").len(), kids(&list, "pending").len()), (1, 1));
    place.run(&["keys", "rotate", "--now"]).refused(1, "standby_too_young");
    place.json(&["keys", "rotate", "--alg", "ES256"]);
    place.run(&["keys", "revoke", "nobody"]).refused(1, "unknown_key");
    let kid = &kids(&list, "active")[0];
    assert_eq!(place.json(&["keys", "revoke", kid, "--reason", "drill"])["status"], "durable");
    place.write("key.pem", include_str!("../api/fixtures/es256.pem"));
    place.run(&["keys", "import", "nothing.pem"]).refused(1, "nothing.pem");
    place.run(&["keys", "import", "key.pem", "--alg", "EdDSA"]).refused(1, "key.pem");
    let imported = place.json(&["keys", "import", "key.pem"]);
    assert!(imported.to_string().contains("iqPogphPsSYBzoCQVqQjSPcwxQaEsXJymARo8ZsCQm4"));
    assert_eq!(serving.stop("-INT"), Some(0));
    let list = place.json(&["keys", "list"]);
    assert_eq!(kids(&list, "compromised"), std::slice::from_ref(kid));
    assert!(place.run(&["keys", "list"]).worked().starts_with("KID "));
}

#[test]
fn a_resealed_directory_works_at_once_and_only_with_the_new_key() {
    let place = Place::new();
    drop(place.serve());
    let before = place.json(&["keys", "list"]);
    let (old_key, old_ring) = (place.read("keys/encryption.key"), place.read("keys/ring.json"));
    place.write("kek", NEW_KEY);
    let serving = place.serve();
    place.run(&["keys", "reseal", "--new-key-file", "kek"]).refused(1, "stop the service first");
    drop(serving);
    let said = place.run(&["keys", "reseal", "--new-key-file", "kek"]).worked();
    assert!(said.contains("Nothing is to be changed"), "{said}");
    assert_eq!(place.read("keys/encryption.key"), NEW_KEY);
    assert_eq!(place.json(&["keys", "list"])["keys"], before["keys"]);
    drop(place.serve());

    // A crash after the ring was written and before the key beside it was: the same command goes on.
    place.write("keys/encryption.key", &old_key);
    place.run(&["serve"]).refused(1, "keys/ring.json");
    place.run(&["keys", "reseal", "--new-key-file", "kek"]).worked();
    assert_eq!(place.json(&["keys", "list"])["keys"], before["keys"]);
    // And before the ring was.
    place.write("keys/encryption.key", &old_key);
    place.write("keys/ring.json", &old_ring);
    place.run(&["keys", "reseal", "--new-key-file", "kek"]).worked();
    drop(place.serve());
}

#[test]
fn where_the_key_is_elsewhere_resealing_says_what_is_to_be_changed() {
    let mut place = Place::new();
    place.write("old", &NEW_KEY.replace("MDEy", "MTIz"));
    place.write("kek", NEW_KEY);
    place.set("SIGNET_KEYS__ENCRYPTION_KEY_FILE", "old");
    drop(place.serve());
    let said = place.run(&["keys", "reseal", "--new-key-file", "kek"]).worked();
    assert!(said.contains("keys.encryption_key_file = \"kek\""), "{said}");
    assert!(!place.path("keys/encryption.key").exists());
    place.run(&["keys", "list"]).refused(1, "keys/ring.json");
    place.set("SIGNET_KEYS__ENCRYPTION_KEY_FILE", "kek");
    place.run(&["keys", "list"]).worked();
    place.write("kek", "short");
    place.run(&["serve"]).refused(1, "kek");
}

#[test]
fn a_reseal_that_cannot_be_makes_nothing() {
    let place = Place::new();
    place.write("kek", NEW_KEY);
    place.run(&["keys", "reseal", "--new-key-file", "kek"]).refused(2, "there is no key ring");
    assert!(!place.path("keys").exists());
}
