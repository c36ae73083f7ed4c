//! The domain: issue, refresh, revoke, introspect. No web server, no runtime, no files, no clock reads.

mod access;
mod grant;
mod history;
mod introspect;
mod issue;
mod lineage;
mod policy;
mod refresh;
pub mod register;
mod revoke;
mod sealed;

pub use grant::{CustomClaims, CustomClaimsError, Grant, TokenPair};
pub use introspect::{IntrospectionResponse, Introspector};
pub use issue::{IssueError, IssueRequest, Issuer, WINDOWS_PER_ACCESS_TTL};
pub use policy::{
    Client, ClientRegistry, Credential, OnTheft, Permission, RefreshPolicy, RevocationPolicy, TokenPolicy,
    WhenStoreDown,
};
pub use refresh::{RefreshCaller, RefreshError, RefreshRequest, Refresher, RefresherParts, Seen};
pub use revoke::{Delivery, RevocationRequest, RevokeError, Revoked, Revoker, RevokerParts};
pub use sealed::{RefreshBinding, RefreshTokenId, SealedError, SealedSession, TokenSealer};
