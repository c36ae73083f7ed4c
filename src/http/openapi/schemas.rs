//! Schemas of members that a type alone does not describe.

use signet_verifier::Algorithm;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, RefOr, Schema, SchemaFormat, Type,
};

/// A UUIDv7 in lower case.
pub(super) const UUID_V7: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
/// No control characters.
pub(super) const PLAIN: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";

/// `aud`: one text, or several distinct ones.
pub(crate) fn audience() -> RefOr<Schema> {
    let one = text(255, PLAIN);
    let several =
        ArrayBuilder::new().items(text(255, PLAIN)).min_items(Some(1)).max_items(Some(32)).unique_items(true);
    let description = "One audience, or a list of distinct ones";
    OneOfBuilder::new().item(one).item(several).item(null()).description(Some(description)).into()
}

/// `alg`: one of ours.
pub(crate) fn algorithm() -> RefOr<Schema> {
    let names = Algorithm::ALL.map(|algorithm| Some(algorithm.name())).into_iter().chain([None]);
    let kinds = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).enum_values(Some(names)).description(Some("An algorithm")).into()
}

/// `effect` of a revocation.
pub(crate) fn effect() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["logout", "refresh"]))
        .default(Some("logout".into()))
        .description(Some(
            "`logout` ends sessions; `refresh` denies access tokens only, and their holders refresh",
        ))
        .into()
}

/// `amr`: methods of authentication.
pub(crate) fn methods() -> RefOr<Schema> {
    let kinds = SchemaType::from_iter([Type::Array, Type::Null]);
    let items =
        ArrayBuilder::new().schema_type(kinds).items(text(128, PLAIN)).min_items(Some(1)).max_items(Some(16));
    items.description(Some("How the user authenticated (RFC 8176)")).into()
}

/// An instant: RFC 3339, or milliseconds since the epoch.
pub(crate) fn instant() -> RefOr<Schema> {
    let calendar = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let millis = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(100_000_000_000_u64))
        .maximum(Some(253_402_300_799_999_u64));
    let description = "RFC 3339, or milliseconds since the epoch; at most a configured skew ahead";
    OneOfBuilder::new().item(calendar).item(millis).item(null()).description(Some(description)).into()
}

/// `scope` of a revocation: exactly one member.
pub(crate) fn scope() -> RefOr<Schema> {
    let claim = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(Schema::from(text(255, PLAIN))))
        .min_properties(Some(1))
        .max_properties(Some(1));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Which tokens: those whose claim has the value. Exactly one member."))
        .property("jti", text(36, UUID_V7))
        .property("sid", text(36, UUID_V7))
        .property("sub", text(255, PLAIN))
        .property("client_id", text(128, "^[A-Za-z0-9._~-]+$"))
        .property("aud", text(255, PLAIN))
        .property("kid", text(128, "^[A-Za-z0-9_-]+$"))
        .property("claim", claim)
        .property("all", ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
        .min_properties(Some(1))
        .max_properties(Some(1))
        .into()
}

/// A text of so many bytes at most.
pub(super) fn text(max: usize, pattern: &str) -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    text.min_length(Some(1)).max_length(Some(max)).build()
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}
