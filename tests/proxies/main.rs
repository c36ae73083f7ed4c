//! Real proxies with the files under `deploy/`, a real service, and an application behind them: what reaches it, and what
//! does not, whatever a client sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod application;
mod client;
mod process;
mod proxy;
mod scenarios;
mod service;
mod traefik;

use std::future::Future;

/// Runs a test on a runtime of its own.
fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}

/// Each scenario through each proxy: a test each.
macro_rules! through_each_proxy {
    ($($scenario:ident)*) => {
        mod nginx {
            $(#[test] fn $scenario() { crate::run(crate::scenarios::$scenario(crate::proxy::Kind::Nginx)); })*
        }
        mod caddy {
            $(#[test] fn $scenario() { crate::run(crate::scenarios::$scenario(crate::proxy::Kind::Caddy)); })*
        }
        mod envoy {
            $(#[test] fn $scenario() { crate::run(crate::scenarios::$scenario(crate::proxy::Kind::Envoy)); })*
        }
    };
}

through_each_proxy! {
    a_good_token_passes_by_every_method_and_the_application_hears_who_it_is
    a_request_without_a_good_token_is_refused_and_the_application_never_hears_of_it
    a_token_that_allows_too_little_is_refused_with_the_scope_that_it_lacks
    a_revoked_session_is_refused_at_the_very_next_request
    the_cookie_of_the_profile_is_as_good_as_a_header
    what_a_client_says_of_itself_never_reaches_the_application
    a_client_cannot_take_away_what_the_service_said
    a_client_cannot_choose_what_is_required_of_it
    a_body_arrives_whole_and_an_upgraded_connection_stays_one
    without_the_service_nothing_passes_and_with_it_again_everything_does
}
