//! Passwords: which are taken, and how they are kept.
//!
//! Argon2id with the crate's defaults (19 MiB, two passes). Hashing takes a core and memory by intent, so that few run at a time, and
//! none for a name that nobody has: it takes as long as another by waiting. So whoever signs in does not wait for those who guess names.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use powercrud_engine::error::{Error, Result};

const SHORTEST: usize = 8;
const LONGEST: usize = 200;

/// How many passwords are hashed at a time.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What an unknown user's password is compared with, so that the answer takes as long. Of a random password that was thrown away.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$8VQ0kRrbJvzS7FRqDLZ/Cg$Wm8bTzVnVt1Gb7S0Qm4mWyqv0cYjv2bqSVOQ1m3n2Yo";

/// Whether `password` may be `name`'s.
///
/// # Errors
/// [`Error::Invalid`] at `password` says what is allowed.
pub(super) fn check(name: &str, password: &str) -> Result<()> {
    let length = password.chars().count();
    let refuse = |code, message: String| Err(Error::invalid("password", code, message));
    if length < SHORTEST {
        return refuse("TOO_SHORT", format!("a password needs at least {SHORTEST} characters; this one has {length}"));
    }
    if length > LONGEST {
        return refuse("TOO_LONG", format!("a password has at most {LONGEST} characters; this one has {length}"));
    }
    if password.to_lowercase() == name.to_lowercase() {
        return refuse("SAME_AS_NAME", "the password must not be the user's name".to_owned());
    }
    Ok(())
}

/// The hash to keep, in PHC form.
pub(super) async fn hash(password: &str) -> Result<String> {
    let password = password.to_owned();
    busy(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
        .await?
        .map_err(|error| Error::Internal(format!("the password can't be hashed: {error}")))
}

/// Whether `password` is the one that `hash` was made of; never where there is no hash, which takes as long to find out. Of those of the
/// same `turn` one is looked at after the other, whether there is a hash or not.
pub(super) async fn verify(turn: &str, password: &str, hash: Option<&str>) -> Result<bool> {
    let _turn = Turn::take(turn).await;
    if let (None, Some(took)) = (hash, any_lately()) {
        // In the same queue, but without a place in it.
        drop(HASHING.acquire().await);
        tokio::time::sleep(took).await;
        return Ok(false);
    }
    let known = hash.is_some();
    // No password is longer, in bytes.
    let password = if password.len() > 4 * LONGEST { String::new() } else { password.to_owned() };
    let hash = hash.unwrap_or(NOBODY).to_owned();
    let fits = busy(move || {
        let begun = Instant::now();
        let parsed = PasswordHash::new(&hash)?;
        let fits = Argon2::default().verify_password(password.as_bytes(), &parsed);
        note_lately(begun.elapsed());
        fits
    })
    .await?;
    Ok(known && fits.is_ok())
}

/// Runs what takes a core for a while, away from the requests. Its place is taken until it ends, also where nobody waits for it any more.
async fn busy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let permit = HASHING.acquire().await;
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Internal(format!("hashing a password was interrupted: {error}")))
}

/// How long the last passwords took.
static LATELY: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

/// So many of these are kept.
const KEPT: usize = 16;

fn note_lately(took: Duration) {
    let mut lately = lock(&LATELY);
    if lately.len() == KEPT {
        lately.remove(0);
    }
    lately.push(took);
}

/// How long one of the last took; `None` where none has been looked at yet.
fn any_lately() -> Option<Duration> {
    let lately = lock(&LATELY);
    lately.get(rand::random_range(0..lately.len().max(1))).copied()
}

type Turns = Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>;

static TURNS: std::sync::LazyLock<Turns> = std::sync::LazyLock::new(Turns::default);

/// Whose turn it is, of those of one name.
struct Turn {
    name: String,
    guard: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Turn {
    async fn take(name: &str) -> Self {
        // Before the wait, so that one who gives up waiting leaves nothing behind.
        let mut turn = Self { name: name.to_owned(), guard: None };
        let line = Arc::clone(lock(&TURNS).entry(name.to_owned()).or_default());
        turn.guard = Some(line.lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = lock(&TURNS);
        if turns.get(&self.name).is_some_and(|line| Arc::strong_count(line) == 1) {
            turns.remove(&self.name);
        }
    }
}

/// Nothing here is left half-done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_same_password_fits() {
        let kept = hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("ann", "correct horse", Some(&kept)).await.unwrap());
        assert!(!verify("ann", "Correct horse", Some(&kept)).await.unwrap());
        assert!(!verify("nobody", "correct horse", None).await.unwrap());
        assert!(lock(&TURNS).is_empty());
        assert_ne!(hash("correct horse").await.unwrap(), kept, "each has a salt of its own");
    }

    /// Else an unknown name would be answered at once.
    #[test]
    fn nobody_has_a_hash_that_takes_as_long() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let cost = |params: &argon2::Params| (params.m_cost(), params.t_cost(), params.p_cost());
        assert_eq!(cost(&argon2::Params::try_from(&nobody).unwrap()), cost(Argon2::default().params()));
        let error = Argon2::default().verify_password(b"x", &nobody).unwrap_err();
        assert_eq!(error.to_string(), argon2::password_hash::Error::PasswordInvalid.to_string());
    }

    #[test]
    fn what_is_no_password_is_refused_with_the_reason() {
        for (password, code) in [("short", "TOO_SHORT"), (&*"x".repeat(201), "TOO_LONG"), ("Ann-Adler", "SAME_AS_NAME")]
        {
            let Err(Error::Invalid(errors)) = check("ann-adler", password) else { panic!("{password} was taken") };
            assert_eq!(errors[0].code, code);
        }
        assert!(check("ann", "eight 8!").is_ok());
    }
}
