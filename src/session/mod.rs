//! The domain: issue, refresh, revoke, introspect. No web server, no runtime, no files, no clock reads.

mod access;
mod forward_auth;
mod grant;
mod history;
mod introspect;
mod issue;
mod keep;
mod lineage;
mod policy;
mod refresh;
mod refresh_request;
pub mod register;
mod revocation_request;
mod revoke;
mod revoke_key;
mod sealed;
mod theft;

pub use forward_auth::{CookieName, ForwardAuthProfile, NameError, ProfileName};
pub use grant::{CustomClaims, CustomClaimsError, Grant, TokenPair};
pub use introspect::{IntrospectionResponse, Introspector};
pub use issue::{IssueError, IssueRequest, Issuer, WINDOWS_PER_ACCESS_TTL};
pub use policy::{
    Client, ClientRegistry, Credential, OnTheft, Permission, RefreshPolicy, RevocationPolicy, TokenPolicy,
    WhenStoreDown,
};
pub use refresh::{Refresher, RefresherParts};
pub use refresh_request::{RefreshCaller, RefreshError, RefreshRequest, Seen};
pub use revocation_request::{Delivery, RevocationRequest, RevokeError, Revoked};
pub use revoke::{Revoker, RevokerParts};
pub use sealed::{RefreshBinding, SealedError, SealedSession, TokenSealer};
