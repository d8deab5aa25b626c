//! Tries again what failed by something that passes.

use std::time::Duration;

/// Does `work` until it ends well, or by an error for which `pause` says that it is not tried again; else that says how long to wait
/// first, and is told how often it was tried again already. Whoever did the same meanwhile is found by `look`, which is asked before each
/// further try: what it finds is the end of it. A lost connection may keep back the answer alone, so that this may have been the last try.
///
/// # Errors
/// The last try's, or what `look` found.
// Not async closures: who spawns this could not know that their futures are `Send`.
pub(crate) async fn retry<T, E, W, L>(
    mut pause: impl FnMut(&E, u32) -> Option<Duration>,
    mut look: impl FnMut() -> L,
    mut work: impl FnMut() -> W,
) -> Result<T, E>
where
    W: Future<Output = Result<T, E>>,
    L: Future<Output = Option<Result<T, E>>>,
{
    let mut tries = 0;
    loop {
        let result = work().await;
        let Some(pause) = result.as_ref().err().and_then(|error| pause(error, tries)) else { return result };
        tokio::time::sleep(pause).await;
        if let Some(found) = look().await {
            return found;
        }
        tries += 1;
    }
}

/// Nobody else does the same.
pub(crate) async fn nobody<T>() -> Option<T> {
    None
}
