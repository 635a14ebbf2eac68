//! What a mail carries: the ticket of its link, and its code; and the handle that names the request to
//! who asked. All are derived from one sealed key and the row's id, so that a mail sent again after a crash carries
//! the same ones, and the database holds digests only.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use entity::verification::Purpose;
use uuid::Uuid;

use crate::secret::Secret;

/// How long a code lives, from handing the mail over (NIST SP 800-63B-4 section 3.1.3: at most 10 minutes).
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// After so many wrong tries the code is dead; the link lives.
pub const CODE_TRIES: i32 = 5;

/// How long a device that waits may redeem what the reader of the mail has handed to it.
pub const APPROVAL_LIFE: TimeDelta = TimeDelta::minutes(10);

/// How long the link of a mail lives.
pub fn link_life(purpose: Purpose) -> TimeDelta {
    match purpose {
        Purpose::SignUp | Purpose::EmailVerification | Purpose::EmailChange => TimeDelta::hours(24),
        Purpose::PasswordReset => TimeDelta::minutes(60),
        Purpose::EmailChangeUndo => TimeDelta::hours(72),
        Purpose::Invitation => TimeDelta::days(7),
    }
}

/// Whether a mail of this purpose holds a code beside its link.
pub fn has_code(purpose: Purpose) -> bool {
    !matches!(purpose, Purpose::EmailChangeUndo | Purpose::Invitation)
}

/// Crockford's base 32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Whether what a mail of this purpose proves can be handed to a device that waits: where redeeming opens a session and asks
/// for nothing else.
pub fn has_handoff(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::SignUp | Purpose::EmailVerification)
}

/// The numbers of a hand-off, each of two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// What the waiting device shows.
    pub number: i32,
    /// What the reader of the mail picks from: that number and two others, in an order that tells nothing.
    pub choices: [i32; 3],
}

/// The key that tickets, codes and handles are derived from.
#[derive(Clone)]
pub struct TicketKey(hmac::Key);

impl TicketKey {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The secret of the link: 256 bits that nobody without the key can tell from random ones.
    pub fn ticket(&self, id: Uuid) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.derive(b"ticket", id, 0)))
    }

    /// The name of the request, for its asker alone: 128 bits.
    pub fn handle(&self, id: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(&self.derive(b"handle", id, 0).as_ref()[..16])
    }

    /// What is typed instead of following the link; another one in every round. Six digits, or for a new password ten
    /// characters of Crockford's base 32 (50 bits).
    pub fn code(&self, purpose: Purpose, id: Uuid, round: i32) -> Secret {
        let tag = self.derive(b"code", id, round);
        let [a, b, c, d, e, f, g, h, ..] = *tag.as_ref() else {
            unreachable!("HMAC-SHA-256 has 32 octets");
        };
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Secret::new(match purpose {
            Purpose::PasswordReset => {
                let character =
                    |place: u32| char::from(ALPHABET[(number >> (5 * place)) as usize % 32]);
                (0..10).map(character).collect()
            }
            _ => format!("{:06}", number % 1_000_000),
        })
    }

    /// The numbers of a hand-off, by the handle: a handle that names nothing has some just as well, and always the same.
    pub fn handoff(&self, handle: &str) -> Handoff {
        let mut message = hmac::Context::with_key(&self.0);
        message.update(b"handoff ");
        message.update(handle.as_bytes());
        let tag = message.sign();
        let mut octets = tag.as_ref().chunks_exact(8);
        // 64 bits for each draw: what is left over after so small a division favours none that anybody could notice.
        let mut draw = |of: u64| {
            let octets = octets.next().and_then(|eight| eight.try_into().ok());
            u64::from_be_bytes(octets.unwrap_or_default()) % of
        };
        let mut pool: Vec<i32> = (10..=99).collect();
        let mut three = [0; 3];
        for (number, of) in three.iter_mut().zip([90, 89, 88]) {
            *number = pool.swap_remove(draw(of) as usize);
        }
        let [number, one, other] = three;
        let choices = match draw(6) {
            0 => [number, one, other],
            1 => [number, other, one],
            2 => [one, number, other],
            3 => [other, number, one],
            4 => [one, other, number],
            _ => [other, one, number],
        };
        Handoff { number, choices }
    }

    /// Compares a typed code in constant time. Spaces and hyphens that people type in between do not count, nor does case,
    /// and letters that look like digits are those digits.
    pub fn code_matches(&self, purpose: Purpose, id: Uuid, round: i32, typed: &str) -> bool {
        let typed: String = typed
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let expected = self.code(purpose, id, round);
        has_code(purpose)
            && constant_time::verify_slices_are_equal(
                expected.expose().as_bytes(),
                typed.as_bytes(),
            )
            .is_ok()
    }

    /// A place in a list, for a client to come back to: only we can have made it, and it is worth nothing in another list.
    pub fn cursor(&self, list: &str, id: Uuid) -> String {
        let mut octets = id.as_bytes().to_vec();
        octets.extend_from_slice(&self.cursor_tag(list, id).as_ref()[..8]);
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// The row that a cursor of this list names.
    pub fn cursor_row(&self, list: &str, cursor: &str) -> Option<Uuid> {
        let octets = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (id, tag) = octets.split_at_checked(16)?;
        let id = Uuid::from_slice(id).ok()?;
        let expected = self.cursor_tag(list, id);
        constant_time::verify_slices_are_equal(&expected.as_ref()[..8], tag)
            .is_ok()
            .then_some(id)
    }

    fn cursor_tag(&self, list: &str, id: Uuid) -> hmac::Tag {
        let mut message = hmac::Context::with_key(&self.0);
        message.update(b"cursor ");
        message.update(list.as_bytes());
        message.update(id.as_bytes());
        message.sign()
    }

    /// A mark by which we know what only we can have made; it is worth nothing under another label.
    pub fn mark(&self, label: &str, octets: &[u8]) -> [u8; 16] {
        let mut message = hmac::Context::with_key(&self.0);
        message.update(b"mark ");
        message.update(label.as_bytes());
        message.update(b" ");
        message.update(octets);
        let tag = message.sign();
        let (mark, _) = tag
            .as_ref()
            .split_first_chunk()
            .expect("HMAC-SHA-256 has 32 octets");
        *mark
    }

    /// Whether the mark is ours, in constant time.
    pub fn is_mark(&self, label: &str, octets: &[u8], mark: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.mark(label, octets), mark).is_ok()
    }

    fn derive(&self, label: &[u8], id: Uuid, round: i32) -> hmac::Tag {
        let mut message = hmac::Context::with_key(&self.0);
        message.update(label);
        message.update(id.as_bytes());
        message.update(&round.to_be_bytes());
        message.sign()
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey([redacted])")
    }
}

/// What the database keeps of a ticket, handle or refresh token. They carry at least 128 random bits, so that a plain
/// SHA-256 cannot be searched through.
pub fn digest_of(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes())
        .as_ref()
        .to_vec()
}

/// A digest as text, for the name of a counter: what is counted does not stand in it.
pub fn named_digest(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest_of(name))
}

/// Whether the verifier answers the challenge (RFC 7636 section 4.6, method S256). A challenge needs a verifier, and a
/// verifier without a challenge is refused too: someone has cut the challenge out of the request.
pub fn pkce_matches(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let computed = URL_SAFE_NO_PAD.encode(digest_of(verifier));
            constant_time::verify_slices_are_equal(computed.as_bytes(), challenge.as_bytes())
                .is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_stay_and_codes_change_with_the_round() {
        let key = TicketKey::new(&[7; 32]);
        let id = Uuid::from_u128(1);
        assert_eq!(key.ticket(id), key.ticket(id));
        assert_ne!(key.ticket(id), key.ticket(Uuid::from_u128(2)));
        assert_ne!(key.ticket(id).expose(), key.handle(id));
        let code = |purpose, round| key.code(purpose, id, round).expose().to_owned();
        assert_ne!(code(Purpose::SignUp, 1), code(Purpose::SignUp, 2));
        assert_eq!(code(Purpose::SignUp, 1).len(), 6);
        assert_eq!(code(Purpose::PasswordReset, 1).len(), 10);
    }

    #[test]
    fn a_code_may_be_typed_in_groups_and_in_lower_case() {
        let key = TicketKey::new(&[7; 32]);
        let id = Uuid::from_u128(1);
        for purpose in [Purpose::SignUp, Purpose::PasswordReset] {
            let code = key.code(purpose, id, 1).expose().to_lowercase();
            let (left, right) = code.split_at(3);
            assert!(key.code_matches(purpose, id, 1, &format!("{left} {right}")));
            assert!(!key.code_matches(purpose, id, 2, &code));
            assert!(!key.code_matches(purpose, id, 1, ""));
        }
    }

    #[test]
    fn the_numbers_of_a_hand_off_are_three_and_stay_and_tell_nothing_by_their_order() {
        let key = TicketKey::new(&[7; 32]);
        let (mut places, mut numbers) = ([0; 3], std::collections::BTreeSet::new());
        for id in 0..900 {
            let handle = key.handle(Uuid::from_u128(id));
            let Handoff { number, choices } = key.handoff(&handle);
            assert_eq!(key.handoff(&handle), Handoff { number, choices });
            let [a, b, c] = choices;
            assert!(a != b && b != c && a != c, "{choices:?}");
            assert!(choices.iter().all(|choice| (10..=99).contains(choice)));
            let place = choices.iter().position(|choice| *choice == number);
            places[place.expect("it is one of them")] += 1;
            numbers.insert(number);
        }
        assert!(places.iter().all(|times| *times > 250), "{places:?}");
        assert!(numbers.len() > 85, "{}", numbers.len());
        for handle in ["", "x", "\u{0}"] {
            let other = TicketKey::new(&[8; 32]).handoff(handle);
            assert_ne!(key.handoff(handle), other, "the key decides");
        }
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_and_no_octet_of_it_can_be_changed() {
        let key = TicketKey::new(&[7; 32]);
        let id = Uuid::from_u128(1);
        let cursor = key.cursor("users", id);
        assert_eq!(key.cursor_row("users", &cursor), Some(id));
        assert_eq!(key.cursor_row("tenants", &cursor), None);
        assert_eq!(TicketKey::new(&[8; 32]).cursor_row("users", &cursor), None);
        for at in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(key.cursor_row("users", &forged), None, "{forged}");
        }
        for forged in ["", "A", &cursor[1..], &format!("{cursor}A"), "' OR 1=1 --"] {
            assert_eq!(key.cursor_row("users", forged), None, "{forged}");
        }
    }

    #[test]
    fn the_verifier_of_rfc_7636_appendix_b_answers_its_challenge() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(pkce_matches(Some(challenge), Some(verifier)));
        assert!(!pkce_matches(Some(challenge), None));
        assert!(!pkce_matches(None, Some(verifier)));
        assert!(!pkce_matches(Some(challenge), Some("wrong")));
    }
}
