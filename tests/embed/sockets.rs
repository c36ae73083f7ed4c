//! Where an agent listens: a Unix socket, and nowhere beyond its machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::agent_process::{Agent, configuration};
use crate::process::finished;
use crate::run;
use crate::service::Service;

#[test]
fn a_socket_answers_as_a_port_does() {
    run(async {
        let service = Service::started().await;
        let socket = service.path("agent.sock");
        let agent = Agent::on_socket(&service, &socket).await;
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
        let (token, session) = service.issue(json!({"sub": "user-1", "aud": "api"})).await;
        assert_eq!(agent.verify(&json!({"token": token})).await.status, 200);
        service.revoke(&session).await;
        agent.verify(&json!({"token": token})).await.expect(401, "invalid_token", Some("revoked"));
        assert!(agent.into_process().stop().success());
        assert!(!socket.exists(), "its file goes with it");
    });
}

#[test]
fn a_live_agents_socket_is_refused_and_a_dead_ones_is_taken_over() {
    run(async {
        let service = Service::started().await;
        let socket = service.path("agent.sock");
        let first = Agent::on_socket(&service, &socket).await;
        let second = finished(&["agent"], &service.path("agent.toml"));
        assert_eq!(second.status.code(), Some(1));
        let complaint = String::from_utf8(second.stderr).unwrap();
        assert!(
            complaint.contains("agent.listen: ") && complaint.contains("somebody listens"),
            "{complaint}"
        );
        assert_eq!(first.get("/livez").await.status, 200);
        first.into_process().kill();
        assert!(socket.exists(), "nobody tidied up");
        let third = Agent::on_socket(&service, &socket).await;
        assert_eq!(third.get("/readyz").await.status, 200);
    });
}

#[test]
fn an_agent_serves_its_own_machine_only() {
    let service = Service::prepared();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8081"] {
        let refused = finished(&["agent"], &configuration(&service, listen));
        assert_eq!(refused.status.code(), Some(2));
        let complaint = String::from_utf8(refused.stderr).unwrap();
        assert!(complaint.contains("agent.listen: "), "{complaint}");
    }
}

#[test]
fn credentials_do_not_cross_a_network_in_clear_text() {
    let service = Service::prepared();
    let file = configuration(&service, "127.0.0.1:0");
    let text = fs::read_to_string(&file).unwrap().replace(&service.url, "http://auth.example");
    fs::write(&file, text).unwrap();
    let refused = finished(&["agent"], &file);
    assert_eq!(refused.status.code(), Some(2));
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert!(complaint.contains("http://auth.example is plain http"), "{complaint}");
}
