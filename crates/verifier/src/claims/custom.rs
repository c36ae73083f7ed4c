//! The custom claims as a caller's type reads them.

use serde::Deserializer;
use serde::de::Visitor;
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// The custom claims on their way into a caller's type. Who wants none of them (`()`) is content with any.
pub(crate) struct CustomClaims(pub(crate) Map<String, Value>);

impl<'de> Deserializer<'de> for CustomClaims {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        Value::Object(self.0).deserialize_any(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        Value::Object(self.0).deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        Value::Object(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Tenant {
        tenant: String,
    }

    fn read<T: for<'de> Deserialize<'de>>(claims: Value) -> Option<T> {
        let Value::Object(map) = claims else { panic!("an object") };
        T::deserialize(CustomClaims(map)).ok()
    }

    #[test]
    fn who_wants_no_custom_claims_takes_any() {
        assert_eq!(read::<()>(json!({})), Some(()));
        assert_eq!(read::<()>(json!({"tenant": "acme"})), Some(()));
    }

    #[test]
    fn a_struct_reads_its_own_and_misses_what_is_not_there() {
        let acme = Tenant { tenant: "acme".into() };
        assert_eq!(read::<Tenant>(json!({"tenant": "acme", "more": 1})), Some(acme));
        assert_eq!(read::<Tenant>(json!({"more": 1})), None);
        assert_eq!(read::<Tenant>(json!({"tenant": 7})), None);
    }

    #[test]
    fn maps_and_wrappers_read_all_of_them() {
        let all = json!({"tenant": "acme"});
        assert_eq!(read::<Map<String, Value>>(all.clone()), all.as_object().cloned());
        assert_eq!(read::<Option<Value>>(all.clone()), Some(Some(all)));
    }
}
