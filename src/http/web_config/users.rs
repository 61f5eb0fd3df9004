//! Basic authentication against bcrypt hashes. A comparison takes a tenth of a second of a processor on purpose, so
//! only one runs at a time, away from the threads that serve sockets, and what was found good is remembered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::HeaderValue;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::SupportedCipherSuite;
use tokio_rustls::rustls::crypto::hash::Hash;

use crate::tls::provider;

/// Names with passwords that are remembered as good.
const REMEMBERED: usize = 100;
/// Comparisons that wait for their turn; more are turned away.
const WAITING: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    Stranger,
    /// Too many others wait to be looked at.
    Busy,
}

pub(super) struct Doorkeeper {
    /// Fingerprints of what was found good, the oldest first. Passwords themselves are not kept.
    good: Mutex<VecDeque<Vec<u8>>>,
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
    hash: &'static dyn Hash,
    /// Makes fingerprints of one process worthless elsewhere.
    salt: [u8; 32],
}

/// Counts one that waits until it is dropped, also when its client goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl Doorkeeper {
    /// `None` where there is no randomness or no SHA-256 to be had, which no machine of ours is known to lack.
    pub fn new() -> Option<Doorkeeper> {
        let provider = provider();
        let mut salt = [0; 32];
        provider.secure_random.fill(&mut salt).ok()?;
        let hash = provider.cipher_suites.iter().find_map(|suite| match suite {
            SupportedCipherSuite::Tls13(suite) => Some(suite.common.hash_provider),
            SupportedCipherSuite::Tls12(_) => None,
        })?;
        Some(Doorkeeper {
            good: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
            hash,
            salt,
        })
    }

    /// Judges an `Authorization` header.
    pub async fn judge(&self, users: &BTreeMap<String, String>, header: Option<&HeaderValue>) -> Verdict {
        let Some((name, password)) = header.and_then(|value| credentials(value.as_bytes())) else {
            return Verdict::Stranger;
        };
        let own_hash = std::str::from_utf8(&name).ok().and_then(|name| users.get(name));
        // A stranger is compared as well, with the dearest hash that there is: how long the answer takes tells nobody
        // which names exist.
        let Some(hash) = own_hash.or_else(|| users.values().max_by_key(|hash| cost(hash))) else {
            return Verdict::Stranger;
        };
        let fingerprint = self.fingerprint(&name, hash, &password);
        if own_hash.is_some() && self.knows(&fingerprint) {
            return Verdict::Welcome;
        }
        let Some(_waiting) = Waiting::enter(&self.waiting) else { return Verdict::Busy };
        let Ok(turn) = self.turn.clone().acquire_owned().await else { return Verdict::Busy };
        if own_hash.is_some() && self.knows(&fingerprint) {
            return Verdict::Welcome;
        }
        let hash = hash.clone();
        let compare = move || {
            let is_good = bcrypt::verify(&password, &hash).unwrap_or(false);
            // Only now, even if the client is long gone: one comparison at a time.
            drop(turn);
            is_good
        };
        let is_good = tokio::task::spawn_blocking(compare).await.unwrap_or(false);
        if !is_good || own_hash.is_none() {
            return Verdict::Stranger;
        }
        self.remember(fingerprint);
        Verdict::Welcome
    }

    fn knows(&self, fingerprint: &[u8]) -> bool {
        self.good.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|good| good == fingerprint)
    }

    fn remember(&self, fingerprint: Vec<u8>) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() == REMEMBERED {
            good.pop_front();
        }
        good.push_back(fingerprint);
    }

    /// The hash is part of it, so a changed password makes what is remembered of the former one useless.
    fn fingerprint(&self, name: &[u8], hash: &str, password: &[u8]) -> Vec<u8> {
        let mut context = self.hash.start();
        context.update(&self.salt);
        for part in [name, hash.as_bytes(), password] {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        context.finish().as_ref().to_vec()
    }
}

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Waiting<'a>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a text is a bcrypt hash: `$2y$10$`, 22 characters of salt, 31 of hash.
pub(super) fn check_hash(hash: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = hash.split('$').collect();
    let is_of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    match parts[..] {
        ["", "2a" | "2b" | "2x" | "2y", cost, rest] if rest.len() == 53 && rest.bytes().all(is_of_alphabet) => {
            let is_possible = cost.len() == 2 && cost.parse().is_ok_and(|cost| (4..=31).contains(&cost));
            if is_possible { Ok(()) } else { Err("the cost of the bcrypt hash is not between 04 and 31") }
        }
        _ => Err("not a bcrypt hash"),
    }
}

fn cost(hash: &str) -> u32 {
    hash.split('$').nth(2).and_then(|cost| cost.parse().ok()).unwrap_or(0)
}

/// Name and password of `Basic <base64>`.
fn credentials(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut pair = decode_base64(encoded)?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let password = pair.split_off(colon + 1);
    pair.pop();
    Some((pair, password))
}

/// The standard alphabet with padding (RFC 4648 section 4), and nothing else.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the right form; of which password, nobody asks.
    const SESAME: &str = "$2b$04$abcdefghijklmnopqrstuuTYwnL8.WX7SSBjSlbNwKOF6aqsWqkRm";

    fn users(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, password)| ((*name).to_owned(), bcrypt::hash(password, 4).expect("hashed"))).collect()
    }

    fn header(text: &str) -> HeaderValue {
        text.parse().expect("a header")
    }

    #[test]
    fn credentials_are_cut_at_the_first_colon() {
        let pair = |text: &str| credentials(text.as_bytes());
        let owned = |name: &str, password: &str| Some((name.as_bytes().to_vec(), password.as_bytes().to_vec()));
        assert_eq!(pair("Basic YTpiOmM="), owned("a", "b:c"));
        assert_eq!(pair("bAsIc Og=="), owned("", ""));
        for text in
            ["", "Basic", "Basic YQ==", "Bearer YTpi", "Basic YTpiOmM", "Basic YT!i", "Basic  YTpi", "Basic ===="]
        {
            assert_eq!(pair(text), None, "{text}");
        }
    }

    #[test]
    fn only_bcrypt_hashes_are_hashes() {
        assert_eq!(check_hash(SESAME), Ok(()));
        for text in ["", "secret", "$1$10$abc", &SESAME[..59], &SESAME.replace("$04$", "$4$"), &format!("{SESAME}x")] {
            assert!(check_hash(text).is_err(), "{text}");
        }
        assert!(check_hash(&SESAME.replace("$04$", "$32$")).expect_err("too dear").contains("cost"));
    }

    #[tokio::test]
    async fn name_password_and_hash_have_to_agree() {
        let doorkeeper = Doorkeeper::new().expect("randomness");
        let known = users(&[("ali", "open sesame"), ("sam", "friend")]);
        let ali = header("Basic YWxpOm9wZW4gc2VzYW1l");
        assert_eq!(doorkeeper.judge(&known, Some(&ali)).await, Verdict::Welcome);
        assert_eq!(doorkeeper.judge(&known, Some(&ali)).await, Verdict::Welcome, "remembered");
        assert_eq!(doorkeeper.good.lock().expect("not poisoned").len(), 1);
        for stranger in [
            None,
            // ali:friend, eve:open sesame, eve:friend
            Some("Basic YWxpOmZyaWVuZA=="),
            Some("Basic ZXZlOm9wZW4gc2VzYW1l"),
            Some("Basic ZXZlOmZyaWVuZA=="),
            Some("Bearer x"),
        ] {
            assert_eq!(
                doorkeeper.judge(&known, stranger.map(header).as_ref()).await,
                Verdict::Stranger,
                "{stranger:?}"
            );
        }
        let changed = users(&[("ali", "other")]);
        assert_eq!(doorkeeper.judge(&changed, Some(&ali)).await, Verdict::Stranger, "the password has changed");
        assert_eq!(doorkeeper.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_remembered_and_who_may_wait_is_bounded() {
        let doorkeeper = Doorkeeper::new().expect("randomness");
        for number in 0..REMEMBERED + 10 {
            doorkeeper.remember(vec![number as u8]);
        }
        assert_eq!(doorkeeper.good.lock().expect("not poisoned").len(), REMEMBERED);
        let turn = doorkeeper.turn.clone().acquire_owned().await.expect("a turn");
        let held: Vec<_> = (0..WAITING).map(|_| Waiting::enter(&doorkeeper.waiting).expect("a place")).collect();
        let known = users(&[("ali", "open sesame")]);
        let ali = header("Basic YWxpOm9wZW4gc2VzYW1l");
        assert_eq!(doorkeeper.judge(&known, Some(&ali)).await, Verdict::Busy);
        drop((held, turn));
        assert_eq!(doorkeeper.judge(&known, Some(&ali)).await, Verdict::Welcome);
    }
}
