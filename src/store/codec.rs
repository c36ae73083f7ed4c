//! How registers and cutoffs are written down. Every form begins with its version, and a version that is not known is an
//! error, never skipped: a cutoff that cannot be read may be the one that denies.

use std::ops::Range;

use signet_verifier::{Cutoff, Effect, Scope, ScopeKind, UnixMs};

use crate::session::register::Register;

/// What is stored is not what this program writes; the text says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

/// The form of entries that this program writes.
const CUTOFF_VERSION: u8 = 1;

/// The bytes of an entry: the version, then JSON. These bytes are what the log's chain is computed over.
pub(super) fn encode_cutoff(cutoff: &Cutoff) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = vec![CUTOFF_VERSION];
    serde_json::to_writer(&mut bytes, cutoff).map_err(|_| Unreadable("a cutoff that JSON cannot express"))?;
    Ok(bytes)
}

/// Reads [`encode_cutoff`]'s bytes.
pub(super) fn decode_cutoff(bytes: &[u8]) -> Result<Cutoff, Unreadable> {
    match bytes {
        [CUTOFF_VERSION, json @ ..] => {
            serde_json::from_slice(json).map_err(|_| Unreadable("a damaged cutoff"))
        }
        [_, ..] => Err(Unreadable("a cutoff of an unknown version")),
        [] => Err(Unreadable("an empty cutoff")),
    }
}

/// A key under which everything of one scope lies together: kind, then each part of the value behind its length, so that
/// no scope's key is the beginning of another's.
pub(super) fn scope_key(scope: &Scope) -> Vec<u8> {
    let mut key = vec![kind_byte(scope.kind())];
    match scope {
        Scope::Jti(id) => push_part(&mut key, id.as_bytes()),
        Scope::Sid(id) => push_part(&mut key, id.as_bytes()),
        Scope::Sub(subject) => push_part(&mut key, subject.as_str().as_bytes()),
        Scope::ClientId(client) => push_part(&mut key, client.as_str().as_bytes()),
        Scope::Aud(audience) => push_part(&mut key, audience.as_bytes()),
        Scope::Kid(kid) => push_part(&mut key, kid.as_str().as_bytes()),
        Scope::Claim { name, value } => {
            push_part(&mut key, name.as_bytes());
            push_part(&mut key, value.as_bytes());
        }
        Scope::All => {}
    }
    key
}

/// The key of a merged cutoff: its scope's, then the effect, then the kept id: what `CutoffKey` holds.
pub(super) fn cutoff_key(cutoff: &Cutoff) -> Vec<u8> {
    let mut key = scope_key(&cutoff.scope);
    key.push(match cutoff.effect {
        Effect::Logout => 0,
        Effect::Refresh => 1,
    });
    key.extend(cutoff.kept.iter().flatten());
    key
}

/// Past every [`cutoff_key`] of the scope with this key, and before every other.
pub(super) fn scope_key_end(scope_key: &[u8]) -> Vec<u8> {
    let mut end = scope_key.to_vec();
    end.push(u8::MAX);
    end
}

/// Around every [`cutoff_key`] of a `kid`, and no other.
pub(super) fn keys_of_kids() -> Range<[u8; 1]> {
    let kid = kind_byte(ScopeKind::Kid);
    [kid]..[kid + 1]
}

/// A register and when it may be forgotten, in at most 64 bytes: what [`Register::to_bytes`] gives, then the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RegisterRecord {
    pub(super) register: Register,
    pub(super) expires: ExpiryHour,
}

impl RegisterRecord {
    pub(super) const BYTES: usize = Register::BYTES + 3;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let [_, hour @ ..] = self.expires.0.to_be_bytes();
        let register = self.register.to_bytes();
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(register.iter().chain(&hour)).for_each(|(to, from)| *to = *from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let unreadable = Unreadable("a damaged register");
        let (register, [a, b, c]) = bytes.split_last_chunk().ok_or(unreadable)?;
        let register = Register::from_bytes(register).ok_or(unreadable)?;
        Ok(Self { register, expires: ExpiryHour(u32::from_be_bytes([0, *a, *b, *c])) })
    }
}

// Promise P1: a session costs the store at most 64 bytes of value.
const _: () = assert!(RegisterRecord::BYTES <= 64);

/// The first full hour at which a register may be forgotten: 3 bytes instead of 8, and a session that refreshes every few
/// minutes moves in the index of expiries once an hour. To keep it up to an hour longer harms nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExpiryHour(u32);

impl ExpiryHour {
    const MILLIS: u64 = 3_600_000;
    /// The year 3883. Whatever expires later is kept until then.
    const LAST: u32 = 0x00ff_ffff;

    /// Rounded up, so that nothing is forgotten early.
    pub(super) fn of(expires_at: UnixMs) -> Self {
        let hour = expires_at.as_millis().div_ceil(Self::MILLIS);
        Self(u32::try_from(hour).map_or(Self::LAST, |hour| hour.min(Self::LAST)))
    }

    /// The latest one that has passed by `now`.
    pub(super) fn passed_by(now: UnixMs) -> Self {
        let hour = now.as_millis() / Self::MILLIS;
        Self(u32::try_from(hour).map_or(Self::LAST, |hour| hour.min(Self::LAST)))
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Stored, so these numbers stay.
fn kind_byte(kind: ScopeKind) -> u8 {
    match kind {
        ScopeKind::Jti => 1,
        ScopeKind::Sid => 2,
        ScopeKind::Sub => 3,
        ScopeKind::ClientId => 4,
        ScopeKind::Aud => 5,
        ScopeKind::Kid => 6,
        ScopeKind::Claim => 7,
        ScopeKind::All => 8,
    }
}

fn push_part(key: &mut Vec<u8>, part: &[u8]) {
    // Request bodies end at 64 KiB, so a length fits; a longer text would only share its key's length with others of
    // that size, and still differ in its bytes.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    key.extend(length.to_be_bytes());
    key.extend(part);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use signet_verifier::{ClientId, KeyId, SessionId, Subject, TokenId};

    use super::*;
    use crate::session::register::Presented;

    fn cutoff(scope: Scope) -> Cutoff {
        Cutoff {
            scope,
            effect: Effect::Logout,
            issued_before: UnixMs::from_millis(1),
            made_at: UnixMs::default(),
            expires_at: UnixMs::from_millis(2),
            reason: None,
            kept: None,
            claims: BTreeMap::new(),
        }
    }

    fn one_of_each_scope() -> Vec<Scope> {
        let at = UnixMs::from_millis(5);
        vec![
            Scope::Jti(TokenId::new(at, &[1; 10])),
            Scope::Sid(SessionId::new(at, &[1; 10])),
            Scope::Sub(Subject::parse("a").unwrap()),
            Scope::Sub(Subject::parse("ab").unwrap()),
            Scope::ClientId(ClientId::parse("a").unwrap()),
            Scope::Aud("a".into()),
            Scope::Kid(KeyId::parse("a").unwrap()),
            Scope::Claim { name: "a".into(), value: "bc".into() },
            Scope::Claim { name: "ab".into(), value: "c".into() },
            Scope::All,
        ]
    }

    #[test]
    fn a_cutoff_of_every_scope_comes_back_as_it_was() {
        for scope in one_of_each_scope() {
            let cutoff = Cutoff { kept: Some([7; 16]), effect: Effect::Refresh, ..cutoff(scope) };
            assert_eq!(decode_cutoff(&encode_cutoff(&cutoff).unwrap()), Ok(cutoff));
        }
    }

    #[test]
    fn another_version_and_damage_are_errors_and_not_skipped() {
        let mut bytes = encode_cutoff(&cutoff(Scope::All)).unwrap();
        bytes[0] = 2;
        assert_eq!(decode_cutoff(&bytes), Err(Unreadable("a cutoff of an unknown version")));
        bytes[0] = 1;
        bytes.pop();
        assert_eq!(decode_cutoff(&bytes), Err(Unreadable("a damaged cutoff")));
        assert_eq!(decode_cutoff(&[]), Err(Unreadable("an empty cutoff")));
        assert_eq!(RegisterRecord::from_bytes(&[0; 2]), Err(Unreadable("a damaged register")));
    }

    #[test]
    fn the_keys_of_one_scope_lie_together_and_apart_from_all_others() {
        let scopes = one_of_each_scope();
        for mine in &scopes {
            let range = scope_key(mine)..scope_key_end(&scope_key(mine));
            for theirs in &scopes {
                for effect in [Effect::Logout, Effect::Refresh] {
                    for kept in [None, Some([0; 16]), Some([0xff; 16])] {
                        let key = cutoff_key(&Cutoff { effect, kept, ..cutoff(theirs.clone()) });
                        assert_eq!(range.contains(&key), mine == theirs, "{mine:?} {theirs:?}");
                        let kids = keys_of_kids();
                        let in_kids = (kids.start.as_slice()..kids.end.as_slice()).contains(&key.as_slice());
                        assert_eq!(in_kids, matches!(theirs, Scope::Kid(_)), "{theirs:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_register_takes_at_most_64_bytes_and_is_not_forgotten_early() {
        let presented =
            Presented { generation: u32::MAX, id: [1; 16], parent: [2; 16], minted: UnixMs::from_millis(3) };
        let at = UnixMs::from_millis(1_795_000_000_000);
        let register = Register { current: presented, at, since: at, remints: 9, contested: 48, noisy: true };
        let record = RegisterRecord { register, expires: ExpiryHour::of(at) };
        assert!(record.to_bytes().len() <= 64);
        assert_eq!(RegisterRecord::from_bytes(&record.to_bytes()), Ok(record));

        let hour = UnixMs::from_millis(ExpiryHour::MILLIS * 10);
        assert!(ExpiryHour::of(hour) <= ExpiryHour::passed_by(hour));
        let later = UnixMs::from_millis(hour.as_millis() + 1);
        assert!(ExpiryHour::of(later) > ExpiryHour::passed_by(later));
        assert_eq!(ExpiryHour::of(UnixMs::from_millis(u64::MAX)).number(), ExpiryHour::LAST);
    }
}
