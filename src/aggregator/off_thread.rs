//! Work that may wait for a lock or a file, away from the threads that serve sockets.

/// Runs it on a thread for such work. A panic goes on in the caller, as if it had happened there.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the runtime cancels such work, and with it the caller.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::off_thread;

    #[tokio::test]
    async fn results_and_panics_come_back() {
        assert_eq!(off_thread(|| 1).await, 1);
        let panicking = tokio::spawn(off_thread(|| panic!("on purpose")));
        assert!(panicking.await.expect_err("it panicked").is_panic());
    }
}
