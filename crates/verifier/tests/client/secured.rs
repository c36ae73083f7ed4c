//! TLS: the service is believed only if somebody trusted vouches for it, on this crate's own crypto backend.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as backend;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use signet_verifier::Verifier;

use crate::service::{KEYS, METADATA, SNAPSHOT, metadata, snapshot};
use crate::signer::{Signer, jwks};
use crate::stage::{NOW, counted, eventually};

const AUTHORITY: &[u8] = include_bytes!("../fixtures/authority.pem");

/// The least of a service, over TLS: an answer a connection. Returns its URL.
fn secured() -> String {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../fixtures/localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/localhost.key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(backend::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let answers = [
        (METADATA, metadata(&url).to_string().into_bytes()),
        (KEYS, jwks(&[&Signer::es256()])),
        (SNAPSHOT, snapshot(NOW, "c0", &[]).to_string().into_bytes()),
    ];
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // Who does not trust us hangs up.
            let _ = answer(StreamOwned::new(connection, socket), &answers);
        }
    });
    url
}

fn answer(
    mut stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    answers: &[(&str, Vec<u8>)],
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    while !bytes.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        if read == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let path = text.split(' ').nth(1).unwrap_or_default();
    let body = answers.iter().find(|(known, _)| *known == path).map_or(&[][..], |(_, body)| body);
    let status = if body.is_empty() { 404 } else { 200 };
    write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[tokio::test]
async fn a_service_that_a_trusted_authority_vouches_for_is_believed() {
    let url = secured();
    let verifier = Verifier::connect(&url).audience("api").trust_pem(AUTHORITY).spawn().unwrap();
    eventually("a snapshot", || verifier.staleness().is_some()).await;
    let everybodys = rustls::crypto::CryptoProvider::get_default();
    assert!(everybodys.is_none(), "the process's choice is the embedder's");
}

#[tokio::test]
async fn a_service_that_nobody_vouches_for_is_not_asked() {
    let verifier = Verifier::connect(&secured()).audience("api").spawn().unwrap();
    counted(&verifier, "two failures", |counters| counters.failed_requests >= 2).await;
    let counters = verifier.counters();
    assert_eq!((counters.key_fetches, counters.snapshots), (0, 0));
    assert_eq!(verifier.staleness(), None);
}
