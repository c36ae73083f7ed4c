//! The strict reader of a payload: every claim once, of its type, or refused by name.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{Audience, Claims, ClaimsError, NumericDate, ScopeTokens};
use crate::id::{ClientId, IssuerUrl, SessionId, Subject, TokenId};
use crate::json::{Fault, Name, Strict};

/// Reads a payload; see [`Claims::parse`].
pub(super) fn parse(bytes: &[u8]) -> Result<Claims, ClaimsError> {
    let fault = Cell::new(Fault::Syntax);
    let member = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let raw = RawSeed { fault: &fault, member: &member }.deserialize(&mut deserializer);
    let raw = raw.and_then(|raw| deserializer.end().map(|()| raw)).map_err(|error| {
        match (fault.get(), member.get()) {
            (Fault::Duplicate, _) => ClaimsError::Duplicate,
            (Fault::Syntax, Some(name)) if error.is_data() => ClaimsError::Invalid(name),
            (Fault::Syntax, _) => ClaimsError::Malformed,
        }
    })?;
    raw.into_claims()
}

/// Claims as found, none required yet.
#[derive(Default)]
struct RawClaims {
    iss: Option<IssuerUrl>,
    sub: Option<Subject>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<TokenId>,
    sid: Option<SessionId>,
    client_id: Option<ClientId>,
    scope: Option<ScopeTokens>,
    auth_time: Option<NumericDate>,
    amr: Option<Vec<String>>,
    acr: Option<String>,
    cnf: Option<Map<String, Value>>,
    custom: Map<String, Value>,
}

impl RawClaims {
    fn into_claims(self) -> Result<Claims, ClaimsError> {
        Ok(Claims {
            iss: self.iss.ok_or(ClaimsError::Missing("iss"))?,
            sub: self.sub.ok_or(ClaimsError::Missing("sub"))?,
            aud: self.aud.ok_or(ClaimsError::Missing("aud"))?,
            exp: self.exp.ok_or(ClaimsError::Missing("exp"))?,
            iat: self.iat.ok_or(ClaimsError::Missing("iat"))?,
            jti: self.jti.ok_or(ClaimsError::Missing("jti"))?,
            client_id: self.client_id.ok_or(ClaimsError::Missing("client_id"))?,
            sid: self.sid,
            scope: self.scope,
            auth_time: self.auth_time,
            amr: self.amr,
            acr: self.acr,
            cnf: self.cnf,
            custom: self.custom,
        })
    }
}

struct RawSeed<'a> {
    fault: &'a Cell<Fault>,
    /// The registered claim being read, for the error.
    member: &'a Cell<Option<&'static str>>,
}

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = RawClaims;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawClaims, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = RawClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawClaims, A::Error> {
        let mut raw = RawClaims::default();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match &*name.0 {
                "iss" => self.take("iss", &mut map, &mut raw.iss)?,
                "sub" => self.take("sub", &mut map, &mut raw.sub)?,
                "aud" => self.take("aud", &mut map, &mut raw.aud)?,
                "exp" => self.take_date("exp", &mut map, &mut raw.exp)?,
                "iat" => self.take_date("iat", &mut map, &mut raw.iat)?,
                "jti" => self.take("jti", &mut map, &mut raw.jti)?,
                "sid" => self.take("sid", &mut map, &mut raw.sid)?,
                "client_id" => self.take("client_id", &mut map, &mut raw.client_id)?,
                "scope" => self.take("scope", &mut map, &mut raw.scope)?,
                "auth_time" => self.take_date("auth_time", &mut map, &mut raw.auth_time)?,
                "amr" => self.take("amr", &mut map, &mut raw.amr)?,
                "acr" => self.take("acr", &mut map, &mut raw.acr)?,
                "cnf" => self.take_cnf(&mut map, &mut raw.cnf)?,
                // Reserved, never issued: a token that carries one was not made here as it stands.
                "nbf" => return self.refuse("nbf", &mut map),
                custom => {
                    let custom = custom.to_owned();
                    let value = map.next_value_seed(Strict { fault: self.fault })?;
                    if raw.custom.insert(custom, value).is_some() {
                        return self.duplicate();
                    }
                }
            }
            self.member.set(None);
        }
        Ok(raw)
    }
}

impl RawSeed<'_> {
    fn take<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &self,
        name: &'static str,
        map: &mut A,
        slot: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return self.duplicate();
        }
        self.member.set(Some(name));
        *slot = Some(map.next_value()?);
        Ok(())
    }

    fn take_date<'de, A: MapAccess<'de>>(
        &self,
        name: &'static str,
        map: &mut A,
        slot: &mut Option<NumericDate>,
    ) -> Result<(), A::Error> {
        self.take(name, map, slot)?;
        if slot.is_some_and(|date| date > NumericDate::MAX) {
            return Err(A::Error::custom("date out of range"));
        }
        Ok(())
    }

    fn take_cnf<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        slot: &mut Option<Map<String, Value>>,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return self.duplicate();
        }
        self.member.set(Some("cnf"));
        match map.next_value_seed(Strict { fault: self.fault })? {
            Value::Object(members) => *slot = Some(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(A::Error::custom("not an object"));
            }
        }
        Ok(())
    }

    fn refuse<'de, A: MapAccess<'de>, T>(&self, name: &'static str, map: &mut A) -> Result<T, A::Error> {
        self.member.set(Some(name));
        map.next_value::<IgnoredAny>()?;
        Err(A::Error::custom("not accepted"))
    }

    fn duplicate<T, E: serde::de::Error>(&self) -> Result<T, E> {
        self.fault.set(Fault::Duplicate);
        Err(E::custom("duplicate member"))
    }
}
